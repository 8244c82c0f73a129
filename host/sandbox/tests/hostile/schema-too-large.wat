;; Describes its arguments in more than 16 KiB.
;; ends: schema-too-large
(component
  (include memory)
  (core module $m
    (include described)
    (data (i32.const 16) "\00\00\01\00\01\40\00\00")
    (func (export "call") (type $call) (call $ok)))
  (include tool))
