;; Describes itself in bytes that are no UTF-8.
;; ends: describe-failed
(component
  (include memory)
  (core module $m
    (include described)
    (data (i32.const 1040) "\ff")
    (func (export "call") (type $call) (call $ok)))
  (include tool))
