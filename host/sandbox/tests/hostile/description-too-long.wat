;; Describes itself in 1,280 bytes.
;; ends: bad-description
(component
  (include memory)
  (core module $m
    (include described)
    (data (i32.const 8) "\00\00\01\00\00\05\00\00")
    (func (export "call") (type $call) (call $ok)))
  (include tool))
