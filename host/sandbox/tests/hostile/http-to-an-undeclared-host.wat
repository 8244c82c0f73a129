;; Sends a request to a host that it did not declare.
;; ends: done
(component
  (include memory)
  (include network)
  (core module $m
    (include send)
    (data (i32.const 3000) "https://other.example.org/")
    (data (i32.const 3100) "https://example.com/")
    (data (i32.const 3200) "https://api.example.com.example.org/")
    (func (export "call") (type $call)
      (memory.copy (i32.const 2048) (i32.const 3000) (i32.const 26))
      (call $get (i32.const 26))
      (call $refused (i32.const 0))
      (memory.copy (i32.const 2048) (i32.const 3100) (i32.const 20))
      (call $get (i32.const 20))
      (call $refused (i32.const 0))
      (memory.copy (i32.const 2048) (i32.const 3200) (i32.const 36))
      (call $get (i32.const 36))
      (call $refused (i32.const 0))
      (call $ok)))
  (include tool-with-host))
