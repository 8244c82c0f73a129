;; Declares the address that clouds keep credentials at.
;; ends: host-is-address
(component
  (include memory)
  (core module $m
    (include described)
    (data (i32.const 28) "\80\04\00\00\01\00\00\00")
    (data (i32.const 1152) "\90\04\00\00\0f\00\00\00")
    (data (i32.const 1168) "169.254.169.254")
    (func (export "call") (type $call) (call $ok)))
  (include tool))
