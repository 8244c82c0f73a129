;; Imports the records with the tenant as a parameter.
;; ends: import-mismatch
(component
  (import "voicehive:tool/records@0.1.0" (instance
    (export "get" (func (param "tenant" string) (param "key" string) (result (option (list u8)))))))
  (include memory)
  (core module $m
    (include described)
    (func (export "call") (type $call) (call $ok)))
  (include tool))
