;; Calls itself without end.
;; ends: stack-exhausted
(component
  (include memory)
  (core module $m
    (include described)
    (func $deep (param i32) (result i32) (i32.add (i32.const 1) (call $deep (local.get 0))))
    (func (export "call") (type $call) (drop (call $deep (i32.const 0))) (call $ok)))
  (include tool))
