;; `call` answers, and the clean-up after it never ends.
;; ends: cpu-exhausted
(component
  (include memory)
  (core module $m
    (include described)
    (func (export "call") (type $call) (call $ok))
    (func (export "clean-up") (param i32) (loop $l (br $l))))
  (core instance $i (instantiate $m (with "memory" (instance $memory))))
  (include types)
  (func $describe (result $definition)
    (canon lift (core func $i "describe") (memory (core memory $memory "memory"))))
  (func $call (param "context" $context) (param "arguments" string) (result (result $reply (error $failure)))
    (canon lift (core func $i "call") (memory (core memory $memory "memory"))
      (realloc (core func $memory "realloc")) (post-return (core func $i "clean-up"))))
  (include named)
  (export "voicehive:tool/tool@0.1.0" (instance $tool)))
