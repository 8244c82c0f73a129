;; The clean-up after the answer calls the host, which is done with the call.
;; ends: trap
(component
  (include memory)
  (include clock)
  (core module $m
    (import "host" "now" (func $now (result i64)))
    (include described)
    (func (export "call") (type $call) (call $ok))
    (func (export "clean-up") (param i32) (drop (call $now))))
  (core instance $i (instantiate $m (with "memory" (instance $memory)) (with "host" (instance $host))))
  (include types)
  (func $describe (result $definition)
    (canon lift (core func $i "describe") (memory (core memory $memory "memory"))))
  (func $call (param "context" $context) (param "arguments" string) (result (result $reply (error $failure)))
    (canon lift (core func $i "call") (memory (core memory $memory "memory"))
      (realloc (core func $memory "realloc")) (post-return (core func $i "clean-up"))))
  (include named)
  (export "voicehive:tool/tool@0.1.0" (instance $tool)))
