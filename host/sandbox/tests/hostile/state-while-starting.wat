;; Leaves a mark while it starts, where the next start would find it; no start finds one.
;; ends: done
(component
  (include memory)
  (core module $m
    (include described)
    (func $start
      (call $expect (i32.eqz (i32.load (i32.const 200000))))
      (i32.store (i32.const 200000) (i32.const 1)))
    (start $start)
    (func (export "call") (type $call) (call $ok)))
  (include tool))
