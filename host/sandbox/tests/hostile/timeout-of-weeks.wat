;; Wants fifty days for a call.
;; ends: bad-timeout
(component
  (include memory)
  (core module $m
    (include described)
    (data (i32.const 36) "\ff\ff\ff\ff")
    (func (export "call") (type $call) (call $ok)))
  (include tool))
