;; Asks for records more than a thousand times; from then on every question is invalid.
;; ends: done
(component
  (include memory)
  (include records)
  (core module $m
    (import "host" "get" (func $get (param i32 i32 i32)))
    (include described)
    (data (i32.const 2048) "none")
    (func (export "call") (type $call) (local $n i32)
      (loop $l
        (call $get (i32.const 2048) (i32.const 4) (i32.const 8192))
        (call $expect (i32.eqz (i32.load8_u (i32.const 8192))))
        (br_if $l (i32.lt_u (local.tee $n (i32.add (local.get $n) (i32.const 1))) (i32.const 1000))))
      (call $get (i32.const 2048) (i32.const 4) (i32.const 8192))
      (call $expect (i32.eq (i32.load8_u (i32.const 8192)) (i32.const 1)))
      (call $expect (i32.eqz (i32.load8_u (i32.const 8200))))
      (call $ok)))
  (include tool-with-host))
