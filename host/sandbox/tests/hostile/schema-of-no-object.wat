;; Wants a string for arguments.
;; ends: bad-schema
(component
  (include memory)
  (core module $m
    (include described)
    (data (i32.const 16) "\00\08\00\00\11\00\00\00")
    (data (i32.const 2048) "{\"type\":\"string\"}")
    (func (export "call") (type $call) (call $ok)))
  (include tool))
