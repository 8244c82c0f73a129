;; Writes the handle of another tool's secret itself; the request is denied.
;; ends: done
(component
  (include memory)
  (include network)
  (core module $m
    (include send)
    (data (i32.const 2048) "https://api.example.com/")
    (data (i32.const 2112) "authorization")
    (data (i32.const 2144) "{{secret:other-key}}")
    (data (i32.const 2200) "\40\08\00\00\0d\00\00\00\60\08\00\00\14\00\00\00")
    (func (export "call") (type $call)
      (call $send (i32.const 1200) (i32.const 3) (i32.const 2048) (i32.const 24)
        (i32.const 2200) (i32.const 1) (i32.const 0) (i32.const 0) (i32.const 8192))
      (call $refused (i32.const 0))
      (call $ok)))
  (include tool-with-host))
