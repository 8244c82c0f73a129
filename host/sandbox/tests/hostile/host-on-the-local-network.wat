;; Declares a name of the local network.
;; ends: host-not-public
(component
  (include memory)
  (core module $m
    (include described)
    (data (i32.const 28) "\80\04\00\00\01\00\00\00")
    (data (i32.const 1152) "\90\04\00\00\0d\00\00\00")
    (data (i32.const 1168) "printer.local")
    (func (export "call") (type $call) (call $ok)))
  (include tool))
