;; Sends a body of more than 256 KiB; it is invalid.
;; ends: done
(component
  (include memory)
  (include network)
  (core module $m
    (include send)
    (data (i32.const 2048) "https://api.example.com/")
    (func (export "call") (type $call)
      (call $expect (i32.ne (memory.grow (i32.const 16)) (i32.const -1)))
      (call $send (i32.const 1200) (i32.const 3) (i32.const 2048) (i32.const 24)
        (i32.const 0) (i32.const 0) (i32.const 262144) (i32.const 262145) (i32.const 8192))
      (call $refused (i32.const 1))
      (call $ok)))
  (include tool-with-host))
