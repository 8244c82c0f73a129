;; Logs a line of 8 MiB.
;; ends: host-call-too-large
(component
  (include memory)
  (include log)
  (core module $m
    (import "host" "write" (func $write (param i32 i32 i32)))
    (include described)
    (func (export "call") (type $call)
      (call $expect (i32.ne (memory.grow (i32.const 200)) (i32.const -1)))
      (call $write (i32.const 1) (i32.const 65536) (i32.const 8388608)) (call $ok)))
  (include tool-with-host))
