;; Lists four milliards of records at once; the limit is invalid.
;; ends: done
(component
  (include memory)
  (include records)
  (core module $m
    (import "host" "get" (func $get (param i32 i32 i32)))
    (import "host" "insert" (func $insert (param i32 i32 i32 i32 i32)))
    (import "host" "list" (func $list (param i32 i32 i32 i32 i32 i32 i32)))
    (include described)

    (func (export "call") (type $call)
      (call $list (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const -1) (i32.const 8192))
      (call $expect (i32.eq (i32.load8_u (i32.const 8192)) (i32.const 1)))
      (call $expect (i32.eqz (i32.load8_u (i32.const 8196))))
      (call $ok)))
  (include tool-with-host))
