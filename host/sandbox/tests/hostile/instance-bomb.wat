;; Instances by the thousand.
;; ends: too-many-instances
(component
  (instance) ;; repeat: 5000
)
