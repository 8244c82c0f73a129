;; Declares more memory than a call is given.
;; ends: memory-too-large
(component
  (core module $memory-module (memory (export "memory") 600)))
