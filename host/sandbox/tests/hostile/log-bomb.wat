;; Logs a mebibyte in lines of a kibibyte; 16 KiB of it are kept.
;; ends: done
(component
  (include memory)
  (include log)
  (core module $m
    (import "host" "write" (func $write (param i32 i32 i32)))
    (include described)
    (func (export "call") (type $call) (local $n i32)
      (memory.fill (i32.const 65536) (i32.const 0x61) (i32.const 1024))
      (loop $l
        (call $write (i32.const 1) (i32.const 65536) (i32.const 1024))
        (br_if $l (i32.lt_u (local.tee $n (i32.add (local.get $n) (i32.const 1))) (i32.const 1024))))
      (call $ok)))
  (include tool-with-host))
