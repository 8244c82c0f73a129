;; Describes itself with an effect that does not exist.
;; ends: describe-failed
(component
  (include memory)
  (core module $m
    (include described)
    (data (i32.const 24) "\07")
    (func (export "call") (type $call) (call $ok)))
  (include tool))
