;; Declares tables by the dozen.
;; ends: too-many-tables
(component
  (core module
    (table 0 funcref) ;; repeat: 12
  ))
