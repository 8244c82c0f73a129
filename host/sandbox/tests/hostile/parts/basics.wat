    (import "memory" "memory" (memory 0))
    (type $call (func (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32) (result i32)))
    ;; name, description, parameters, effect, hosts, timeout-ms
    (data (i32.const 0) "\00\04\00\00\05\00\00\00" "\10\04\00\00\05\00\00\00" "\20\04\00\00\11\00\00\00"
      "\01\00\00\00" "\00\00\00\00\00\00\00\00" "\b8\0b\00\00")
    (data (i32.const 1024) "probe")
    (data (i32.const 1040) "Tests")
    (data (i32.const 1056) "{\"type\":\"object\"}")
    (data (i32.const 4200) "ok")
    ;; Traps where what must be is not so: the test then sees `trap`.
    (func $expect (param $is i32) (if (i32.eqz (local.get $is)) (then unreachable)))
    ;; Writes the answer "ok" and returns where it is.
    (func $ok (result i32)
      (i32.store8 (i32.const 4096) (i32.const 0))
      (i32.store8 (i32.const 4100) (i32.const 0))
      (i32.store (i32.const 4104) (i32.const 4200))
      (i32.store (i32.const 4108) (i32.const 2))
      (i32.const 4096))
