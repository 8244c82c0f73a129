;; Declares 16,000 hosts.
;; ends: too-many-hosts
(component
  (include memory)
  (core module $m
    (include described)
    (data (i32.const 28) "\00\00\02\00\80\3e\00\00")
    (func (export "call") (type $call) (call $ok)))
  (include tool))
