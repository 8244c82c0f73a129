;; Describes its arguments in words.
;; ends: bad-schema
(component
  (include memory)
  (core module $m
    (include described)
    (data (i32.const 16) "\00\08\00\00\12\00\00\00")
    (data (i32.const 2048) "any object will do")
    (func (export "call") (type $call) (call $ok)))
  (include tool))
