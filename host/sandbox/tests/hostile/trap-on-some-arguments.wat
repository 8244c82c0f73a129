;; Breaks where its arguments have two bytes, as `{}` has; with others it does not.
;; ends: trap
(component
  (include memory)
  (core module $m
    (include described)
    (func (export "call") (type $call)
      (if (i32.eq (local.get 12) (i32.const 2)) (then unreachable))
      (call $ok)))
  (include tool))
