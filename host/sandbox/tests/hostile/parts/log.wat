  (import "voicehive:tool/log@0.1.0" (instance $log
    (type $level-shape (enum "debug" "info" "warn" "error"))
    (export "level" (type $level (eq $level-shape)))
    (export "write" (func (param "level" $level) (param "message" string)))))
  (core func $write (canon lower (func $log "write") (memory (core memory $memory "memory"))))
  (core instance $host (export "write" (func $write)))
