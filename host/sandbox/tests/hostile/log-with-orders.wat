;; Logs a second line within its line, and orders to the terminal; both become spaces.
;; ends: done
(component
  (include memory)
  (include log)
  (core module $m
    (import "host" "write" (func $write (param i32 i32 i32)))
    (include described)
    (data (i32.const 2048) "one\0d\0a2026-11-21 tool two\1b[2J\1b]0;three\07\c2\9b\00")
    (func (export "call") (type $call)
      (call $write (i32.const 1) (i32.const 2048) (i32.const 41)) (call $ok)))
  (include tool-with-host))
