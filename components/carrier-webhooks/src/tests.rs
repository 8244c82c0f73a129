//! The service over the real capabilities and a real database, in this process.

mod capabilities;
mod conferences;
mod dialled_calls;
mod duplicates;
mod hostile;
mod limits;
mod menus;
mod outbound_calls;
mod proofs;
mod recordings;
mod refusals;
mod senders;
mod setting;
mod status_reports;
mod telnyx;
mod tenants_own;
mod vapi;
mod voice_calls;
