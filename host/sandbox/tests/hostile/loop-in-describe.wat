;; `describe` never ends.
;; ends: describe-failed
(component
  (include memory)
  (core module $m
    (include basics)
    (func (export "describe") (result i32) (loop $l (br $l)) unreachable)
    (func (export "call") (type $call) (call $ok)))
  (include tool))
