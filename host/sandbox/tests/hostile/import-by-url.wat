;; Has a component fetched from elsewhere.
;; ends: import-not-allowed
(component
  (import "url=<https://example.com/x>" (instance))
  (include memory)
  (core module $m
    (include described)
    (func (export "call") (type $call) (call $ok)))
  (include tool))
