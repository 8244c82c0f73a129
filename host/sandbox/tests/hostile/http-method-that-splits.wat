;; Writes a whole request into the method; it is invalid.
;; ends: done
(component
  (include memory)
  (include network)
  (core module $m
    (include send)
    (data (i32.const 2048) "https://api.example.com/")
    (data (i32.const 2200) "GET / HTTP/1.1\0d\0aHost: x\0d\0a\0d\0aGET")
    (func (export "call") (type $call)
      (call $send (i32.const 2200) (i32.const 30) (i32.const 2048) (i32.const 24)
        (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 8192))
      (call $refused (i32.const 1))
      (call $ok)))
  (include tool-with-host))
