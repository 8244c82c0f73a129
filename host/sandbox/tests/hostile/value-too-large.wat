;; Stores a value of 64 KiB and a byte; it is invalid.
;; ends: done
(component
  (include memory)
  (include records)
  (core module $m
    (import "host" "get" (func $get (param i32 i32 i32)))
    (import "host" "insert" (func $insert (param i32 i32 i32 i32 i32)))
    (import "host" "list" (func $list (param i32 i32 i32 i32 i32 i32 i32)))
    (include described)
    (data (i32.const 2048) "own/large")
    (func (export "call") (type $call)
      (call $insert (i32.const 2048) (i32.const 9) (i32.const 65536) (i32.const 65537) (i32.const 8192))
      (call $expect (i32.eq (i32.load8_u (i32.const 8192)) (i32.const 1)))
      (call $expect (i32.eqz (i32.load8_u (i32.const 8200))))
      (call $ok)))
  (include tool-with-host))
