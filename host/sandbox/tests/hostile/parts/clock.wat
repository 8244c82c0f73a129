  (import "voicehive:tool/clock@0.1.0" (instance $clock (export "now" (func (result u64)))))
  (core func $now (canon lower (func $clock "now")))
  (core instance $host (export "now" (func $now)))
