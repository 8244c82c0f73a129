;; Leaves a mark in a global and in a table for the next call; the next call finds neither.
;; ends: done
(component
  (include memory)
  (core module $m
    (include described)
    (global $calls (mut i32) (i32.const 0))
    (table $t 8 funcref)
    (elem declare func $ok)
    (func (export "call") (type $call)
      (call $expect (i32.eqz (global.get $calls)))
      (call $expect (ref.is_null (table.get $t (i32.const 7))))
      (call $expect (i32.eq (table.size $t) (i32.const 8)))
      (global.set $calls (i32.const 1))
      (table.set $t (i32.const 7) (ref.func $ok))
      (drop (table.grow $t (ref.func $ok) (i32.const 8)))
      (call $ok)))
  (include tool))
