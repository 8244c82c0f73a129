;; A function with more values than a compiler keeps apart in reasonable time.
;; ends: too-many-locals
(component
  (core module
    (func
      (local i32) ;; repeat: 50000
    )))
