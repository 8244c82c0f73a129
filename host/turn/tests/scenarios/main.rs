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
mod fallback;
mod fillers;
mod interjections;
mod keys;
mod ledger;
mod operator;
mod owed;
mod pauses;
mod prerecorded;
mod screening;
mod silence;
#[allow(dead_code, reason = "the scenario files use the rest")]
mod sim;
mod speculation;
mod timelines;
mod tool_policies;
mod tool_use;
mod transfer;
mod turn_taking;
mod vendors;
