;; Reads a key whose length is more than its memory has.
;; ends: trap
(component
  (include memory)
  (include records)
  (core module $m
    (import "host" "get" (func $get (param i32 i32 i32)))
    (import "host" "insert" (func $insert (param i32 i32 i32 i32 i32)))
    (import "host" "list" (func $list (param i32 i32 i32 i32 i32 i32 i32)))
    (include described)

    (func (export "call") (type $call)
      (call $get (i32.const 2048) (i32.const -1) (i32.const 8192))
      (call $ok)))
  (include tool-with-host))
