//! Any bytes are requests, and the service keeps its promises.
#![no_main]

use carrier_webhooks::bindings;
use libfuzzer_sys::fuzz_target;

#[path = "../../tests/fuzzing/mod.rs"]
#[expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a fuzz target fails loudly"
)]
mod fuzzing;

fuzz_target!(|data: &[u8]| drop(fuzzing::run::run(data)));
