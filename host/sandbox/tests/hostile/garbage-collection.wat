;; Leaves its objects to a collector.
;; ends: feature-off
(component (core module (type (struct (field i32)))))
