//! The simulated Telnyx keeps to Call Control's protocols against a small platform made here.
#![cfg(test)]

mod calls;
mod commands;
mod media;
mod outbound;
mod platform;
mod texml;
mod webhooks;
