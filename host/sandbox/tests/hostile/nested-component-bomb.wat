;; Components in components in components.
;; ends: nested-too-deeply
(component
  (component ;; repeat: 12
  ) ;; repeat: 12
)
