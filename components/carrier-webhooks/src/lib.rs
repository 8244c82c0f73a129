//! Answers the carriers' webhooks at the edge.
//!
//! `POST /webhooks/twilio/voice` says what to do with a call, in TwiML;
//! `POST /webhooks/twilio/status` takes reports on it. Nothing of a request is
//! parsed or stored before the capability `webhook-verification` has proven its
//! origin over the bytes as they came. The logic is [`service`], which runs
//! natively too; this file ties it to Spin.

mod decision;
mod form;
mod message;
mod refusal;
mod routing_table;
pub mod service;
mod settings;
mod status;
mod voice;

pub mod bindings;

#[cfg(target_family = "wasm")]
mod guest;

#[cfg(test)]
mod tests;
