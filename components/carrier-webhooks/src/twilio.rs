//! Twilio's webhooks, and those of Telnyx's TeXML, which speaks the same language.

pub(crate) mod conference;
mod desk;
pub(crate) mod dial;
mod documents;
mod fault;
mod form;
mod inbound;
mod known;
pub(crate) mod menu;
mod outbound;
pub(crate) mod report;
pub(crate) mod voice;
mod voicemail;
