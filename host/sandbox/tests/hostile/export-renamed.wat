;; Exports the tool under another name.
;; ends: export-missing
(component
  (include memory)
  (core module $m
    (include described)
    (func (export "call") (type $call) (call $ok)))
  (core instance $i (instantiate $m (with "memory" (instance $memory))))
  (include types)
  (include lifts)
  (include named)
  (export "voicehive:tool/tools@0.1.0" (instance $tool)))
