;; Declares hosts that lie where it has no memory.
;; ends: describe-failed
(component
  (include memory)
  (core module $m
    (include described)
    (data (i32.const 28) "\00\ff\ff\7f\04\00\00\00")
    (func (export "call") (type $call) (call $ok)))
  (include tool))
