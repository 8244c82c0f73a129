;; Takes a module with a memory out of an instance, to instantiate it twice.
;; ends: export-not-allowed
(component
  (core module $m (memory 1))
  (instance $i (export "m" (core module $m)))
  (alias export $i "m" (core module $taken))
  (core instance (instantiate $taken))
  (core instance (instantiate $taken)))
