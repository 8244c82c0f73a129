;; Lists the records under no prefix at all; sees its own tenant's one and no other.
;; ends: done
(component
  (include memory)
  (include records)
  (core module $m
    (import "host" "get" (func $get (param i32 i32 i32)))
    (import "host" "insert" (func $insert (param i32 i32 i32 i32 i32)))
    (import "host" "list" (func $list (param i32 i32 i32 i32 i32 i32 i32)))
    (include described)
    (func $listed (param $prefix i32) (param $size i32) (param $count i32)
      (call $list (local.get $prefix) (local.get $size) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 200)
        (i32.const 8192))
      (call $expect (i32.eqz (i32.load8_u (i32.const 8192))))
      (call $expect (i32.eq (i32.load (i32.const 8200)) (local.get $count))))
    (func (export "call") (type $call)
      (call $listed (i32.const 2048) (i32.const 0) (i32.const 1))
      (call $ok)))
  (include tool-with-host))
