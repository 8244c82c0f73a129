;; Sixty-five instances of one module, of which the engine has room for 64.
;; ends: too-many-modules
(component
  (core module $m)
  (core instance (instantiate $m)) ;; repeat: 65
)
