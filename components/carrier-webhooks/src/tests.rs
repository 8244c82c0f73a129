//! The service over the real capabilities and a real database, in this process.

mod capabilities;
mod proofs;
mod refusals;
mod senders;
mod setting;
mod status_reports;
mod vapi;
mod voice_calls;
