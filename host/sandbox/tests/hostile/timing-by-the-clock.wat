;; Measures its own work with the clock, to learn what its neighbours do; the clock stands still.
;; ends: done
(component
  (include memory)
  (include clock)
  (core module $m
    (import "host" "now" (func $now (result i64)))
    (include described)
    (func (export "call") (type $call) (local $n i32) (local $first i64)
      (local.set $first (call $now))
      (loop $l
        (call $expect (i64.eq (call $now) (local.get $first)))
        (br_if $l (i32.lt_u (local.tee $n (i32.add (local.get $n) (i32.const 1))) (i32.const 20000))))
      (call $ok)))
  (include tool-with-host))
