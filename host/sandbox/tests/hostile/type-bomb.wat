;; Types in types in types, each level a call of the reader of types.
;; ends: types-nested-too-deeply
(component
  (type (component ;; repeat: 20
  )) ;; repeat: 20
)
