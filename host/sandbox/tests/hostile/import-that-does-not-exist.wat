;; Imports an interface that the contract does not have.
;; ends: import-not-allowed
(component
  (import "voicehive:tool/shell@0.1.0" (instance))
  (include memory)
  (core module $m
    (include described)
    (func (export "call") (type $call) (call $ok)))
  (include tool))
