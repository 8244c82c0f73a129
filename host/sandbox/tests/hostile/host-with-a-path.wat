;; Declares a host with a user and a path around it.
;; ends: bad-host
(component
  (include memory)
  (core module $m
    (include described)
    (data (i32.const 28) "\80\04\00\00\01\00\00\00")
    (data (i32.const 1152) "\90\04\00\00\17\00\00\00")
    (data (i32.const 1168) "user@api.example.com/v1")
    (func (export "call") (type $call) (call $ok)))
  (include tool))
