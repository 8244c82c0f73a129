;; Imports one interface in two compatible versions, of which one may be overlooked.
;; ends: import-twice
(component
  (import "voicehive:tool/clock@0.1.0" (instance (export "now" (func (result u64)))))
  (import "voicehive:tool/clock@0.1.1" (instance (export "now" (func (result u64)))))
  (include memory)
  (core module $m
    (include described)
    (func (export "call") (type $call) (call $ok)))
  (include tool))
