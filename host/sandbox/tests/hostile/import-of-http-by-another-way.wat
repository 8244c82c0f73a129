;; Imports HTTP that asks nobody.
;; ends: import-not-allowed
(component
  (import "wasi:http/outgoing-handler@0.2.6" (instance))
  (include memory)
  (core module $m
    (include described)
    (func (export "call") (type $call) (call $ok)))
  (include tool))
