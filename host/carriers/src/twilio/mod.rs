//! Twilio Media Streams: what Twilio sends, what it accepts, and the state of one stream.
//!
//! [`decode`] and [`Session`] read what Twilio sends; [`encode_media`], [`encode_mark`] and [`encode_clear`] write what
//! it accepts. The opposite direction ([`Message::encode`], [`Outbound`]) is for whoever plays Twilio in a test.

mod inbound;
mod outbound;
mod session;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

pub use inbound::{Format, Message, Start, Track, decode, decode_reusing};
pub use outbound::{Outbound, encode_clear, encode_mark, encode_mark_into, encode_media, encode_media_into};
pub use session::Session;

use crate::Error;

/// Audio bytes that one message may carry: 8 s of mu-law, many times what Twilio sends at once (20 ms).
pub const MAX_PAYLOAD: usize = 64 * 1024;

/// Bytes of one text frame: the largest payload in base64, with room for the rest of the message.
pub const MAX_MESSAGE: usize = 96 * 1024;

fn check_length(text: &str) -> Result<(), Error> {
    if text.len() > MAX_MESSAGE {
        return Err(Error::TooLong { length: text.len(), limit: MAX_MESSAGE });
    }
    Ok(())
}

fn decode_payload(text: &str, mut buffer: Vec<u8>) -> Result<Vec<u8>, Error> {
    let length = text.len() / 4 * 3;
    if length > MAX_PAYLOAD {
        return Err(Error::PayloadTooLarge { length, limit: MAX_PAYLOAD });
    }
    buffer.clear();
    STANDARD.decode_vec(text, &mut buffer).map_err(|_| Error::PayloadEncoding)?;
    Ok(buffer)
}
