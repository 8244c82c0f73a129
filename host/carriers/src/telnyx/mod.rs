//! Telnyx media streaming: what Telnyx sends, what it accepts, and the state of one stream.
//!
//! [`decode`] and [`Session`] read what Telnyx sends; [`encode_media`], [`encode_mark`] and [`encode_clear`] write what
//! it accepts. Audio may arrive out of order: give each track's to a [`crate::reorder::Window`]. A key press may also
//! come as a webhook: count it with a [`crate::dtmf::Deduplicator`]. Closing the socket does not end the call.
//!
//! The opposite direction ([`Message::encode`], [`Outbound`]) is for whoever plays Telnyx in a test.
//!
//! Sources: Telnyx's media-streaming guide and its AsyncAPI document "Stream call media over WebSocket".

mod inbound;
mod outbound;
mod session;
mod start;

pub use inbound::{Message, decode, decode_reusing};
pub use outbound::{Outbound, encode_clear, encode_mark, encode_mark_into, encode_media, encode_media_into};
pub use session::Session;
pub use start::{Codec, Format, Start, encode_client_state};

/// Audio bytes that one message from Telnyx may carry: 8 s of PCMU, many times what it sends at once (20 ms).
pub const MAX_PAYLOAD: usize = 64 * 1024;

/// Bytes of one text frame from Telnyx: the largest payload in base64, with room for the rest of the message.
pub const MAX_MESSAGE: usize = 96 * 1024;

/// Audio bytes that one message to Telnyx may carry: 30 s of PCMU or PCMA, Telnyx's limit. The least is 20 ms.
pub const MAX_OUTBOUND_PAYLOAD: usize = 30 * 8_000;

/// Bytes of one text frame to Telnyx: the largest payload in base64, with room for the rest of the message.
pub const MAX_OUTBOUND_MESSAGE: usize = 336 * 1024;
