;; Keeps JSON that would exhaust the stack of a careless reader.
;; ends: bad-reply
(component
  (include memory)
  (core module $m
    (include described)
    (func (export "call") (type $call)
      (drop (call $ok))
      (memory.fill (i32.const 65536) (i32.const 0x5b) (i32.const 8000))
      (memory.fill (i32.const 73536) (i32.const 0x5d) (i32.const 8000))
      (i32.store8 (i32.const 4124) (i32.const 1))
      (i32.store (i32.const 4128) (i32.const 65536))
      (i32.store (i32.const 4132) (i32.const 16000))
      (i32.const 4096)))
  (include tool))
