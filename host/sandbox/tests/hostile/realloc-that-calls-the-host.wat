;; The allocator calls the host while the host waits for it.
;; ends: trap
(component
  (core module $store-module (memory (export "memory") 4))
  (core instance $store (instantiate $store-module))
  (import "voicehive:tool/clock@0.1.0" (instance $clock (export "now" (func (result u64)))))
  (core func $now (canon lower (func $clock "now")))
  (core instance $host (export "now" (func $now)))
  (core module $memory-module
    (import "store" "memory" (memory 4))
    (import "host" "now" (func $now (result i64)))
    (export "memory" (memory 0))
    (func (export "realloc") (param i32 i32 i32 i32) (result i32) (drop (call $now)) (i32.const 131072)))
  (core instance $memory (instantiate $memory-module (with "store" (instance $store)) (with "host" (instance $host))))
  (core module $m
    (include described)
    (func (export "call") (type $call) (call $ok)))
  (include tool))
