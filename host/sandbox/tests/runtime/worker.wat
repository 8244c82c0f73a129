;; A tool that does what the third byte of its arguments says: see the core module's `call`. Its effect, EFFECT, is put in by
;; the tests: "\01" reads, "\02" changes.
(component
  (import "voicehive:tool/records@0.1.0" (instance $records
    (type $entry-shape (record (field "key" string) (field "value" (list u8)) (field "version" u64)))
    (export "entry" (type $entry (eq $entry-shape)))
    (type $error-shape (variant
      (case "invalid" string) (case "conflict") (case "quota-exceeded") (case "unavailable")))
    (export "error" (type $error (eq $error-shape)))
    (export "get" (func (param "key" string) (result (result (option $entry) (error $error)))))
    (export "list-by-prefix" (func (param "prefix" string) (param "after" (option string)) (param "limit" u32)
      (result (result (list $entry) (error $error)))))))
  (import "voicehive:tool/http@0.1.0" (instance $http
    (type $request-shape (record (field "method" string) (field "url" string)
      (field "headers" (list (tuple string string))) (field "body" (list u8))))
    (export "request" (type $request (eq $request-shape)))
    (type $response-shape (record (field "status" u16) (field "headers" (list (tuple string string)))
      (field "body" (list u8))))
    (export "response" (type $response (eq $response-shape)))
    (type $error-shape (variant
      (case "denied" string) (case "invalid" string) (case "timeout") (case "too-large") (case "failed" string)))
    (export "error" (type $error (eq $error-shape)))
    (export "send" (func (param "request" $request) (result (result $response (error $error)))))))

  ;; Memory and its allocator, which gives out what lies from 64 KiB to 128 KiB, round and round.
  (core module $memory-module
    (memory (export "memory") 18)
    (global $next (mut i32) (i32.const 65536))
    (func (export "realloc") (param $old i32) (param $old-size i32) (param $align i32) (param $size i32) (result i32)
      (local $pointer i32)
      (if (i32.gt_u (i32.add (global.get $next) (local.get $size)) (i32.const 131000))
        (then (global.set $next (i32.const 65536))))
      (local.set $pointer (global.get $next))
      (global.set $next
        (i32.and (i32.add (i32.add (local.get $pointer) (local.get $size)) (i32.const 7)) (i32.const -8)))
      (local.get $pointer)))
  (core instance $memory (instantiate $memory-module))

  (core func $get (canon lower (func $records "get")
    (memory (core memory $memory "memory")) (realloc (core func $memory "realloc"))))
  (core func $list (canon lower (func $records "list-by-prefix")
    (memory (core memory $memory "memory")) (realloc (core func $memory "realloc"))))
  (core func $send (canon lower (func $http "send")
    (memory (core memory $memory "memory")) (realloc (core func $memory "realloc"))))
  (core instance $host (export "get" (func $get)) (export "list" (func $list)) (export "send" (func $send)))

  (core module $tool-module
    (import "memory" "memory" (memory 18))
    (import "host" "get" (func $get (param i32 i32 i32)))
    (import "host" "list" (func $list (param i32 i32 i32 i32 i32 i32 i32)))
    (import "host" "send" (func $send (param i32 i32 i32 i32 i32 i32 i32 i32 i32)))
    (table $table 10 funcref)
    (elem declare func $all-zero)
    (global $was-here (mut i32) (i32.const 0))

    ;; What `describe` returns: name, description, parameters, effect, no hosts, 30 seconds.
    (data (i32.const 0) "\00\04\00\00\06\00\00\00" "\10\04\00\00\05\00\00\00" "\20\04\00\00\11\00\00\00"
      "EFFECT\00\00\00" "\00\00\00\00\00\00\00\00" "\30\75\00\00")
    (data (i32.const 1024) "worker")
    (data (i32.const 1040) "Tests")
    (data (i32.const 1056) "{\"type\":\"object\"}")
    (data (i32.const 1200) "key")
    (data (i32.const 1210) "GET")
    (data (i32.const 1220) "https://api.example.com/")
    (data (i32.const 1400) "ok")
    (data (i32.const 1410) "refused")

    (func $answer (param $text i32) (param $size i32) (result i32)
      (i32.store (i32.const 4104) (local.get $text))
      (i32.store (i32.const 4108) (local.get $size))
      (i32.const 4096))
    (func $ok (result i32) (call $answer (i32.const 1400) (i32.const 2)))
    ;; "refused" if what was asked of the host was an error of kind `invalid`.
    (func $what-came (param $error-case i32) (param $case i32) (result i32)
      (if (i32.load8_u (i32.const 8192)) (then
        (if (i32.ne (i32.load8_u (local.get $error-case)) (local.get $case)) (then unreachable))
        (return (call $answer (i32.const 1410) (i32.const 7)))))
      (call $ok))

    ;; Traps if any byte from $from to $to is not zero; both are multiples of 8.
    (func $all-zero (param $from i32) (param $to i32)
      (loop $next
        (if (i64.ne (i64.load (local.get $from)) (i64.const 0)) (then unreachable))
        (local.set $from (i32.add (local.get $from) (i32.const 8)))
        (br_if $next (i32.lt_u (local.get $from) (local.get $to)))))
    (func $fill (param $from i32) (param $to i32) (param $with i32)
      (memory.fill (local.get $from) (local.get $with) (i32.sub (local.get $to) (local.get $from))))
    ;; Finds the instance as new and leaves as much behind as it can, also in memory that it has grown.
    (func $look-and-leave (param $trace i32)
      (local $end i32)
      (call $all-zero (i32.const 16384) (i32.const 65536))
      (call $all-zero (i32.const 131072) (i32.const 1179648))
      (if (i32.ne (memory.grow (i32.const 2)) (i32.const 18)) (then unreachable))
      (call $all-zero (i32.const 1179648) (i32.const 1310720))
      (if (global.get $was-here) (then unreachable))
      (if (i32.eqz (ref.is_null (table.get $table (i32.const 3)))) (then unreachable))
      (global.set $was-here (i32.const 1))
      (table.set $table (i32.const 3) (ref.func $all-zero))
      (call $fill (i32.const 16384) (i32.const 65536) (local.get $trace))
      (call $fill (i32.const 131072) (i32.const 1310720) (local.get $trace)))

    (func (export "describe") (result i32) (i32.const 0))

    (func (export "call")
      (param $tenant i32) (param $tenant-size i32) (param $call-id i32) (param $call-id-size i32)
      (param $caller i32) (param $caller-size i32) (param $key i32) (param $key-size i32)
      (param $zone i32) (param $zone-size i32) (param $confirmed i32) (param $arguments i32) (param $size i32)
      (result i32)
      (local $what i32)
      (local.set $what (i32.load8_u offset=2 (local.get $arguments)))
      ;; "spin": for ever.
      (if (i32.eq (local.get $what) (i32.const 0x73)) (then (loop $for-ever (br $for-ever))))
      ;; "trap"
      (if (i32.eq (local.get $what) (i32.const 0x74)) (then unreachable))
      ;; "get": a record, twice.
      (if (i32.eq (local.get $what) (i32.const 0x67)) (then
        (call $get (i32.const 1200) (i32.const 3) (i32.const 8192))
        (call $get (i32.const 1200) (i32.const 3) (i32.const 8192))))
      ;; "ping": a record, for ever.
      (if (i32.eq (local.get $what) (i32.const 0x70)) (then
        (loop $for-ever (call $get (i32.const 1200) (i32.const 3) (i32.const 8192)) (br $for-ever))))
      ;; "list": 200 records.
      (if (i32.eq (local.get $what) (i32.const 0x6c)) (then
        (call $list (i32.const 1200) (i32.const 3) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 200) (i32.const 8192))
        (return (call $what-came (i32.const 8196) (i32.const 0)))))
      ;; "http": twelve requests; what came of the last.
      (if (i32.eq (local.get $what) (i32.const 0x68)) (then
        (local.set $size (i32.const 12))
        (loop $again
          (call $send (i32.const 1210) (i32.const 3) (i32.const 1220) (i32.const 24) (i32.const 0) (i32.const 0)
            (i32.const 0) (i32.const 0) (i32.const 8192))
          (local.set $size (i32.sub (local.get $size) (i32.const 1)))
          (br_if $again (local.get $size)))
        (return (call $what-came (i32.const 8196) (i32.const 1)))))
      ;; "memory": all there is, and then more.
      (if (i32.eq (local.get $what) (i32.const 0x6d)) (then
        (loop $more (br_if $more (i32.ne (memory.grow (i32.const 16)) (i32.const -1))))
        unreachable))
      ;; "xisolation": finds its own traces.
      (if (i32.eq (local.get $what) (i32.const 0x78)) (then
        (call $look-and-leave (i32.load8_u (local.get $tenant)))
        (call $all-zero (i32.const 131072) (i32.const 1179648))))
      ;; "isolation"
      (if (i32.eq (local.get $what) (i32.const 0x69)) (then
        (call $look-and-leave (i32.load8_u (local.get $tenant)))))
      (call $ok)))
  (core instance $worker (instantiate $tool-module
    (with "memory" (instance $memory)) (with "host" (instance $host))))

  (type $effect (enum "pure" "reads" "changes"))
  (type $definition (record (field "name" string) (field "description" string) (field "parameters" string)
    (field "effect" $effect) (field "hosts" (list string)) (field "timeout-ms" u32)))
  (type $context (record (field "tenant" string) (field "call-id" string) (field "caller" string)
    (field "idempotency-key" string) (field "time-zone" string) (field "confirmed" bool)))
  (type $answer (record (field "content" string) (field "speech" (option string)) (field "data" (option string))
    (field "follow-up" (option string))))
  (type $reply (variant (case "done" $answer) (case "confirm" string)))
  (type $failure (variant (case "invalid" string) (case "not-found" string) (case "conflict" string)
    (case "unavailable" string) (case "other" string)))
  (func $describe (result $definition)
    (canon lift (core func $worker "describe") (memory (core memory $memory "memory"))))
  (func $call (param "context" $context) (param "arguments" string) (result (result $reply (error $failure)))
    (canon lift (core func $worker "call")
      (memory (core memory $memory "memory")) (realloc (core func $memory "realloc"))))

  ;; Gives the types their names.
  (component $named
    (type $effect-shape (enum "pure" "reads" "changes"))
    (import "effect-shape" (type $effect (eq $effect-shape)))
    (type $definition-shape (record (field "name" string) (field "description" string) (field "parameters" string)
      (field "effect" $effect) (field "hosts" (list string)) (field "timeout-ms" u32)))
    (import "definition-shape" (type $definition (eq $definition-shape)))
    (type $context-shape (record (field "tenant" string) (field "call-id" string) (field "caller" string)
      (field "idempotency-key" string) (field "time-zone" string) (field "confirmed" bool)))
    (import "context-shape" (type $context (eq $context-shape)))
    (type $answer-shape (record (field "content" string) (field "speech" (option string)) (field "data" (option string))
      (field "follow-up" (option string))))
    (import "answer-shape" (type $answer (eq $answer-shape)))
    (type $reply-shape (variant (case "done" $answer) (case "confirm" string)))
    (import "reply-shape" (type $reply (eq $reply-shape)))
    (type $failure-shape (variant (case "invalid" string) (case "not-found" string) (case "conflict" string)
      (case "unavailable" string) (case "other" string)))
    (import "failure-shape" (type $failure (eq $failure-shape)))
    (import "describe-function" (func $describe (result $definition)))
    (import "call-function" (func $call (param "context" $context) (param "arguments" string)
      (result (result $reply (error $failure)))))
    (export $effect-name "effect" (type $effect))
    (type $definition-of-names (record (field "name" string) (field "description" string) (field "parameters" string)
      (field "effect" $effect-name) (field "hosts" (list string)) (field "timeout-ms" u32)))
    (export $definition-name "definition" (type $definition) (type (eq $definition-of-names)))
    (export $context-name "context" (type $context))
    (export $answer-name "answer" (type $answer))
    (type $reply-of-names (variant (case "done" $answer-name) (case "confirm" string)))
    (export $reply-name "reply" (type $reply) (type (eq $reply-of-names)))
    (export $failure-name "failure" (type $failure))
    (export "describe" (func $describe) (func (result $definition-name)))
    (export "call" (func $call) (func (param "context" $context-name) (param "arguments" string)
      (result (result $reply-name (error $failure-name))))))
  (instance $tool (instantiate $named
    (with "effect-shape" (type $effect)) (with "definition-shape" (type $definition))
    (with "context-shape" (type $context)) (with "answer-shape" (type $answer)) (with "reply-shape" (type $reply))
    (with "failure-shape" (type $failure)) (with "describe-function" (func $describe))
    (with "call-function" (func $call))))
  (export "voicehive:tool/tool@0.1.0" (instance $tool)))
