;; More functions than a tool has.
;; ends: too-many-functions
(component
  (core module
    (func) ;; repeat: 12001
  ))
