;; The allocator hands out what it has not got, for the host to write to.
;; ends: trap
(component
  (core module $memory-module
    (memory (export "memory") 4)
    (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 0x7ffffff0)))
  (core instance $memory (instantiate $memory-module))
  (core module $m
    (include described)
    (func (export "call") (type $call) (call $ok)))
  (include tool))
