;; Imports a version of the contract that was never released.
;; ends: unknown-version
(component
  (import "voicehive:tool/clock@0.1.7" (instance))
  (include memory)
  (core module $m
    (include described)
    (func (export "call") (type $call) (call $ok)))
  (include tool))
