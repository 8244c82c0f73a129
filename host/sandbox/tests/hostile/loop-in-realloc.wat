;; The allocator never ends when it is to take the arguments.
;; ends: cpu-exhausted
(component
  (core module $memory-module
    (memory (export "memory") 4)
    (func (export "realloc") (param i32 i32 i32 i32) (result i32) (loop $l (br $l)) unreachable))
  (core instance $memory (instantiate $memory-module))
  (core module $m
    (include described)
    (func (export "call") (type $call) (call $ok)))
  (include tool))
