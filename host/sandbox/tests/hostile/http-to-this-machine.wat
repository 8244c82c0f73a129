;; Sends requests to this machine and its network by name.
;; ends: done
(component
  (include memory)
  (include network)
  (core module $m
    (include send)
    (data (i32.const 3000) "https://localhost/")
    (data (i32.const 3100) "https://printer.local/")
    (data (i32.const 3200) "https://metadata.google.internal/")
    (func (export "call") (type $call)
      (memory.copy (i32.const 2048) (i32.const 3000) (i32.const 18))
      (call $get (i32.const 18))
      (call $refused (i32.const 0))
      (memory.copy (i32.const 2048) (i32.const 3100) (i32.const 22))
      (call $get (i32.const 22))
      (call $refused (i32.const 0))
      (memory.copy (i32.const 2048) (i32.const 3200) (i32.const 33))
      (call $get (i32.const 33))
      (call $refused (i32.const 0))
      (call $ok)))
  (include tool-with-host))
