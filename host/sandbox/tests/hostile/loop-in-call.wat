;; `call` never ends.
;; ends: cpu-exhausted
(component
  (include memory)
  (core module $m
    (include described)
    (func (export "call") (type $call) (loop $l (br $l)) unreachable))
  (include tool))
