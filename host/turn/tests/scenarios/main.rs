//! Calls in virtual time.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "tests fail loudly"
)]

mod barge_in;
mod context;
mod echo;
mod endings;
mod endpointing;
mod interjections;
mod pauses;
mod sim;
mod timelines;
mod tool_use;
mod turn_taking;
mod vendors;
