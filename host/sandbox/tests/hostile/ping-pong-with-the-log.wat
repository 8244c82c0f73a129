;; Writes lines without end; what is kept of them has its bound.
;; ends: cpu-exhausted
(component
  (include memory)
  (include log)
  (core module $m
    (import "host" "write" (func $write (param i32 i32 i32)))
    (include described)
    (func (export "call") (type $call)
      (memory.fill (i32.const 65536) (i32.const 0x61) (i32.const 1024))
      (loop $l (call $write (i32.const 3) (i32.const 65536) (i32.const 1024)) (br $l)) unreachable))
  (include tool-with-host))
