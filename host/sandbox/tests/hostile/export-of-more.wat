;; Exports a function beside the tool.
;; ends: export-not-allowed
(component
  (include memory)
  (core module $m
    (include described)
    (func (export "call") (type $call) (call $ok)))
  (core module $extra-module (func (export "f")))
  (core instance $extra (instantiate $extra-module))
  (core instance $i (instantiate $m (with "memory" (instance $memory))))
  (include types)
  (include lifts)
  (include named)
  (func $i-am-extra (canon lift (core func $extra "f")))
  (export "run" (func $i-am-extra))
  (export "voicehive:tool/tool@0.1.0" (instance $tool)))
