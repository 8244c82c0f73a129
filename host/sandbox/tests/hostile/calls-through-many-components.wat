;; A hundred and forty components that call one another, for each of which the engine makes a module of its own.
;; ends: too-many-modules
(component
  (core module $first (func (export "f") (param i32) (result i32) (local.get 0)))
  (core instance $first (instantiate $first))
  (func (param "x" u32) (result u32) (canon lift (core func $first "f")))
  (component $link
    (import "f" (func $before (param "x" u32) (result u32)))
    (core func $lowered (canon lower (func $before)))
    (func (export "f") (param "x" u32) (result u32) (canon lift (core func $lowered))))
  (instance $link# (instantiate $link (with "f" (func #)))) (alias export $link# "f" (func)) ;; repeat: 140
  (core func $last (canon lower (func 140)))
  (core module $user (import "" "f" (func (param i32) (result i32))))
  (core instance (instantiate $user (with "" (instance (export "f" (func $last))))))
  (include memory)
  (core module $m
    (include described)
    (func (export "call") (type $call) (call $ok)))
  (include tool))
