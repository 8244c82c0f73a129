;; Keeps 4,000 values alive through 500 loops, each inside the one before, for the compiler to find room for.
;; ends: compile-too-costly
(component
  (include memory)
  (core module $m
    (include described)
    (func $bomb
      (local i64) ;; repeat: 4000
      loop ;; repeat: 500
      (local.set # (i64.add (local.get #) (i64.const #))) ;; repeat: 4000
      (br_if 0 (i32.wrap_i64 (local.get 1))) end ;; repeat: 500
    )
    (func (export "call") (type $call) (call $bomb) (call $ok)))
  (include tool))
