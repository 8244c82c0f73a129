;; Imports sockets of its own.
;; ends: import-not-allowed
(component
  (import "wasi:sockets/tcp@0.2.6" (instance))
  (include memory)
  (core module $m
    (include described)
    (func (export "call") (type $call) (call $ok)))
  (include tool))
