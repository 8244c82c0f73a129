;; Exports a resource, whose destructor the host would have to call.
;; ends: resource-not-in-world
(component
  (include memory)
  (core module $m
    (include described)
    (func (export "call") (type $call) (call $ok)))
  (core instance $i (instantiate $m (with "memory" (instance $memory))))
  (include types)
  (include lifts)
  (include named)
  (type $session (resource (rep i32)))
  (export "session" (type $session))
  (export "voicehive:tool/tool@0.1.0" (instance $tool)))
