;; Leaves a mark in its memory for the next call, all over it; the next call finds none.
;; ends: done
(component
  (include memory)
  (core module $m
    (include described)
    (func (export "call") (type $call) (local $at i32)
      (call $expect (i32.ne (memory.grow (i32.const 60)) (i32.const -1)))
      (local.set $at (i32.const 204800))
      (loop $l
        (call $expect (i64.eqz (i64.load (local.get $at))))
        (i64.store (local.get $at) (i64.const -1))
        (local.set $at (i32.add (local.get $at) (i32.const 4096)))
        (br_if $l (i32.lt_u (local.get $at) (i32.const 4194304))))
      (call $ok)))
  (include tool))
