;; Declares this machine.
;; ends: host-not-public
(component
  (include memory)
  (core module $m
    (include described)
    (data (i32.const 28) "\80\04\00\00\01\00\00\00")
    (data (i32.const 1152) "\90\04\00\00\0e\00\00\00")
    (data (i32.const 1168) "localhost:8080")
    (func (export "call") (type $call) (call $ok)))
  (include tool))
