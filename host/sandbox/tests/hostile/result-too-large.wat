;; Answers with 100,000 bytes.
;; ends: result-too-large
(component
  (include memory)
  (core module $m
    (include described)
    (func (export "call") (type $call)
      (drop (call $ok)) (i32.store (i32.const 4108) (i32.const 100000)) (i32.const 4096)))
  (include tool))
