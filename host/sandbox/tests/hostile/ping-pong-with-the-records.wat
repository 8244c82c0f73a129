;; Asks for records without end.
;; ends: cpu-exhausted
(component
  (core module $memory-module
    (memory (export "memory") 4)
    (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 131072)))
  (core instance $memory (instantiate $memory-module))
  (include records)
  (core module $m
    (import "host" "get" (func $get (param i32 i32 i32)))
    (include described)
    (data (i32.const 2048) "none")
    (func (export "call") (type $call)
      (loop $l (call $get (i32.const 2048) (i32.const 4) (i32.const 8192)) (br $l)) unreachable))
  (include tool-with-host))
