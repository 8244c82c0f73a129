;; Returns the 200th case of a variant that has two.
;; ends: trap
(component
  (include memory)
  (core module $m
    (include described)
    (func (export "call") (type $call)
      (drop (call $ok)) (i32.store8 (i32.const 4100) (i32.const 200)) (i32.const 4096)))
  (include tool))
