//! Serves health and the REST API at the edge.
//!
//! `/health…` is open and says nothing but whether the service works. `/v1/…`
//! needs a tenant's API key, and shows and changes that tenant's records only. Errors are
//! problem documents (RFC 9457) with a stable `code`. Every answer carries the id
//! under which its request is logged, and every line of the log the request's trace.
//! The logic is [`service`], which runs natively too; this crate's guest ties it to Spin.

mod access;
mod answer;
mod bindings;
mod calls;
mod configuration;
mod fields;
mod health;
mod incoming;
mod json;
mod outbound;
mod people;
mod problem;
mod projected;
mod query;
mod routes;
pub mod service;
mod settings;
mod wake;

#[cfg(target_family = "wasm")]
mod guest;

#[cfg(test)]
mod tests;
