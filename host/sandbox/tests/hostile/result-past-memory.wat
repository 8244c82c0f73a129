;; Returns an address at the very end of its memory, where no result fits.
;; ends: trap
(component
  (include memory)
  (core module $m
    (include described)
    (func (export "call") (type $call) (i32.sub (i32.mul (memory.size) (i32.const 65536)) (i32.const 4))))
  (include tool))
