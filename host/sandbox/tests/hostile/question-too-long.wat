;; Has the caller asked a question of 513 bytes.
;; ends: result-too-large
(component
  (include memory)
  (core module $m
    (include described)
    (func (export "call") (type $call)
      (drop (call $ok))
      (memory.fill (i32.const 65536) (i32.const 0x61) (i32.const 513))
      (i32.store8 (i32.const 4100) (i32.const 1))
      (i32.store (i32.const 4104) (i32.const 65536))
      (i32.store (i32.const 4108) (i32.const 513))
      (i32.const 4096)))
  (include tool))
