//! Any bytes are frames of a media socket, and the codecs keep their promises.
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

fuzz_target!(|data: &[u8]| drop(fuzzing::socket::run(data)));
