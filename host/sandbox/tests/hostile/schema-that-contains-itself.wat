;; Describes its arguments by themselves, so that a checker never ends.
;; ends: schema-recursive
(component
  (include memory)
  (core module $m
    (include described)
    (data (i32.const 16) "\00\08\00\00\1c\00\00\00")
    (data (i32.const 2048) "{\"type\":\"object\",\"$ref\":\"#\"}")
    (func (export "call") (type $call) (call $ok)))
  (include tool))
