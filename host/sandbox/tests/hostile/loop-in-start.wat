;; The module never finishes starting.
;; ends: describe-failed
(component
  (include memory)
  (core module $m
    (include described)
    (func (export "call") (type $call) (call $ok))
    (func $spin (loop $l (br $l)))
    (start $spin))
  (include tool))
