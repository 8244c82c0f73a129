;; Sixteen instances of what has sixteen instances of what has sixteen: few to write down, 4,096 to make.
;; ends: too-many-instances
(component
  (component $a
    (core module $m (func (export "f")))
    (core instance (instantiate $m)) ;; repeat: 16
  )
  (component $b
    (alias outer 1 $a (component $a))
    (instance (instantiate $a)) ;; repeat: 16
  )
  (instance (instantiate $b)) ;; repeat: 16
  (include memory)
  (core module $m
    (include described)
    (func (export "call") (type $call) (call $ok)))
  (include tool))
