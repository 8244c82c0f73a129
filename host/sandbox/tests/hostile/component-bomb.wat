;; Components by the hundred, side by side.
;; ends: too-many-components
(component
  (component) ;; repeat: 500
)
