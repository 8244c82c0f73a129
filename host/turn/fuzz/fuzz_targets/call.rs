//! Any bytes are a call, and every call keeps the rules.
#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../../tests/fuzzing/mod.rs"]
#[expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a fuzz target fails loudly"
)]
mod fuzzing;

/// A call that nobody records.
type Unrecorded = fn(&str) -> bool;

fuzz_target!(|data: &[u8]| fuzzing::run::Run::<Unrecorded, _>::whole(data, fuzzing::run::unwatched));
