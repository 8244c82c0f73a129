//! Answers the carriers' webhooks at the edge.
//!
//! `routes` says which webhooks there are. Nothing of a request is parsed or stored before the capability
//! `webhook-verification` has proven its origin over the bytes as they came: handlers take a `proof::Proven`, and
//! nothing else holds what was sent. The logic is [`service`], which runs natively too; `guest` ties it to Spin.

mod decision;
mod host;
mod journal;
mod message;
mod problem;
mod proof;
mod refusal;
mod replay;
mod routes;
mod routing_table;
pub mod service;
mod settings;
mod trace;
mod twilio;

pub mod bindings;

#[cfg(target_family = "wasm")]
mod guest;

#[cfg(test)]
mod tests;
