;; Sends requests to URLs that two parsers read as two hosts; none is sent.
;; ends: done
(component
  (include memory)
  (include network)
  (core module $m
    (include send)
    (data (i32.const 3000) "https://api.example.com@127.0.0.1/")
    (data (i32.const 3100) "https://127.0.0.1#@api.example.com/")
    (data (i32.const 3200) "https://127.0.0.1\\@api.example.com/")
    (data (i32.const 3300) "https://api.example.com\09.evil.org/")
    (func $no-response
      (call $expect (i32.eq (i32.load8_u (i32.const 8192)) (i32.const 1)))
      (call $expect (i32.le_u (i32.load8_u (i32.const 8196)) (i32.const 1))))
    (func (export "call") (type $call)
      (memory.copy (i32.const 2048) (i32.const 3000) (i32.const 34))
      (call $get (i32.const 34))
      (call $no-response)
      (memory.copy (i32.const 2048) (i32.const 3100) (i32.const 35))
      (call $get (i32.const 35))
      (call $no-response)
      (memory.copy (i32.const 2048) (i32.const 3200) (i32.const 35))
      (call $get (i32.const 35))
      (call $no-response)
      (memory.copy (i32.const 2048) (i32.const 3300) (i32.const 34))
      (call $get (i32.const 34))
      (call $no-response)
      (call $ok)))
  (include tool-with-host))
