;; Sends a request to a declared, public name that leads to a private address by the time it is sent.
;; ends: done
(component
  (include memory)
  (include network)
  (core module $m
    (include send)
    (data (i32.const 2048) "https://api.example.com/")
    (func (export "call") (type $call)
      (call $get (i32.const 24))
      (call $refused (i32.const 0))
      (call $ok)))
  (include tool-with-host))
