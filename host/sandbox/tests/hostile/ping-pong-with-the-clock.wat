;; Asks the host for the time, again and again.
;; ends: cpu-exhausted
(component
  (include memory)
  (include clock)
  (core module $m
    (import "host" "now" (func $now (result i64)))
    (include described)
    (func (export "call") (type $call) (loop $l (drop (call $now)) (br $l)) unreachable))
  (include tool-with-host))
