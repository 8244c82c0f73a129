;; Answers with bytes that are no UTF-8.
;; ends: trap
(component
  (include memory)
  (core module $m
    (include described)
    (func (export "call") (type $call)
      (i32.store8 (i32.const 4201) (i32.const 0xff)) (call $ok)))
  (include tool))
