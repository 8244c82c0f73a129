//! Serves health and the REST API at the edge.
//!
//! `/health…` is open and says nothing but whether the service works. `/v1/…`
//! needs a tenant's API key, and shows that tenant's records only. Errors are
//! problem documents (RFC 9457) with a stable `code`. The logic is [`service`],
//! which runs natively too; this file ties it to Spin.

mod calls;
mod health;
mod people;
mod problem;
mod projected;
mod query;
pub mod service;

#[cfg(target_family = "wasm")]
mod guest;

#[cfg(test)]
mod tests;
