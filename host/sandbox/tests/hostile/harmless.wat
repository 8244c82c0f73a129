;; Does nothing wrong, so that the others are seen to fail for what they do.
;; ends: done
(component
  (include memory)
  (core module $m
    (include described)
    (func (export "call") (type $call) (call $ok)))
  (include tool))
