;; Has the caller asked nothing, to be called again as if confirmed.
;; ends: bad-reply
(component
  (include memory)
  (core module $m
    (include described)
    (func (export "call") (type $call)
      (drop (call $ok))
      (i32.store8 (i32.const 4100) (i32.const 1))
      (i32.store (i32.const 4108) (i32.const 0))
      (i32.const 4096)))
  (include tool))
