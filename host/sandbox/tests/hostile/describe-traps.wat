;; Breaks while it describes itself.
;; ends: describe-failed
(component
  (include memory)
  (core module $m
    (include basics)
    (func (export "describe") (result i32) unreachable)
    (func (export "call") (type $call) (call $ok)))
  (include tool))
