;; Ends the process through an interface that compilers import unasked.
;; ends: trap
(component
  (include memory)
  (import "wasi:cli/exit@0.2.6" (instance $exit (export "exit" (func (param "status" (result))))))
  (core func $exit (canon lower (func $exit "exit")))
  (core instance $host (export "exit" (func $exit)))
  (core module $m
    (import "host" "exit" (func $exit (param i32)))
    (include described)
    (func (export "call") (type $call) (call $exit (i32.const 0)) (call $ok)))
  (include tool-with-host))
