//! What Telnyx sends.

use std::borrow::Cow;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use call_state::Moment;
use serde::Deserialize;
use serde_json::{Value, json};

use super::start::{Body, Start};
use super::{MAX_MESSAGE, MAX_PAYLOAD};
use crate::json::Count;
use crate::{Error, Track, dtmf, payload};

/// One message from Telnyx.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Message {
    /// The socket is open. Carries nothing that is needed, and relays may leave it out.
    Connected,
    /// The stream begins.
    Start(Start),
    /// Audio in the announced codec, without RTP headers. Not necessarily in order.
    Media {
        /// Which side of the call this is.
        track: Track,
        /// Number of this piece within its track, by which to order.
        chunk: u64,
        /// Time since the stream began. Zero when it was left out.
        timestamp: Duration,
        /// Bytes of the announced codec, normally 160.
        payload: Vec<u8>,
    },
    /// The caller pressed a key: 0-9, A-D, `*` or `#`.
    Dtmf {
        /// The key.
        digit: char,
        /// When, by which to order. `None` when it was left out or cannot be read.
        occurred_at: Option<Moment>,
    },
    /// Everything sent before the mark of this name has played, or was cleared.
    Mark {
        /// The name that was sent.
        name: String,
    },
    /// Telnyx did not accept something that was sent. The stream goes on.
    Error {
        /// 100002 unknown error, 100003 malformed frame, 100004 media that is not base64, 100005 too many messages.
        code: u64,
        /// Telnyx's name for it. Empty when it was left out.
        title: String,
    },
    /// The stream is over; the call need not be.
    Stop,
    /// An event that this version does not know, by name. Safe to ignore.
    Other(String),
}

/// A message with what only a session looks at.
pub(super) struct Envelope<'a> {
    pub(super) sequence: Option<u64>,
    pub(super) stream_id: Option<Cow<'a, str>>,
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
    payload::check_length(text, MAX_MESSAGE)?;
    let frame = match serde_json::from_str::<Frame<'_>>(text) {
        Ok(frame) => frame,
        Err(error) => return unknown_event(text).ok_or_else(|| Error::from(error)),
    };
    let message = match &*frame.event {
        "media" => media(frame.media.ok_or_else(|| missing("media"))?, buffer)?,
        "connected" => Message::Connected,
        "start" => {
            Message::Start(frame.start.ok_or_else(|| missing("start"))?.announce(frame.stream_id.clone())?)
        }
        "dtmf" => Message::Dtmf {
            digit: dtmf::digit(&frame.dtmf.ok_or_else(|| missing("dtmf"))?.digit)?,
            occurred_at: frame.occurred_at.as_deref().and_then(Moment::from_rfc3339),
        },
        "mark" => Message::Mark { name: frame.mark.ok_or_else(|| missing("mark"))?.name.into_owned() },
        "error" => problem(frame.payload.ok_or_else(|| missing("error"))?),
        "stop" => Message::Stop,
        other => Message::Other(other.to_owned()),
    };
    Ok(Envelope { sequence: frame.sequence_number.map(|count| count.0), stream_id: frame.stream_id, message })
}

/// A later event may reuse a field name for something else: only its name is looked at then.
fn unknown_event(text: &str) -> Option<Envelope<'_>> {
    let name = serde_json::from_str::<Name<'_>>(text).ok()?.event;
    if KNOWN.contains(&&*name) {
        return None;
    }
    Some(Envelope { sequence: None, stream_id: None, message: Message::Other(name.into_owned()) })
}

fn media(media: Media<'_>, buffer: Vec<u8>) -> Result<Message, Error> {
    Ok(Message::Media {
        track: media.track,
        chunk: media.chunk.ok_or(Error::MissingField { event: "media", field: "chunk" })?.0,
        timestamp: Duration::from_millis(media.timestamp.0),
        payload: payload::decode(&media.payload, buffer, MAX_PAYLOAD)?,
    })
}

fn problem(problem: Problem<'_>) -> Message {
    Message::Error { code: problem.code.0, title: problem.title.unwrap_or_default().into_owned() }
}

fn missing(event: &'static str) -> Error {
    let field = if event == "error" { "payload" } else { event };
    Error::MissingField { event, field }
}

const KNOWN: [&str; 7] = ["connected", "start", "media", "dtmf", "mark", "error", "stop"];

#[derive(Deserialize)]
struct Frame<'a> {
    #[serde(borrow)]
    event: Cow<'a, str>,
    #[serde(borrow, default)]
    stream_id: Option<Cow<'a, str>>,
    sequence_number: Option<Count>,
    #[serde(borrow)]
    media: Option<Media<'a>>,
    #[serde(borrow)]
    start: Option<Body<'a>>,
    #[serde(borrow)]
    dtmf: Option<Dtmf<'a>>,
    #[serde(borrow, default)]
    occurred_at: Option<Cow<'a, str>>,
    #[serde(borrow)]
    mark: Option<Mark<'a>>,
    #[serde(borrow)]
    payload: Option<Problem<'a>>,
}

#[derive(Deserialize)]
struct Media<'a> {
    track: Track,
    chunk: Option<Count>,
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
struct Problem<'a> {
    code: Count,
    #[serde(borrow, default)]
    title: Option<Cow<'a, str>>,
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
            Self::Error { .. } => "error",
            Self::Stop => "stop",
            Self::Other(_) => return None,
        })
    }

    /// Writes the message as Telnyx would, for whoever plays Telnyx. `sequence` counts from 1; `start` names the stream.
    #[must_use]
    pub fn encode(&self, sequence: u64, start: &Start) -> String {
        let event = self.event();
        let mut object = match self {
            Self::Connected => return json!({ "event": event, "version": "1.0.0" }).to_string(),
            Self::Error { code, title } => {
                let payload = json!({ "code": code, "title": title, "detail": "" });
                return json!({ "event": event, "stream_id": start.stream_id, "payload": payload })
                    .to_string();
            }
            _ => json!({
                "event": event,
                "sequence_number": sequence.to_string(),
                "stream_id": start.stream_id,
            }),
        };
        if let (Some(fields), Some(body)) = (object.as_object_mut(), self.body(start)) {
            fields.insert(event.to_owned(), body);
            if let Self::Dtmf { occurred_at: Some(at), .. } = self {
                fields.insert("occurred_at".to_owned(), at.to_rfc3339().into());
            }
        }
        object.to_string()
    }

    fn body(&self, start: &Start) -> Option<Value> {
        Some(match self {
            Self::Start(start) => start.to_json(),
            Self::Media { track, chunk, timestamp, payload } => json!({
                "track": track,
                "chunk": chunk.to_string(),
                "timestamp": timestamp.as_millis().to_string(),
                "payload": STANDARD.encode(payload),
            }),
            Self::Dtmf { digit, .. } => json!({ "digit": digit }),
            Self::Mark { name } => json!({ "name": name }),
            Self::Stop => json!({ "call_control_id": start.call_control_id }),
            Self::Connected | Self::Error { .. } | Self::Other(_) => return None,
        })
    }
}

#[cfg(test)]
mod tests;
