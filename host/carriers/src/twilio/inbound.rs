//! What Twilio sends.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

use super::{Track, check_length, decode_payload};
use crate::json::Count;
use crate::{Error, dtmf};

/// One message from Twilio.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Message {
    /// The socket is open. Carries nothing, and relays may leave it out.
    Connected,
    /// The stream begins.
    Start(Start),
    /// Caller audio, mu-law at 8 kHz.
    Media {
        /// Which side of the call this is.
        track: Track,
        /// Number of this piece within its track, from 1. Zero when it was left out.
        chunk: u64,
        /// Time since the stream began. Zero when it was left out.
        timestamp: Duration,
        /// Mu-law bytes, normally 160.
        payload: Vec<u8>,
    },
    /// The caller pressed a key: 0-9, A-D, `*` or `#`.
    Dtmf {
        /// The key.
        digit: char,
    },
    /// Everything sent before the mark of this name has played, or was cleared.
    Mark {
        /// The name that was sent.
        name: String,
    },
    /// The stream is over.
    Stop,
    /// An event that this version does not know, by name. Safe to ignore.
    Other(String),
}

/// How Twilio announces a stream.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Start {
    /// Id of the stream, `MZ...`: goes into everything sent back.
    pub stream_sid: String,
    /// Id of the call, `CA...`.
    pub call_sid: String,
    /// Id of the account, `AC...`.
    pub account_sid: String,
    /// The sides of the call that will be sent.
    #[serde(default)]
    pub tracks: Vec<Track>,
    /// How the audio is coded.
    #[serde(rename = "mediaFormat")]
    pub format: Format,
    /// The `<Parameter>`s of the TwiML that opened the stream.
    #[serde(default)]
    pub custom_parameters: BTreeMap<String, String>,
}

/// The coding of a stream's audio.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Format {
    /// Name of the codec, `audio/x-mulaw`.
    pub encoding: String,
    /// Samples per second.
    pub sample_rate: u32,
    /// Channels in one stream.
    pub channels: u8,
}

/// A message with what only a session looks at.
pub(super) struct Envelope<'a> {
    pub(super) sequence: Option<u64>,
    pub(super) stream_sid: Cow<'a, str>,
    pub(super) message: Message,
}

/// Reads one text frame.
///
/// # Errors
/// When the frame is too long, is not JSON, or lacks what its event needs. An unknown event is not an error.
pub fn decode(text: &str) -> Result<Message, Error> {
    decode_reusing(text, Vec::new())
}

/// Reads one text frame; audio is decoded into `buffer`, which comes back as the payload.
///
/// # Errors
/// As [`decode`].
pub fn decode_reusing(text: &str, buffer: Vec<u8>) -> Result<Message, Error> {
    Ok(decode_envelope(text, buffer)?.message)
}

pub(super) fn decode_envelope(text: &str, buffer: Vec<u8>) -> Result<Envelope<'_>, Error> {
    check_length(text)?;
    let frame = match serde_json::from_str::<Frame<'_>>(text) {
        Ok(frame) => frame,
        Err(error) => return unknown_event(text).ok_or_else(|| Error::from(error)),
    };
    let message = match &*frame.event {
        "media" => media(frame.media.ok_or_else(|| missing("media"))?, buffer)?,
        "connected" => Message::Connected,
        "start" => Message::Start(frame.start.ok_or_else(|| missing("start"))?),
        "dtmf" => Message::Dtmf { digit: dtmf::digit(&frame.dtmf.ok_or_else(|| missing("dtmf"))?.digit)? },
        "mark" => Message::Mark { name: frame.mark.ok_or_else(|| missing("mark"))?.name.into_owned() },
        "stop" => Message::Stop,
        other => Message::Other(other.to_owned()),
    };
    Ok(Envelope {
        sequence: frame.sequence_number.map(|count| count.0),
        stream_sid: frame.stream_sid,
        message,
    })
}

/// A later event may reuse a field name for something else: only its name is looked at then.
fn unknown_event(text: &str) -> Option<Envelope<'_>> {
    let name = serde_json::from_str::<Name<'_>>(text).ok()?.event;
    if KNOWN.contains(&&*name) {
        return None;
    }
    Some(Envelope { sequence: None, stream_sid: "".into(), message: Message::Other(name.into_owned()) })
}

fn media(media: Media<'_>, buffer: Vec<u8>) -> Result<Message, Error> {
    Ok(Message::Media {
        track: media.track,
        chunk: media.chunk.0,
        timestamp: Duration::from_millis(media.timestamp.0),
        payload: decode_payload(&media.payload, buffer)?,
    })
}

fn missing(event: &'static str) -> Error {
    Error::MissingField { event, field: event }
}

const KNOWN: [&str; 6] = ["connected", "start", "media", "dtmf", "mark", "stop"];

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Frame<'a> {
    #[serde(borrow)]
    event: Cow<'a, str>,
    #[serde(borrow, default)]
    stream_sid: Cow<'a, str>,
    sequence_number: Option<Count>,
    #[serde(borrow)]
    media: Option<Media<'a>>,
    start: Option<Start>,
    #[serde(borrow)]
    dtmf: Option<Dtmf<'a>>,
    #[serde(borrow)]
    mark: Option<Mark<'a>>,
}

#[derive(Deserialize)]
struct Media<'a> {
    track: Track,
    #[serde(default)]
    chunk: Count,
    #[serde(default)]
    timestamp: Count,
    #[serde(borrow)]
    payload: Cow<'a, str>,
}

#[derive(Deserialize)]
struct Dtmf<'a> {
    #[serde(borrow)]
    digit: Cow<'a, str>,
}

#[derive(Deserialize)]
struct Mark<'a> {
    #[serde(borrow)]
    name: Cow<'a, str>,
}

#[derive(Deserialize)]
struct Name<'a> {
    #[serde(borrow)]
    event: Cow<'a, str>,
}

impl Message {
    /// The event name on the wire.
    #[must_use]
    pub fn event(&self) -> &str {
        self.known_event().unwrap_or(match self {
            Self::Other(name) => name,
            _ => "",
        })
    }

    pub(super) fn known_event(&self) -> Option<&'static str> {
        Some(match self {
            Self::Connected => "connected",
            Self::Start(_) => "start",
            Self::Media { .. } => "media",
            Self::Dtmf { .. } => "dtmf",
            Self::Mark { .. } => "mark",
            Self::Stop => "stop",
            Self::Other(_) => return None,
        })
    }

    /// Writes the message as Twilio would, for whoever plays Twilio. `sequence` counts from 1; `start` names the stream.
    #[must_use]
    pub fn encode(&self, sequence: u64, start: &Start) -> String {
        let mut object = serde_json::json!({ "event": self.event() });
        if let (Self::Connected, Some(fields)) = (self, object.as_object_mut()) {
            fields.insert("protocol".into(), "Call".into());
            fields.insert("version".into(), "1.0.0".into());
            return object.to_string();
        }
        let body = match self {
            Self::Start(start) => serde_json::json!(start),
            Self::Media { track, chunk, timestamp, payload } => serde_json::json!({
                "track": track,
                "chunk": chunk.to_string(),
                "timestamp": timestamp.as_millis().to_string(),
                "payload": STANDARD.encode(payload),
            }),
            Self::Dtmf { digit } => serde_json::json!({ "track": "inbound_track", "digit": digit }),
            Self::Mark { name } => serde_json::json!({ "name": name }),
            Self::Stop => serde_json::json!({ "accountSid": start.account_sid, "callSid": start.call_sid }),
            Self::Connected | Self::Other(_) => serde_json::Value::Null,
        };
        if let Some(fields) = object.as_object_mut() {
            fields.insert("sequenceNumber".into(), sequence.to_string().into());
            fields.insert("streamSid".into(), start.stream_sid.as_str().into());
            if !body.is_null() {
                fields.insert(self.event().to_owned(), body);
            }
        }
        object.to_string()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::{MAX_MESSAGE, MAX_PAYLOAD};
    use super::*;

    #[test]
    fn an_unknown_event_is_reported_by_name_whatever_it_carries() {
        assert_eq!(decode(r#"{"event":"future"}"#), Ok(Message::Other("future".into())));
        assert_eq!(decode(r#"{"event":"future","start":7}"#), Ok(Message::Other("future".into())));
    }

    #[test]
    fn escaped_slashes_in_audio_are_read_as_slashes() {
        let text = r#"{"event":"media","streamSid":"MZ","media":{"track":"inbound","chunk":"1","timestamp":"5","payload":"\/\/\/\/"}}"#;
        let Ok(Message::Media { payload, timestamp, .. }) = decode(text) else { panic!("audio") };
        assert_eq!(payload, [0xFF; 3]);
        assert_eq!(timestamp, Duration::from_millis(5));
    }

    #[test]
    fn audio_that_is_not_canonical_base64_is_refused() {
        for payload in ["/w", "/w=", "/x==", "_w==", " /w==", "/w==\n"] {
            let text = media_text(&payload.escape_default().to_string());
            assert_eq!(decode(&text), Err(Error::PayloadEncoding), "{payload:?}");
        }
    }

    #[test]
    fn audio_beyond_the_limit_is_refused_before_it_is_decoded() {
        let payload = STANDARD.encode(vec![0; MAX_PAYLOAD + 3]);
        assert!(matches!(decode(&media_text(&payload)), Err(Error::PayloadTooLarge { .. })));
        let endless = " ".repeat(MAX_MESSAGE + 1);
        assert_eq!(decode(&endless), Err(Error::TooLong { length: MAX_MESSAGE + 1, limit: MAX_MESSAGE }));
    }

    #[test]
    fn malformed_messages_are_named_without_quoting_them() {
        for text in ["", "null", "[]", "{}", r#"{"event":7}"#, r#"{"event":"media","media":{"secret":1}}"#] {
            let error = decode(text).unwrap_err();
            assert_eq!(error.code(), "malformed", "{text}");
            assert!(!error.to_string().contains("secret"));
        }
        assert_eq!(decode(r#"{"event":"media"}"#).unwrap_err().code(), "missing_field");
        assert_eq!(decode(r#"{"event":"dtmf","dtmf":{"digit":"12"}}"#), Err(Error::BadDigit));
    }

    #[test]
    fn a_reused_buffer_holds_only_the_new_audio() {
        let buffer = vec![1, 2, 3, 4, 5];
        let Ok(Message::Media { payload, .. }) = decode_reusing(&media_text("/w=="), buffer) else {
            panic!("audio")
        };
        assert_eq!(payload, [0xFF]);
    }

    proptest! {
        #[test]
        fn any_text_decodes_or_is_refused_without_a_panic(text in any::<String>()) {
            let _ = decode(&text);
        }

        #[test]
        fn what_the_carrier_side_writes_is_what_we_read(
            payload in proptest::collection::vec(any::<u8>(), 0..500),
            chunk in any::<u64>(),
            milliseconds in any::<u32>(),
            name in any::<String>(),
        ) {
            let start = start();
            let timestamp = Duration::from_millis(milliseconds.into());
            for message in [
                Message::Connected,
                Message::Start(start.clone()),
                Message::Media { track: Track::Outbound, chunk, timestamp, payload },
                Message::Dtmf { digit: '#' },
                Message::Mark { name },
                Message::Stop,
            ] {
                prop_assert_eq!(decode(&message.encode(3, &start)), Ok(message));
            }
        }
    }

    fn media_text(payload: &str) -> String {
        format!(
            r#"{{"event":"media","streamSid":"MZ","media":{{"track":"inbound","chunk":"1","timestamp":"5","payload":"{payload}"}}}}"#
        )
    }

    fn start() -> Start {
        Start {
            stream_sid: "MZ1".into(),
            call_sid: "CA1".into(),
            account_sid: "AC1".into(),
            tracks: vec![Track::Inbound],
            format: Format { encoding: "audio/x-mulaw".into(), sample_rate: 8_000, channels: 1 },
            custom_parameters: BTreeMap::from([("token".into(), "a \"b\"".into())]),
        }
    }
}
