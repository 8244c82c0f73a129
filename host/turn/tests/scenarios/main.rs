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
mod endings;
mod fallback;
mod fillers;
mod prerecorded;
mod sim;
mod speculation;
mod timelines;
mod tool_policies;
mod tool_use;
mod turn_taking;
mod vendors;
