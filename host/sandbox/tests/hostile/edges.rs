//! What is no text: bytes that are no component, arguments, and the call after one that broke.

use std::sync::Arc;
use std::time::Duration;

use sandbox::{Effect, Reply, RunError, Tier, Tool};

use crate::common::ADMISSION;
use crate::run::{TIMEOUT, context, ends};
use crate::source::Source;
use crate::tenant::Tenant;

fn admitted(name: &str) -> Tool {
    ADMISSION.admit(&Source::read(name).bytes(), Tier::Standard).unwrap().tool
}

fn refused(bytes: &[u8]) -> &'static str {
    ADMISSION.admit(bytes, Tier::Standard).err().expect("a refusal").code.as_str()
}

#[test]
fn a_harmless_tool_is_admitted_and_answers() {
    ends("harmless", "done");
    let tool = admitted("harmless");
    assert_eq!(tool.definition().name, "probe");
    assert_eq!(tool.definition().effect, Effect::Reads);
    assert_eq!(tool.definition().timeout, Duration::from_secs(3));
    assert_eq!(tool.digest().len(), 64);
    let answer = tool.call(&context(), "{}", Arc::new(Tenant::new(&[])), TIMEOUT).outcome;
    assert_eq!(answer, Ok(Ok(Reply::text("ok"))));
}

#[test]
fn a_trap_ends_its_call_and_the_next_one_works() {
    ends("trap-on-some-arguments", "trap");
    let tool = admitted("trap-on-some-arguments");
    let tenant = Arc::new(Tenant::new(&[]));
    for _ in 0..10 {
        let broken = tool.call(&context(), "{}", tenant.clone(), TIMEOUT).outcome;
        assert!(matches!(broken, Err(RunError::Trap(_))), "{broken:?}");
        let next = tool.call(&context(), "{\"a\":1}", tenant.clone(), TIMEOUT).outcome;
        assert_eq!(next, Ok(Ok(Reply::text("ok"))));
    }
}

#[test]
fn a_call_that_never_ends_is_ended_at_its_deadline_too() {
    let tool = admitted("loop-in-call").with_limits(Tier::Standard.tool());
    let deadline = Duration::from_millis(200);
    let finished = tool.call(&context(), "{}", Arc::new(Tenant::new(&[])), deadline);
    assert_eq!(finished.outcome, Err(RunError::Timeout(deadline)));
}

#[test]
fn arguments_that_are_too_large_never_reach_the_tool() {
    let arguments = "x".repeat((64 << 10) + 1);
    let tenant = Arc::new(Tenant::new(&[]));
    // A tool that would never end.
    let finished = admitted("loop-in-call").call(&context(), &arguments, tenant, TIMEOUT);
    assert_eq!(finished.outcome.unwrap_err().code(), "arguments-too-large");
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
        assert_eq!(refused(bytes), code);
    }
}

#[test]
fn machine_code_is_refused() {
    let engine = wasmtime::Engine::default();
    let compiled = engine.precompile_component(&Source::read("harmless").bytes()).unwrap();
    assert_eq!(refused(&compiled), "precompiled");
    assert_eq!(refused(b"\x7fELF\x02\x01\x01"), "precompiled");
}
