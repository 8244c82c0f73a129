;; Logs a surrogate, which UTF-8 does not have.
;; ends: trap
(component
  (include memory)
  (include log)
  (core module $m
    (import "host" "write" (func $write (param i32 i32 i32)))
    (include described)
    (data (i32.const 2048) "\ed\a0\80")
    (func (export "call") (type $call)
      (call $write (i32.const 1) (i32.const 2048) (i32.const 3)) (call $ok)))
  (include tool-with-host))
