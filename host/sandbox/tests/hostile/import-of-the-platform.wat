;; Imports what the platform keeps for itself.
;; ends: import-not-allowed
(component
  (import "voicehive:platform/memory@0.1.0" (instance))
  (include memory)
  (core module $m
    (include described)
    (func (export "call") (type $call) (call $ok)))
  (include tool))
