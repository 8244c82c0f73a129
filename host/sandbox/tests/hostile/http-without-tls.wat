;; Sends a request in the clear, and by other schemes.
;; ends: done
(component
  (include memory)
  (include network)
  (core module $m
    (include send)
    (data (i32.const 3000) "http://api.example.com/")
    (data (i32.const 3100) "file:///etc/passwd")
    (data (i32.const 3200) "gopher://api.example.com/")
    (func (export "call") (type $call)
      (memory.copy (i32.const 2048) (i32.const 3000) (i32.const 23))
      (call $get (i32.const 23))
      (call $refused (i32.const 1))
      (memory.copy (i32.const 2048) (i32.const 3100) (i32.const 18))
      (call $get (i32.const 18))
      (call $refused (i32.const 1))
      (memory.copy (i32.const 2048) (i32.const 3200) (i32.const 25))
      (call $get (i32.const 25))
      (call $refused (i32.const 1))
      (call $ok)))
  (include tool-with-host))
