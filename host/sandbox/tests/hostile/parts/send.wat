    (import "host" "send" (func $send (param i32 i32 i32 i32 i32 i32 i32 i32 i32)))
    (import "host" "handle" (func $handle (param i32 i32 i32)))
    (include basics)
    ;; As `basics`, and declares the host `api.example.com`.
    (data (i32.const 28) "\80\04\00\00\01\00\00\00")
    (data (i32.const 1152) "\90\04\00\00\0f\00\00\00")
    (data (i32.const 1168) "api.example.com")
    (data (i32.const 1200) "GET")
    (func (export "describe") (result i32) (i32.const 0))
    ;; GETs the URL at 2048, `$size` bytes of it, without header fields; the answer goes to 8192.
    (func $get (param $size i32)
      (call $send (i32.const 1200) (i32.const 3) (i32.const 2048) (local.get $size)
        (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 8192)))
    ;; Expects that there was no response, for the reason with that number: 0 denied, 1 invalid, 2 timeout, 3 too large,
    ;; 4 failed.
    (func $refused (param $reason i32)
      (call $expect (i32.eq (i32.load8_u (i32.const 8192)) (i32.const 1)))
      (call $expect (i32.eq (i32.load8_u (i32.const 8196)) (local.get $reason))))
