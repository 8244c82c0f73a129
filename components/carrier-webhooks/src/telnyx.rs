//! Telnyx's webhooks: Call Control's events in JSON, and the forms of TeXML, which are Twilio's.

pub(crate) mod call;
mod chain;
mod orders;
mod party;
mod reception;
mod voicemail;

/// Telnyx's name in the store.
const CARRIER: &str = "telnyx";

/// In the state of a leg: it was dialled to hand the call over.
const FORWARDED: &str = "forwarded";
