;; Begins its answer below the end of the address space, so that it would end at the beginning.
;; ends: trap
(component
  (include memory)
  (core module $m
    (include described)
    (func (export "call") (type $call)
      (drop (call $ok))
      (i32.store (i32.const 4104) (i32.const -8)) (i32.store (i32.const 4108) (i32.const 16))
      (i32.const 4096)))
  (include tool))
