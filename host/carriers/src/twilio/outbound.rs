//! What Twilio accepts. Always text frames: Twilio ignores binary ones with a warning.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;

use super::{check_length, decode_payload};
use crate::Error;
use crate::json::push_string;

/// Writes mu-law `payload`, of any length and without a file header, for the stream to play.
#[must_use]
pub fn encode_media(stream_sid: &str, payload: &[u8]) -> String {
    let mut output = String::with_capacity(96 + stream_sid.len() + payload.len() * 4 / 3);
    encode_media_into(stream_sid, payload, &mut output);
    output
}

/// Appends what [`encode_media`] returns to `output`.
pub fn encode_media_into(stream_sid: &str, payload: &[u8], output: &mut String) {
    open("media", stream_sid, output);
    output.push_str(r#","media":{"payload":""#);
    STANDARD.encode_string(payload, output);
    output.push_str("\"}}");
}

/// Writes a mark: Twilio echoes it when everything before it has played, or was cleared.
#[must_use]
pub fn encode_mark(stream_sid: &str, name: &str) -> String {
    let mut output = String::with_capacity(64 + stream_sid.len() + name.len());
    encode_mark_into(stream_sid, name, &mut output);
    output
}

/// Appends what [`encode_mark`] returns to `output`.
pub fn encode_mark_into(stream_sid: &str, name: &str, output: &mut String) {
    open("mark", stream_sid, output);
    output.push_str(r#","mark":{"name":"#);
    push_string(output, name);
    output.push_str("}}");
}

/// Writes a clear: Twilio drops what it has not played and echoes every pending mark at once.
#[must_use]
pub fn encode_clear(stream_sid: &str) -> String {
    let mut output = String::with_capacity(40 + stream_sid.len());
    open("clear", stream_sid, &mut output);
    output.push('}');
    output
}

fn open(event: &str, stream_sid: &str, output: &mut String) {
    output.push_str(r#"{"event":""#);
    output.push_str(event);
    output.push_str(r#"","streamSid":"#);
    push_string(output, stream_sid);
}

/// One message to Twilio, as whoever plays Twilio reads it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outbound {
    /// Audio to play after everything sent before.
    Media {
        /// The stream it is for.
        stream_sid: String,
        /// Mu-law bytes.
        payload: Vec<u8>,
    },
    /// A name to echo when everything before it has played.
    Mark {
        /// The stream it is for.
        stream_sid: String,
        /// The name.
        name: String,
    },
    /// Drop what has not played and echo all pending marks.
    Clear {
        /// The stream it is for.
        stream_sid: String,
    },
}

impl Outbound {
    /// Reads one text frame.
    ///
    /// # Errors
    /// When Twilio would refuse the frame: no JSON, no stream id, an event it does not accept, or audio that is not
    /// base64.
    pub fn decode(text: &str) -> Result<Self, Error> {
        check_length(text)?;
        let frame: Frame<'_> = serde_json::from_str(text)?;
        let event = match &*frame.event {
            "media" => "media",
            "mark" => "mark",
            "clear" => "clear",
            _ => return Err(Error::UnsupportedEvent),
        };
        if frame.stream_sid.is_empty() {
            return Err(Error::MissingField { event, field: "streamSid" });
        }
        let stream_sid = frame.stream_sid.into_owned();
        match event {
            "media" => {
                let media = frame.media.ok_or(Error::MissingField { event, field: "media" })?;
                Ok(Self::Media { stream_sid, payload: decode_payload(&media.payload, Vec::new())? })
            }
            "mark" => {
                let mark = frame.mark.ok_or(Error::MissingField { event, field: "mark" })?;
                Ok(Self::Mark { stream_sid, name: mark.name.into_owned() })
            }
            _ => Ok(Self::Clear { stream_sid }),
        }
    }

    /// The stream that the message is for.
    #[must_use]
    pub fn stream_sid(&self) -> &str {
        match self {
            Self::Media { stream_sid, .. } | Self::Mark { stream_sid, .. } | Self::Clear { stream_sid } => {
                stream_sid
            }
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Frame<'a> {
    #[serde(borrow)]
    event: Cow<'a, str>,
    #[serde(borrow, default)]
    stream_sid: Cow<'a, str>,
    #[serde(borrow)]
    media: Option<Media<'a>>,
    #[serde(borrow)]
    mark: Option<Mark<'a>>,
}

#[derive(Deserialize)]
struct Media<'a> {
    #[serde(borrow)]
    payload: Cow<'a, str>,
}

#[derive(Deserialize)]
struct Mark<'a> {
    #[serde(borrow)]
    name: Cow<'a, str>,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn events_that_only_twilio_sends_are_refused() {
        assert_eq!(
            Outbound::decode(r#"{"event":"connected","streamSid":"MZ"}"#),
            Err(Error::UnsupportedEvent)
        );
        assert_eq!(Outbound::decode(r#"{"event":"clear"}"#).unwrap_err().code(), "missing_field");
    }

    #[test]
    fn appending_to_a_reused_buffer_writes_the_same_frame() {
        let mut output = String::new();
        encode_media_into("MZ1", &[0xFF; 160], &mut output);
        assert_eq!(output, encode_media("MZ1", &[0xFF; 160]));
        output.clear();
        encode_mark_into("MZ1", "turn-7", &mut output);
        assert_eq!(output, encode_mark("MZ1", "turn-7"));
    }

    proptest! {
        #[test]
        fn what_we_write_is_what_the_carrier_reads(
            sid in "[A-Za-z0-9\"\\\\ ]{1,40}",
            payload in proptest::collection::vec(any::<u8>(), 0..500),
            name in any::<String>(),
        ) {
            let stream_sid = sid.clone();
            prop_assert_eq!(Outbound::decode(&encode_clear(&sid)), Ok(Outbound::Clear { stream_sid }));
            let stream_sid = sid.clone();
            prop_assert_eq!(
                Outbound::decode(&encode_mark(&sid, &name)),
                Ok(Outbound::Mark { stream_sid, name })
            );
            let stream_sid = sid.clone();
            prop_assert_eq!(
                Outbound::decode(&encode_media(&sid, &payload)),
                Ok(Outbound::Media { stream_sid, payload })
            );
        }
    }
}
