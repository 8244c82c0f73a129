;; Takes table elements in steps of 1,000; is given 20,000 and no more.
;; ends: done
(component
  (include memory)
  (core module $m
    (include described)
    (table $t 0 funcref)
    (func (export "call") (type $call)
      (loop $l (br_if $l (i32.ne (table.grow $t (ref.null func) (i32.const 1000)) (i32.const -1))))
      (call $expect (i32.eq (table.size $t) (i32.const 20000)))
      (call $ok)))
  (include tool))
