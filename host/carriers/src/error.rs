//! Why a media-socket message was refused.

use thiserror::Error;

/// A message that the codec or the session refused. None of them says that the call must end.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Error {
    /// The text frame is longer than any message of the protocol.
    #[error("message of {length} bytes exceeds the limit of {limit}")]
    TooLong {
        /// Bytes received.
        length: usize,
        /// Bytes allowed.
        limit: usize,
    },
    /// The text frame is not the JSON that the protocol asks for.
    #[error("malformed message at column {column}: {problem}")]
    Malformed {
        /// What was wrong, without quoting the message.
        problem: &'static str,
        /// Byte position, counted from 1.
        column: usize,
    },
    /// A message lacks the part that its event needs.
    #[error("`{event}` message without `{field}`")]
    MissingField {
        /// The event of the message.
        event: &'static str,
        /// The absent field.
        field: &'static str,
    },
    /// The audio is not canonical base64.
    #[error("audio payload is not canonical base64")]
    PayloadEncoding,
    /// The audio of one message is longer than the limit.
    #[error("audio payload of about {length} bytes exceeds the limit of {limit}")]
    PayloadTooLarge {
        /// Bytes that the payload would decode to.
        length: usize,
        /// Bytes allowed.
        limit: usize,
    },
    /// A keypad message names something that is not one of the sixteen digits.
    #[error("keypad message without exactly one of 0-9, A-D, * and #")]
    BadDigit,
    /// An outgoing message names an event that the carrier does not accept.
    #[error("the carrier does not accept this event; send media, mark or clear")]
    UnsupportedEvent,
    /// A message belongs to a stream that was not announced yet.
    #[error("`{event}` before `start`")]
    EventBeforeStart {
        /// The event of the message.
        event: &'static str,
    },
    /// A second stream was announced on the same socket.
    #[error("second `start` on one socket")]
    SecondStart,
    /// A message arrived after the end of its stream.
    #[error("`{event}` after `stop`")]
    EventAfterStop {
        /// The event of the message.
        event: &'static str,
    },
    /// A message carries the id of another stream.
    #[error("`{event}` of another stream")]
    ForeignStream {
        /// The event of the message.
        event: &'static str,
    },
    /// The announced audio is not 8 kHz mono mu-law.
    #[error(
        "stream is {sample_rate} Hz with {channels} channels in an encoding that is not audio/x-mulaw at 8000 Hz mono"
    )]
    UnsupportedFormat {
        /// Announced samples per second.
        sample_rate: u32,
        /// Announced channels.
        channels: u8,
    },
    /// The announced audio is in a codec that calls are not held in here.
    #[error(
        "stream is {codec} at {sample_rate} Hz with {channels} channels, not PCMU or PCMA at 8000 Hz mono"
    )]
    UnsupportedCodec {
        /// The carrier's name of the codec, where it is one that the carrier documents; otherwise `unknown`.
        codec: &'static str,
        /// Announced samples per second.
        sample_rate: u32,
        /// Announced channels.
        channels: u8,
    },
    /// The client state is not canonical base64.
    #[error("client state is not canonical base64")]
    ClientStateEncoding,
}

impl Error {
    /// A stable name for logs and metrics.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::TooLong { .. } => "message_too_long",
            Self::Malformed { .. } => "malformed",
            Self::MissingField { .. } => "missing_field",
            Self::PayloadEncoding => "payload_encoding",
            Self::PayloadTooLarge { .. } => "payload_too_large",
            Self::BadDigit => "bad_digit",
            Self::UnsupportedEvent => "unsupported_event",
            Self::EventBeforeStart { .. } => "event_before_start",
            Self::SecondStart => "second_start",
            Self::EventAfterStop { .. } => "event_after_stop",
            Self::ForeignStream { .. } => "foreign_stream",
            Self::UnsupportedFormat { .. } => "unsupported_format",
            Self::UnsupportedCodec { .. } => "unsupported_codec",
            Self::ClientStateEncoding => "client_state_encoding",
        }
    }
}

impl From<serde_json::Error> for Error {
    fn from(error: serde_json::Error) -> Self {
        // serde_json's own text may quote the message, which can hold what a caller said or typed.
        let problem = match error.classify() {
            serde_json::error::Category::Eof => "the JSON ends too early",
            serde_json::error::Category::Syntax => "not JSON",
            _ => "a field is absent, doubled or of the wrong type",
        };
        Self::Malformed { problem, column: error.column() }
    }
}
