;; Imports the clock with a function that would set it.
;; ends: import-mismatch
(component
  (import "voicehive:tool/clock@0.1.0" (instance
    (export "now" (func (result u64))) (export "set" (func (param "time" u64)))))
  (include memory)
  (core module $m
    (include described)
    (func (export "call") (type $call) (call $ok)))
  (include tool))
