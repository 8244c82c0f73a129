;; Addresses more than a tool has.
;; ends: feature-off
(component (core module (memory i64 1)))
