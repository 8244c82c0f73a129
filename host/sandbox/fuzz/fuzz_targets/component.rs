//! Any bytes are a component, and the gate keeps its promises.
#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../../tests/fuzzing/component.rs"]
#[expect(clippy::expect_used, reason = "a fuzz target fails loudly")]
#[allow(dead_code, reason = "the fuzzer makes its own seeds")]
mod component;
#[path = "../../tests/fuzzing/composed.rs"]
mod composed;
#[path = "../../tests/fuzzing/promise.rs"]
mod promise;
#[path = "../../tests/fuzzing/random.rs"]
mod random;

fuzz_target!(|data: &[u8]| {
    if let Some(component) = component::of_bytes(data) {
        let _ = promise::gated(&component);
    }
});
