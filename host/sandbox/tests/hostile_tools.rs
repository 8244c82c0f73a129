//! Tools that mean harm, written by hand in the text format. Each must end with
//! the documented refusal or error, within its limits.

#![cfg(test)]

mod common;

use std::sync::Arc;
use std::time::Duration;

use common::{ADMISSION, load};
use sandbox::{
    Context, Failure, HttpError, HttpRequest, HttpSent, Level, Record, RecordError, Refusal, Reply, RunError,
    Tier, Tool, ToolHost,
};

const SOON: Duration = Duration::from_millis(200);

#[test]
fn a_tool_that_behaves_is_described_and_answers() {
    let tool = load(&returning(1, 4200, 2)).unwrap();
    assert_eq!(tool.definition().name, "probe");
    assert_eq!(tool.definition().timeout, Duration::from_secs(1));
    assert_eq!(call(&tool), Ok(Ok(Reply::text("ok"))));
    assert_eq!(tool.digest().len(), 64);
}

#[test]
fn a_failure_reaches_the_model_in_the_tools_words() {
    // failure.conflict("ok")
    let body = "(i32.store8 (i32.const 4096) (i32.const 1)) (i32.store8 (i32.const 4100) (i32.const 2))
                (i32.store (i32.const 4104) (i32.const 4200)) (i32.store (i32.const 4108) (i32.const 2))
                (i32.const 4096)";
    let tool = load(&with_call(body)).unwrap();
    assert_eq!(call(&tool), Ok(Err(Failure { kind: "conflict", message: "ok".into() })));
}

#[test]
fn a_loop_in_a_call_ends_at_the_deadline() {
    let tool = load(&with_call("(loop $l (br $l)) (i32.const 4096)")).unwrap();
    assert_eq!(call(&tool), Err(RunError::Timeout(SOON)));
}

#[test]
fn a_loop_in_describe_is_refused() {
    let source = source(Parts { describe: "(loop $l (br $l)) (i32.const 0)", ..Parts::default() });
    assert_eq!(refusal(&source).code.as_str(), "describe-failed");
}

#[test]
fn a_loop_while_starting_is_refused() {
    let source = source(Parts { core: "(func $spin (loop $l (br $l))) (start $spin)", ..Parts::default() });
    assert_eq!(refusal(&source).code.as_str(), "describe-failed");
}

#[test]
fn a_loop_while_taking_the_arguments_ends_at_the_deadline() {
    let source = source(Parts { realloc: "(loop $l (br $l)) (i32.const 8192)", ..Parts::default() });
    let tool = load(&source).unwrap();
    assert_eq!(call(&tool), Err(RunError::Timeout(SOON)));
}

#[test]
fn memory_beyond_the_limit_is_not_given() {
    // Grows page by page, then returns "ok" only if it was stopped at 512 pages, 32 MiB.
    let body = "(local $n i32)
        (loop $l
          (br_if $l (i32.ne (memory.grow (i32.const 1)) (i32.const -1))))
        (if (i32.ne (memory.size) (i32.const 512)) (then unreachable))
        (i32.store8 (i32.const 4096) (i32.const 0))
        (i32.store (i32.const 4104) (i32.const 4200)) (i32.store (i32.const 4108) (i32.const 2))
        (i32.const 4096)";
    let tool = load(&with_call(body)).unwrap();
    assert_eq!(call(&tool), Ok(Ok(Reply::text("ok"))));
}

#[test]
fn a_memory_that_begins_beyond_the_limit_is_refused() {
    let source = source(Parts { pages: 600, ..Parts::default() });
    assert_eq!(refusal(&source).code.as_str(), "memory-too-large");
}

#[test]
fn two_memories_are_refused() {
    let source = source(Parts { core: "(memory 1)", ..Parts::default() });
    assert_eq!(refusal(&source).code.as_str(), "too-many-memories");
}

#[test]
fn a_table_beyond_the_limit_is_refused() {
    let source = source(Parts { core: "(table 30000 funcref)", ..Parts::default() });
    assert_eq!(refusal(&source).code.as_str(), "tables-too-large");
}

#[test]
fn endless_recursion_ends_the_call() {
    let source = source(Parts {
        core: "(func $deep (param i32) (result i32) (i32.add (i32.const 1) (call $deep (local.get 0))))",
        call: "(drop (call $deep (i32.const 0))) (i32.const 4096)",
        ..Parts::default()
    });
    let tool = load(&source).unwrap();
    assert_eq!(call(&tool), Err(RunError::StackExhausted));
}

#[test]
fn a_trap_ends_the_call_and_the_next_one_works() {
    // Traps when the arguments have two bytes, as `{}` has.
    let body = "(if (i32.eq (local.get 12) (i32.const 2)) (then unreachable))
        (i32.store8 (i32.const 4096) (i32.const 0))
        (i32.store (i32.const 4104) (i32.const 4200)) (i32.store (i32.const 4108) (i32.const 2))
        (i32.const 4096)";
    let tool = load(&with_call(body)).unwrap();
    assert!(matches!(call(&tool), Err(RunError::Trap(_))));
    assert_eq!(
        tool.call(&context(), "{\"a\":1}", Arc::new(Nothing), SOON).outcome,
        Ok(Ok(Reply::text("ok")))
    );
}

#[test]
fn nothing_is_left_in_memory_for_the_next_call() {
    // Returns "ok" only if a byte that every call sets was not set before.
    let body = "(if (i32.load8_u (i32.const 5000)) (then unreachable))
        (i32.store8 (i32.const 5000) (i32.const 7))
        (i32.store8 (i32.const 4096) (i32.const 0))
        (i32.store (i32.const 4104) (i32.const 4200)) (i32.store (i32.const 4108) (i32.const 2))
        (i32.const 4096)";
    let tool = load(&with_call(body)).unwrap();
    for _ in 0..100 {
        assert_eq!(call(&tool), Ok(Ok(Reply::text("ok"))));
    }
}

#[test]
fn a_result_that_is_too_large_is_not_taken() {
    let source = source(Parts { pages: 20, call: &ok_result(8192, 100_000), ..Parts::default() });
    let tool = load(&source).unwrap();
    assert_eq!(
        call(&tool),
        Err(RunError::ResultTooLarge { part: "content", size: 100_000, limit: 64 << 10 })
    );
}

#[test]
fn a_result_larger_than_a_host_call_may_carry_is_not_even_copied() {
    let source = source(Parts { pages: 100, call: &ok_result(0, 5_000_000), ..Parts::default() });
    let tool = load(&source).unwrap();
    assert_eq!(call(&tool), Err(RunError::HostCallTooLarge { limit: 1 << 20 }));
}

#[test]
fn a_result_outside_of_memory_ends_the_call() {
    let tool = load(&returning(1, 0x7fff_ffff, 10)).unwrap();
    assert!(matches!(call(&tool), Err(RunError::Trap(_))));
}

#[test]
fn a_result_that_is_not_utf_8_ends_the_call() {
    let body = format!("(i32.store8 (i32.const 4200) (i32.const 0xff)) {}", ok_result(4200, 2));
    let tool = load(&with_call(&body)).unwrap();
    assert!(matches!(call(&tool), Err(RunError::Trap(why)) if why.contains("utf-8")));
}

#[test]
fn a_case_that_does_not_exist_ends_the_call() {
    let tool = load(&with_call("(i32.store8 (i32.const 4096) (i32.const 9)) (i32.const 4096)")).unwrap();
    assert!(matches!(call(&tool), Err(RunError::Trap(_))));
}

#[test]
fn arguments_that_are_too_large_never_reach_the_tool() {
    let tool = load(&returning(1, 4200, 2)).unwrap();
    let arguments = "x".repeat(70_000);
    let refused = tool.call(&context(), &arguments, Arc::new(Nothing), SOON).outcome;
    assert!(matches!(refused, Err(RunError::ArgumentsTooLarge { size: 70_000, .. })));
}

#[test]
fn what_the_world_does_not_name_cannot_be_imported() {
    for (import, code) in [
        ("wasi:sockets/instance-network@0.2.6", "import-not-allowed"),
        ("wasi:http/outgoing-handler@0.2.6", "import-not-allowed"),
        ("voicehive:platform/memory@0.1.0", "import-not-allowed"),
        ("voicehive:tool/shell@0.1.0", "import-not-allowed"),
        ("voicehive:tool/clock@0.2.0", "unknown-version"),
    ] {
        let imports = format!("(import \"{import}\" (instance))");
        let source = source(Parts { imports: &imports, ..Parts::default() });
        let refusal = refusal(&source);
        assert_eq!(refusal.code.as_str(), code, "{import}");
        assert!(refusal.item.contains(import), "{refusal}");
    }
}

#[test]
fn one_interface_in_two_versions_is_refused() {
    let clock = |version| {
        format!("(import \"voicehive:tool/clock@{version}\" (instance (export \"now\" (func (result u64)))))")
    };
    let imports = format!("{} {}", clock("0.1.0"), clock("0.1.1"));
    let source = source(Parts { imports: &imports, ..Parts::default() });
    assert_eq!(refusal(&source).code.as_str(), "import-twice");
}

#[test]
fn an_inert_import_may_be_there_and_ends_the_call_that_uses_it() {
    let source = source(Parts {
        imports: "(import \"wasi:cli/exit@0.2.6\" (instance $exit (export \"exit\" (func (param \"status\" (result))))))
                  (core func $exit (canon lower (func $exit \"exit\")))
                  (core instance $host (export \"exit\" (func $exit)))",
        core_imports: "(import \"host\" \"exit\" (func $exit (param i32)))",
        with: "(with \"host\" (instance $host))",
        call: "(call $exit (i32.const 0)) (i32.const 4096)",
        ..Parts::default()
    });
    let tool = load(&source).unwrap();
    assert!(matches!(call(&tool), Err(RunError::Trap(why)) if why.contains("wasi:cli/exit")));
}

#[test]
fn a_component_without_the_tool_is_refused() {
    assert_eq!(refusal("(component)").code.as_str(), "export-missing");
}

#[test]
fn an_export_of_another_type_is_refused() {
    let source = "(component
        (core module $m (func (export \"f\") (result i32) (i32.const 0)))
        (core instance $i (instantiate $m))
        (func $f (result u32) (canon lift (core func $i \"f\")))
        (instance $tool (export \"describe\" (func $f)) (export \"call\" (func $f)))
        (export \"voicehive:tool/tool@0.1.0\" (instance $tool)))";
    assert_eq!(refusal(source).code.as_str(), "export-mismatch");
}

#[test]
fn asynchronous_components_are_refused() {
    let source = "(component
        (core module $m (func (export \"f\")))
        (core instance $i (instantiate $m))
        (func (export \"f\") async (canon lift (core func $i \"f\") async)))";
    assert_eq!(refusal(source).code.as_str(), "feature-off");
}

#[test]
fn what_is_no_component_is_refused() {
    for (bytes, code) in [
        (b"".as_slice(), "not-wasm"),
        (b"#!/bin/sh", "not-wasm"),
        (b"\0asm\x0d\0\x01\0\xff", "invalid-component"),
        (b"\0asm\x01\0\0\0", "core-module"),
        (&vec![0; 5 << 20], "too-large"),
    ] {
        let refused = ADMISSION.admit(bytes, Tier::Standard);
        assert_eq!(refused.err().map(|refusal| refusal.code.as_str()), Some(code));
    }
}

#[test]
fn machine_code_is_refused() {
    let compiled = wasmtime::Engine::default().precompile_component(b"(component)").unwrap();
    let refused = ADMISSION.admit(&compiled, Tier::Standard);
    assert_eq!(refused.err().map(|refusal| refusal.code.as_str()), Some("precompiled"));
}

/// The parts of a tool that the tests vary.
struct Parts<'a> {
    imports: &'a str,
    core_imports: &'a str,
    with: &'a str,
    pages: u32,
    core: &'a str,
    describe: &'a str,
    call: &'a str,
    realloc: &'a str,
}

impl Default for Parts<'_> {
    fn default() -> Self {
        Self {
            imports: "",
            core_imports: "",
            with: "",
            pages: 2,
            core: "",
            describe: "(i32.const 0)",
            call: "(i32.store8 (i32.const 4096) (i32.const 0))
                   (i32.store (i32.const 4104) (i32.const 4200)) (i32.store (i32.const 4108) (i32.const 2))
                   (i32.const 4096)",
            realloc: "(i32.const 8192)",
        }
    }
}

fn ok_result(pointer: u32, length: u32) -> String {
    format!(
        "(i32.store8 (i32.const 4096) (i32.const 0)) (i32.store (i32.const 4104) (i32.const {pointer}))
         (i32.store (i32.const 4108) (i32.const {length})) (i32.const 4096)"
    )
}

fn with_call(call: &str) -> String {
    source(Parts { call, ..Parts::default() })
}

fn returning(pages: u32, pointer: u32, length: u32) -> String {
    source(Parts { pages: pages + 1, call: &ok_result(pointer, length), ..Parts::default() })
}

/// A tool whose record of `describe` lies at address 0 and whose results go to 4096.
fn source(parts: Parts<'_>) -> String {
    let Parts { imports, core_imports, with, pages, core, describe, call, realloc } = parts;
    let types = "(type $effect (enum \"pure\" \"reads\" \"changes\"))
        (type $definition (record (field \"name\" string) (field \"description\" string)
            (field \"parameters\" string) (field \"effect\" $effect) (field \"hosts\" (list string))
            (field \"timeout-ms\" u32)))
        (type $context (record (field \"tenant\" string) (field \"call-id\" string) (field \"caller\" string)
            (field \"idempotency-key\" string) (field \"time-zone\" string) (field \"confirmed\" bool)))
        (type $answer (record (field \"content\" string) (field \"speech\" (option string))
            (field \"data\" (option string)) (field \"follow-up\" (option string))))
        (type $reply (variant (case \"done\" $answer) (case \"confirm\" string)))
        (type $failure (variant (case \"invalid\" string) (case \"not-found\" string) (case \"conflict\" string)
            (case \"unavailable\" string) (case \"other\" string)))";
    format!(
        r#"(component
        {imports}
        (core module $m
          {core_imports}
          (memory (export "memory") {pages})
          (data (i32.const 0) "\00\04\00\00\05\00\00\00\10\04\00\00\05\00\00\00\20\04\00\00\11\00\00\00\01\00\00\00\00\00\00\00\00\00\00\00\e8\03\00\00")
          (data (i32.const 1024) "probe")
          (data (i32.const 1040) "Tests")
          (data (i32.const 1056) "{{\"type\":\"object\"}}")
          (data (i32.const 4200) "ok")
          {core}
          (func (export "realloc") (param i32 i32 i32 i32) (result i32) {realloc})
          (func (export "describe") (result i32) {describe})
          (func (export "call") (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32) (result i32) {call}))
        (core instance $i (instantiate $m {with}))
        {types}
        (func $describe (result $definition)
          (canon lift (core func $i "describe") (memory (core memory $i "memory"))))
        (func $call (param "context" $context) (param "arguments" string) (result (result $reply (error $failure)))
          (canon lift (core func $i "call") (memory (core memory $i "memory")) (realloc (core func $i "realloc"))))
        (component $shape
          {types}
          (import "e" (type $e (eq $effect)))
          (type $definition-e (record (field "name" string) (field "description" string)
            (field "parameters" string) (field "effect" $e) (field "hosts" (list string)) (field "timeout-ms" u32)))
          (import "d" (type $d (eq $definition-e)))
          (import "c" (type $c (eq $context)))
          (import "a" (type $a (eq $answer)))
          (type $reply-a (variant (case "done" $a) (case "confirm" string)))
          (import "r" (type $r (eq $reply-a)))
          (import "f" (type $f (eq $failure)))
          (import "describe" (func $describe (result $d)))
          (import "call"
            (func $call (param "context" $c) (param "arguments" string) (result (result $r (error $f)))))
          (export $ee "effect" (type $e))
          (type $definition-ee (record (field "name" string) (field "description" string)
            (field "parameters" string) (field "effect" $ee) (field "hosts" (list string)) (field "timeout-ms" u32)))
          (export $de "definition" (type $d) (type (eq $definition-ee)))
          (export $ce "context" (type $c))
          (export $ae "answer" (type $a))
          (type $reply-ae (variant (case "done" $ae) (case "confirm" string)))
          (export $re "reply" (type $r) (type (eq $reply-ae)))
          (export $fe "failure" (type $f))
          (export "describe" (func $describe) (func (result $de)))
          (export "call" (func $call)
            (func (param "context" $ce) (param "arguments" string) (result (result $re (error $fe))))))
        (instance $tool (instantiate $shape
          (with "e" (type $effect)) (with "d" (type $definition)) (with "c" (type $context))
          (with "a" (type $answer)) (with "r" (type $reply)) (with "f" (type $failure))
          (with "describe" (func $describe)) (with "call" (func $call))))
        (export "voicehive:tool/tool@0.1.0" (instance $tool)))"#
    )
}

fn refusal(source: &str) -> Refusal {
    load(source).err().expect("a refusal")
}

fn call(tool: &Tool) -> Result<Result<Reply, Failure>, RunError> {
    tool.call(&context(), "{}", Arc::new(Nothing), SOON).outcome
}

fn context() -> Context {
    Context {
        tenant: "t".into(),
        call_id: "c".into(),
        caller: String::new(),
        idempotency_key: "k".into(),
        time_zone: "UTC".into(),
        confirmed: false,
        now_ms: 0,
    }
}

/// Has no records and no network.
struct Nothing;

impl ToolHost for Nothing {
    fn get(&self, _: &str) -> Result<Option<Record>, RecordError> {
        Ok(None)
    }
    fn insert(&self, _: &str, _: &[u8]) -> Result<u64, RecordError> {
        Err(RecordError::QuotaExceeded)
    }
    fn replace(&self, _: &str, _: &[u8], _: u64) -> Result<u64, RecordError> {
        Err(RecordError::Conflict)
    }
    fn remove(&self, _: &str, _: u64) -> Result<(), RecordError> {
        Err(RecordError::Conflict)
    }
    fn list(&self, _: &str, _: Option<&str>, _: u32) -> Result<Vec<Record>, RecordError> {
        Ok(Vec::new())
    }
    fn send(&self, _: HttpRequest, _: Duration) -> HttpSent {
        HttpSent::nothing(HttpError::Denied("no network".into()))
    }
    fn secret(&self, _: &str) -> Option<String> {
        None
    }
    fn log(&self, _: Level, _: &str) {}
}
