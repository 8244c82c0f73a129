;; A memory in each of two modules, to be counted apart.
;; ends: too-many-memories
(component
  (core module (memory 1))
  (core module (memory 1)))
