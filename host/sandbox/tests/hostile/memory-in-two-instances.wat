;; One memory in the one module, which is instantiated twice.
;; ends: too-many-memories
(component
  (core module $m (memory 1))
  (core instance (instantiate $m))
  (core instance (instantiate $m)))
