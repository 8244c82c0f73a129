;; Throws.
;; ends: feature-off
(component (core module (tag)))
