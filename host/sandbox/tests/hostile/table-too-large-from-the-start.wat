;; Declares the largest table there is.
;; ends: tables-too-large
(component
  (core module (table 4294967295 funcref)))
