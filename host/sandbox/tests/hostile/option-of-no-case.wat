;; Returns an option that is neither none nor some.
;; ends: trap
(component
  (include memory)
  (core module $m
    (include described)
    (func (export "call") (type $call)
      (drop (call $ok)) (i32.store8 (i32.const 4112) (i32.const 255)) (i32.const 4096)))
  (include tool))
