;; Exports a function that answers later.
;; ends: feature-off
(component
  (core module $m (func (export "f")))
  (core instance $i (instantiate $m))
  (func (export "f") async (canon lift (core func $i "f") async)))
