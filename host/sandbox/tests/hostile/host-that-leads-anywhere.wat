;; Declares a public name that leads to the address written into it.
;; ends: host-not-public
(component
  (include memory)
  (core module $m
    (include described)
    (data (i32.const 28) "\80\04\00\00\01\00\00\00")
    (data (i32.const 1152) "\90\04\00\00\10\00\00\00")
    (data (i32.const 1168) "127.0.0.1.nip.io")
    (func (export "call") (type $call) (call $ok)))
  (include tool))
