//! Twilio Media Streams: what Twilio sends, what it accepts, and the state of one stream.
//!
//! [`decode`] and [`Session`] read what Twilio sends; [`encode_media`], [`encode_mark`] and [`encode_clear`] write what
//! it accepts. The opposite direction ([`Message::encode`], [`Outbound`]) is for whoever plays Twilio in a test.

mod inbound;
mod outbound;
mod session;

pub use inbound::{Format, Message, Start, decode, decode_reusing};
pub use outbound::{Outbound, encode_clear, encode_mark, encode_mark_into, encode_media, encode_media_into};
pub use session::Session;

pub use crate::track::Track;
use crate::{Error, payload};

/// Audio bytes that one message may carry: 8 s of mu-law, many times what Twilio sends at once (20 ms).
pub const MAX_PAYLOAD: usize = 64 * 1024;

/// Bytes of one text frame: the largest payload in base64, with room for the rest of the message.
pub const MAX_MESSAGE: usize = 96 * 1024;

fn check_length(text: &str) -> Result<(), Error> {
    payload::check_length(text, MAX_MESSAGE)
}

fn decode_payload(text: &str, buffer: Vec<u8>) -> Result<Vec<u8>, Error> {
    payload::decode(text, buffer, MAX_PAYLOAD)
}
