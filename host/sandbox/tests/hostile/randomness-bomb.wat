;; Draws 2^63 random bytes at once.
;; ends: trap
(component
  (include memory)
  (import "wasi:random/random@0.2.6" (instance $random
    (export "get-random-bytes" (func (param "len" u64) (result (list u8))))))
  (core func $draw (canon lower (func $random "get-random-bytes")
    (memory (core memory $memory "memory")) (realloc (core func $memory "realloc"))))
  (core instance $host (export "draw" (func $draw)))
  (core module $m
    (import "host" "draw" (func $draw (param i64 i32)))
    (include described)
    (func (export "call") (type $call) (call $draw (i64.const 0x7fffffffffffffff) (i32.const 8192)) (call $ok)))
  (include tool-with-host))
