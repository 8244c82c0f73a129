;; Declares half a milliard of hosts, more than its memory holds.
;; ends: describe-failed
(component
  (include memory)
  (core module $m
    (include described)
    (data (i32.const 28) "\00\00\02\00\ff\ff\ff\1f")
    (func (export "call") (type $call) (call $ok)))
  (include tool))
