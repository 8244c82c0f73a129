//! The carriers' REST sides, and the worker that places calls and carries out commands.
//!
//! [`twilio::Rest`] and [`telnyx::Rest`] ask a carrier for one thing at a time. Every request has a deadline, and what
//! became of it is one of four: it was done, it was refused, it was certainly not done, or nobody knows ([`Fault`]).
//! The difference is what keeps a call that was placed from being placed twice because its answer was lost.
//!
//! A tenant may have an account of its own with a carrier. By which account a call goes is known of each call
//! ([`store::CallAccount`]); [`OwnAccounts`] has those of tenants at hand, opened.
//!
//! [`order::next`] decides from that what to do next about an order, [`CallingHours`] says when people may be called,
//! and [`dispatch`] does it: it leases orders, commands and recordings from the database and writes down what became of
//! them. Only `dispatch` knows a clock, and that as a parameter.

mod accounts;
mod backoff;
mod base;
pub mod dispatch;
mod download;
mod fault;
mod hours;
pub mod order;
mod public;
pub mod telnyx;
pub mod twilio;
mod wire;

pub use accounts::{Client, OwnAccounts, Unopened, Unusable, webhooks};
pub use backoff::Backoff;
pub use base::{Misconfigured, Secret};
pub use download::{Error as FetchError, Fetched};
pub use fault::{Cause, Fault, Refusal};
pub use hours::{CallingHours, InvalidHours};
pub use wire::Timeouts;
