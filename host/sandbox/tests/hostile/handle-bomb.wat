;; Makes a resource of its own and handles of it without end.
;; ends: trap
(component
  (include memory)
  (type $thing (resource (rep i32)))
  (core func $new (canon resource.new $thing))
  (core instance $host (export "new" (func $new)))
  (core module $m
    (import "host" "new" (func $new (param i32) (result i32)))
    (include described)
    (func (export "call") (type $call) (loop $l (drop (call $new (i32.const 1))) (br $l)) unreachable))
  (include tool-with-host))
