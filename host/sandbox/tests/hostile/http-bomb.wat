;; Sends requests without pause; the ninth and all after it are invalid.
;; ends: done
(component
  (include memory)
  (include network)
  (core module $m
    (include send)
    (data (i32.const 2048) "https://api.example.com/")
    (func (export "call") (type $call)
      (local $n i32)
      (loop $l
        (call $get (i32.const 24))
        (if (i32.ge_u (local.get $n) (i32.const 8)) (then (call $refused (i32.const 1))))
        (br_if $l (i32.lt_u (local.tee $n (i32.add (local.get $n) (i32.const 1))) (i32.const 100))))
      (call $ok)))
  (include tool-with-host))
