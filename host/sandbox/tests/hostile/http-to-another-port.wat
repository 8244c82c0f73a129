;; Sends a request to a declared host on a port that was not declared.
;; ends: done
(component
  (include memory)
  (include network)
  (core module $m
    (include send)
    (data (i32.const 3000) "https://api.example.com:8443/")
    (data (i32.const 3100) "https://api.example.com:22/")
    (func (export "call") (type $call)
      (memory.copy (i32.const 2048) (i32.const 3000) (i32.const 29))
      (call $get (i32.const 29))
      (call $refused (i32.const 0))
      (memory.copy (i32.const 2048) (i32.const 3100) (i32.const 27))
      (call $get (i32.const 27))
      (call $refused (i32.const 0))
      (call $ok)))
  (include tool-with-host))
