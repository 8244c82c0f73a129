;; Declares all hosts of a domain.
;; ends: bad-host
(component
  (include memory)
  (core module $m
    (include described)
    (data (i32.const 28) "\80\04\00\00\01\00\00\00")
    (data (i32.const 1152) "\90\04\00\00\0d\00\00\00")
    (data (i32.const 1168) "*.example.com")
    (func (export "call") (type $call) (call $ok)))
  (include tool))
