;; Takes all of the 4 GiB in one step; is given nothing.
;; ends: done
(component
  (include memory)
  (core module $m
    (include described)
    (func (export "call") (type $call)
      (call $expect (i32.eq (memory.grow (i32.const 65532)) (i32.const -1)))
      (call $ok)))
  (include tool))
