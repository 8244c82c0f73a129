;; Calls itself by a name with white space, which no model could call.
;; ends: bad-name
(component
  (include memory)
  (core module $m
    (include described)
    (data (i32.const 1024) "p obe")
    (func (export "call") (type $call) (call $ok)))
  (include tool))
