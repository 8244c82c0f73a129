;; One function of a quarter of a mebibyte.
;; ends: function-too-large
(component
  (core module
    (func
      nop nop nop nop nop nop nop nop nop nop nop nop nop nop nop nop nop nop nop nop nop nop nop nop nop nop nop nop nop nop nop nop ;; repeat: 8192
    )))
