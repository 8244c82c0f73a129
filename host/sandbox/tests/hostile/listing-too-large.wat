;; Stores seventeen of the largest values and lists them all at once, more than a listing holds; it is invalid.
;; ends: done
(component
  (include memory)
  (include records)
  (core module $m
    (import "host" "insert" (func $insert (param i32 i32 i32 i32 i32)))
    (import "host" "list" (func $list (param i32 i32 i32 i32 i32 i32 i32)))
    (include described)
    (data (i32.const 2048) "large/a")
    (func (export "call") (type $call) (local $n i32)
      (loop $l
        (i32.store8 (i32.const 2054) (i32.add (i32.const 0x61) (local.get $n)))
        (call $insert (i32.const 2048) (i32.const 7) (i32.const 65536) (i32.const 65536) (i32.const 8192))
        (call $expect (i32.eqz (i32.load8_u (i32.const 8192))))
        (br_if $l (i32.lt_u (local.tee $n (i32.add (local.get $n) (i32.const 1))) (i32.const 17))))
      (call $list (i32.const 2048) (i32.const 6) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 200)
        (i32.const 8192))
      (call $expect (i32.eq (i32.load8_u (i32.const 8192)) (i32.const 1)))
      (call $expect (i32.eqz (i32.load8_u (i32.const 8196))))
      (call $ok)))
  (include tool-with-host))
