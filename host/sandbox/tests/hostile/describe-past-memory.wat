;; Describes itself where it has no memory.
;; ends: describe-failed
(component
  (include memory)
  (core module $m
    (include basics)
    (func (export "describe") (result i32) (i32.const -4))
    (func (export "call") (type $call) (call $ok)))
  (include tool))
