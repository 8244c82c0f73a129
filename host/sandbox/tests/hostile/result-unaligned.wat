;; Returns an odd address.
;; ends: trap
(component
  (include memory)
  (core module $m
    (include described)
    (func (export "call") (type $call) (drop (call $ok)) (i32.const 4097)))
  (include tool))
