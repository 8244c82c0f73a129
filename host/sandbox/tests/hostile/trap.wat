;; Breaks at once.
;; ends: trap
(component
  (include memory)
  (core module $m
    (include described)
    (func (export "call") (type $call) unreachable))
  (include tool))
