;; Exports the functions of a tool with other types.
;; ends: export-mismatch
(component
  (core module $m (func (export "f") (result i32) (i32.const 0)))
  (core instance $i (instantiate $m))
  (func $f (result u32) (canon lift (core func $i "f")))
  (instance $tool (export "describe" (func $f)) (export "call" (func $f)))
  (export "voicehive:tool/tool@0.1.0" (instance $tool)))
