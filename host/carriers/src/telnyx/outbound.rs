//! What Telnyx accepts. No message needs the stream's id.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;

use super::{MAX_OUTBOUND_MESSAGE, MAX_OUTBOUND_PAYLOAD};
use crate::json::push_string;
use crate::{Error, payload};

/// Writes audio for the stream to play: bytes of the codec that was ordered for this direction, without RTP or file
/// headers, of 20 ms to 30 s. The stream must have been ordered in `rtp` mode; otherwise Telnyx drops it silently.
#[must_use]
pub fn encode_media(payload: &[u8]) -> String {
    let mut output = String::with_capacity(64 + payload.len() * 4 / 3);
    encode_media_into(payload, &mut output);
    output
}

/// Appends what [`encode_media`] returns to `output`.
pub fn encode_media_into(payload: &[u8], output: &mut String) {
    output.push_str(r#"{"event":"media","media":{"payload":""#);
    STANDARD.encode_string(payload, output);
    output.push_str("\"}}");
}

/// Writes a mark: Telnyx echoes it when everything before it has played, or was cleared.
#[must_use]
pub fn encode_mark(name: &str) -> String {
    let mut output = String::with_capacity(48 + name.len());
    encode_mark_into(name, &mut output);
    output
}

/// Appends what [`encode_mark`] returns to `output`.
pub fn encode_mark_into(name: &str, output: &mut String) {
    output.push_str(r#"{"event":"mark","mark":{"name":"#);
    push_string(output, name);
    output.push_str("}}");
}

/// Writes a clear: Telnyx drops what it has not played and echoes every pending mark at once.
#[must_use]
pub fn encode_clear() -> String {
    r#"{"event":"clear"}"#.to_owned()
}

/// One message to Telnyx, as whoever plays Telnyx reads it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outbound {
    /// Audio to play after everything sent before.
    Media {
        /// Bytes of the ordered codec.
        payload: Vec<u8>,
    },
    /// A name to echo when everything before it has played.
    Mark {
        /// The name.
        name: String,
    },
    /// Drop what has not played and echo all pending marks.
    Clear,
}

impl Outbound {
    /// Reads one text frame.
    ///
    /// # Errors
    /// When Telnyx would refuse the frame: no JSON, an event it does not accept, or audio that is not base64.
    pub fn decode(text: &str) -> Result<Self, Error> {
        payload::check_length(text, MAX_OUTBOUND_MESSAGE)?;
        let frame: Frame<'_> = serde_json::from_str(text)?;
        match &*frame.event {
            "media" => {
                let media = frame.media.ok_or(Error::MissingField { event: "media", field: "media" })?;
                let payload = payload::decode(&media.payload, Vec::new(), MAX_OUTBOUND_PAYLOAD)?;
                Ok(Self::Media { payload })
            }
            "mark" => {
                let mark = frame.mark.ok_or(Error::MissingField { event: "mark", field: "mark" })?;
                Ok(Self::Mark { name: mark.name.into_owned() })
            }
            "clear" => Ok(Self::Clear),
            _ => Err(Error::UnsupportedEvent),
        }
    }
}

#[derive(Deserialize)]
struct Frame<'a> {
    #[serde(borrow)]
    event: Cow<'a, str>,
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
    fn a_stream_id_is_tolerated_and_other_events_are_refused() {
        assert_eq!(Outbound::decode(r#"{"event":"clear","stream_id":"S"}"#), Ok(Outbound::Clear));
        assert_eq!(Outbound::decode(r#"{"event":"start"}"#), Err(Error::UnsupportedEvent));
        assert_eq!(Outbound::decode(r#"{"event":"mark"}"#).unwrap_err().code(), "missing_field");
    }

    #[test]
    fn half_a_minute_of_audio_is_accepted_and_more_is_not() {
        assert!(Outbound::decode(&encode_media(&[0xFF; MAX_OUTBOUND_PAYLOAD])).is_ok());
        let refused = Outbound::decode(&encode_media(&[0xFF; MAX_OUTBOUND_PAYLOAD + 3]));
        assert_eq!(refused.unwrap_err().code(), "payload_too_large");
    }

    proptest! {
        #[test]
        fn what_we_write_is_what_the_carrier_reads(
            payload in proptest::collection::vec(any::<u8>(), 0..500),
            name in any::<String>(),
        ) {
            prop_assert_eq!(Outbound::decode(&encode_clear()), Ok(Outbound::Clear));
            prop_assert_eq!(Outbound::decode(&encode_mark(&name)), Ok(Outbound::Mark { name }));
            prop_assert_eq!(Outbound::decode(&encode_media(&payload)), Ok(Outbound::Media { payload }));
        }

        #[test]
        fn any_text_decodes_or_is_refused_without_a_panic(text in any::<String>()) {
            let _ = Outbound::decode(&text);
        }
    }
}
