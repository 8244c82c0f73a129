;; Hands a module with a memory to a component that instantiates whatever it is given.
;; ends: import-not-allowed
(component
  (core module $m (memory 1))
  (component $c
    (import "m" (core module $given))
    (core instance (instantiate $given))
    (core instance (instantiate $given)))
  (instance (instantiate $c (with "m" (core module $m)))))
