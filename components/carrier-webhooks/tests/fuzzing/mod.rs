//! Webhooks from bytes: what the fuzzer and its corpus share.
//!
//! Bytes are requests ([`delivery`]) that the service answers over the real capabilities and a real database
//! ([`platform`]); every answer, and what was left behind, is held against what the service promises ([`run`]).

#[path = "../../src/tests/capabilities.rs"]
mod capabilities;
pub mod delivery;
#[path = "../../../../host/carriers/tests/fuzzing/mutation.rs"]
#[allow(dead_code, reason = "the fuzzer mutates by itself")]
pub mod mutation;
pub mod platform;
pub mod run;
