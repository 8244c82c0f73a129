  (core module $memory-module
    (memory (export "memory") 4)
    (global $next (mut i32) (i32.const 131072))
    (func (export "realloc") (param $old i32) (param $old-size i32) (param $align i32) (param $size i32) (result i32)
      (local $pointer i32)
      (local.set $pointer (i32.and (i32.add (global.get $next) (i32.const 7)) (i32.const -8)))
      (global.set $next (i32.add (local.get $pointer) (local.get $size)))
      (local.get $pointer)))
  (core instance $memory (instantiate $memory-module))
