;; Is a module without a component around it.
;; ends: core-module
(module)
