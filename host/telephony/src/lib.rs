//! The carriers' REST sides, and the worker that places calls and carries out commands.
//!
//! [`twilio::Rest`] and [`telnyx::Rest`] ask a carrier for one thing at a time. Every request has a deadline, and what
//! became of it is one of four: it was done, it was refused, it was certainly not done, or nobody knows ([`Fault`]).
//! The difference is what keeps a call that was placed from being placed twice because its answer was lost.

mod backoff;
mod base;
pub mod dispatch;
mod download;
mod fault;
mod hours;
pub mod order;
pub mod telnyx;
pub mod twilio;
mod wire;

pub use backoff::Backoff;
pub use base::{Misconfigured, Secret};
pub use download::{Error as FetchError, Fetched};
pub use fault::{Cause, Fault, Refusal};
pub use hours::{CallingHours, InvalidHours};
pub use wire::Timeouts;
