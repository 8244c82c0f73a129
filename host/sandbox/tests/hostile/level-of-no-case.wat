;; Logs at a level that does not exist.
;; ends: trap
(component
  (include memory)
  (include log)
  (core module $m
    (import "host" "write" (func $write (param i32 i32 i32)))
    (include described)
    (func (export "call") (type $call)
      (call $write (i32.const 4) (i32.const 4200) (i32.const 2)) (call $ok)))
  (include tool-with-host))
