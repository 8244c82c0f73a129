;; Calls itself without end, with 1,000 values alive in each frame.
;; ends: stack-exhausted
(component
  (include memory)
  (core module $m
    (include described)
    (func $deep (param $n i64) (result i64)
      (local i64) ;; repeat: 1000
      (local.set # (i64.mul (local.get $n) (i64.const #))) ;; repeat: 1000
      (local.set $n (call $deep (i64.add (local.get $n) (i64.const 1))))
      (local.set $n (i64.xor (local.get $n) (local.get #))) ;; repeat: 1000
      (local.get $n))
    (func (export "call") (type $call) (drop (call $deep (i64.const 1))) (call $ok)))
  (include tool))
