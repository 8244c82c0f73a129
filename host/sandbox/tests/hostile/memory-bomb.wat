;; Takes memory page by page; is given 32 MiB and no more.
;; ends: done
(component
  (include memory)
  (core module $m
    (include described)
    (func (export "call") (type $call)
      (loop $l (br_if $l (i32.ne (memory.grow (i32.const 1)) (i32.const -1))))
      (call $expect (i32.eq (memory.size) (i32.const 512)))
      (call $ok)))
  (include tool))
