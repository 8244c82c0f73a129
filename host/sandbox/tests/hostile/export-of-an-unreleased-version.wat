;; Exports a version of the tool that was never released.
;; ends: unknown-version
(component
  (include memory)
  (core module $m
    (include described)
    (func (export "call") (type $call) (call $ok)))
  (core instance $i (instantiate $m (with "memory" (instance $memory))))
  (include types)
  (include lifts)
  (include named)
  (export "voicehive:tool/tool@0.2.0" (instance $tool)))
