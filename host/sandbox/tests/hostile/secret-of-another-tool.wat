;; Asks for handles of another tool's secrets, and of names that are none; they are unknown.
;; ends: done
(component
  (include memory)
  (include network)
  (core module $m
    (include send)
    (data (i32.const 2048) "other-key")
    (data (i32.const 2064) "OTHER-KEY")
    (data (i32.const 2080) "../other-key")
    (func $unknown (param i32 i32)
      (call $handle (local.get 0) (local.get 1) (i32.const 8192))
      (call $expect (i32.eq (i32.load8_u (i32.const 8192)) (i32.const 1)))
      (call $expect (i32.eqz (i32.load8_u (i32.const 8196)))))
    (func (export "call") (type $call)
      (call $unknown (i32.const 2048) (i32.const 9))
      (call $unknown (i32.const 2064) (i32.const 9))
      (call $unknown (i32.const 2080) (i32.const 12))
      (call $unknown (i32.const 2048) (i32.const 0))
      (call $ok)))
  (include tool-with-host))
