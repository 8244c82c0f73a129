;; Does not say what it does.
;; ends: bad-description
(component
  (include memory)
  (core module $m
    (include described)
    (data (i32.const 12) "\00\00\00\00")
    (func (export "call") (type $call) (call $ok)))
  (include tool))
