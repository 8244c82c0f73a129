;; Has the schema fetched from a host of its choice.
;; ends: schema-reference
(component
  (include memory)
  (core module $m
    (include described)
    (data (i32.const 16) "\00\08\00\00\30\00\00\00")
    (data (i32.const 2048) "{\"type\":\"object\",\"$ref\":\"https://example.com/s\"}")
    (func (export "call") (type $call) (call $ok)))
  (include tool))
