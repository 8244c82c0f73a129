;; Says that its answer lies where it has no memory.
;; ends: trap
(component
  (include memory)
  (core module $m
    (include described)
    (func (export "call") (type $call)
      (drop (call $ok)) (i32.store (i32.const 4104) (i32.const 0x7fffffff)) (i32.const 4096)))
  (include tool))
