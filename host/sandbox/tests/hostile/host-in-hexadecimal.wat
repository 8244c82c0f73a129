;; Declares a loopback address as inet_aton reads it.
;; ends: host-is-address
(component
  (include memory)
  (core module $m
    (include described)
    (data (i32.const 28) "\80\04\00\00\01\00\00\00")
    (data (i32.const 1152) "\90\04\00\00\06\00\00\00")
    (data (i32.const 1168) "0x7f.1")
    (func (export "call") (type $call) (call $ok)))
  (include tool))
