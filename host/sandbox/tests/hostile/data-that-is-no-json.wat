;; Keeps what whoever reads it later could not read.
;; ends: bad-reply
(component
  (include memory)
  (core module $m
    (include described)
    (func (export "call") (type $call)
      (drop (call $ok))
      (i32.store8 (i32.const 4124) (i32.const 1))
      (i32.store (i32.const 4128) (i32.const 4200))
      (i32.store (i32.const 4132) (i32.const 2))
      (i32.const 4096)))
  (include tool))
