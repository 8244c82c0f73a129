;; Answers with 8 MiB, which the host does not even copy.
;; ends: host-call-too-large
(component
  (include memory)
  (core module $m
    (include described)
    (func (export "call") (type $call)
      (call $expect (i32.ne (memory.grow (i32.const 200)) (i32.const -1)))
      (drop (call $ok)) (i32.store (i32.const 4108) (i32.const 8388608)) (i32.const 4096)))
  (include tool))
