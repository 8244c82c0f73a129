;; Returns a result that is neither ok nor error.
;; ends: trap
(component
  (include memory)
  (core module $m
    (include described)
    (func (export "call") (type $call)
      (drop (call $ok)) (i32.store8 (i32.const 4096) (i32.const 2)) (i32.const 4096)))
  (include tool))
