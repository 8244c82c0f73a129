;; Keeps more than a call's log takes.
;; ends: result-too-large
(component
  (include memory)
  (core module $m
    (include described)
    (func (export "call") (type $call)
      (drop (call $ok))
      (memory.fill (i32.const 65536) (i32.const 0x31) (i32.const 16385))
      (i32.store8 (i32.const 4124) (i32.const 1))
      (i32.store (i32.const 4128) (i32.const 65536))
      (i32.store (i32.const 4132) (i32.const 16385))
      (i32.const 4096)))
  (include tool))
