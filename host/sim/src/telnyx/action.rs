//! What a command asks for, read from its JSON.

use std::time::Duration;

use serde_json::{Map, Value};
use url::Url;

use super::detection;
use super::error::Refusal;
use super::fields::Fields;
use super::order::StreamOrder;

/// The longest text to speak, in characters.
const MOST_SPOKEN: usize = 3_000;

/// The longest call, and the default: four hours.
pub(super) const LONGEST_CALL: Duration = Duration::from_secs(14_400);

/// How long a callee may ring where the command does not say.
const RING: Duration = Duration::from_secs(30);

/// A command with what any command may bring.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) action: Action,
    pub(super) client_state: Option<String>,
    pub(super) webhook_url: Option<Url>,
}

/// What is to be done with a leg.
#[derive(Debug)]
pub(super) enum Action {
    Answer { stream: Option<StreamOrder>, record: Option<Record> },
    Reject(Cause),
    Hangup,
    Speak { text: String },
    Playback(Source),
    PlaybackStop,
    StreamingStart(StreamOrder),
    StreamingStop,
    RecordStart(Record),
    RecordStop,
    RecordPause,
    RecordResume,
    SendDtmf { digits: String },
    Transfer(Dial),
    Bridge { other: String, park: bool },
    ClientStateUpdate,
}

/// Why a call is rejected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cause {
    CallRejected,
    NotFound,
    TemporarilyUnavailable,
    UserBusy,
}

/// Where recorded sound comes from.
#[derive(Clone, Debug)]
pub(super) enum Source {
    Url(Url),
    /// A WAV file in base64.
    Content(String),
}

/// A recording to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Record {
    pub(super) dual: bool,
    /// `None`: until it is stopped, or the call is over.
    pub(super) max_length: Option<Duration>,
    /// So much silence ends it.
    pub(super) silence: Option<Duration>,
    pub(super) beep: bool,
    /// Whether what the leg's person says is recorded.
    pub(super) inbound: bool,
    /// Whether what they hear is.
    pub(super) outbound: bool,
    /// Silence at both ends is cut.
    pub(super) trim: bool,
}

impl Record {
    /// Both sides, until it is stopped.
    pub(super) fn new(channels: &str) -> Self {
        Self {
            dual: channels == "dual",
            max_length: None,
            silence: None,
            beep: false,
            inbound: true,
            outbound: true,
            trim: false,
        }
    }
}

/// A call to be placed.
#[derive(Clone, Debug)]
pub(super) struct Dial {
    pub(super) to: String,
    pub(super) from: Option<String>,
    pub(super) client_state: Option<String>,
    pub(super) webhook_url: Option<Url>,
    pub(super) timeout: Duration,
    pub(super) time_limit: Duration,
    pub(super) detection: Option<detection::Kind>,
    pub(super) stream: Option<StreamOrder>,
    pub(super) record: Option<Record>,
    /// The leg that is transferred stays when this one is over.
    pub(super) park: bool,
}

impl Asked {
    /// Reads the command of this name.
    pub(super) fn read(name: &str, body: &Map<String, Value>) -> Result<Self, Refusal> {
        let fields = Fields(body);
        Ok(Self {
            action: action(name, fields)?,
            client_state: fields.client_state("client_state")?,
            webhook_url: fields.url("webhook_url")?,
        })
    }
}

fn action(name: &str, fields: Fields<'_>) -> Result<Action, Refusal> {
    Ok(match name {
        "answer" => Action::Answer { stream: StreamOrder::of_answer(fields)?, record: from_answer(fields)? },
        "reject" => Action::Reject(cause(fields)?),
        "hangup" => Action::Hangup,
        "speak" => Action::Speak { text: spoken(fields)? },
        "playback_start" => Action::Playback(source(fields)?),
        "playback_stop" => Action::PlaybackStop,
        "streaming_start" => Action::StreamingStart(
            StreamOrder::of_streaming(fields)?.ok_or_else(|| Refusal::missing("stream_url"))?,
        ),
        "streaming_stop" => Action::StreamingStop,
        "record_start" => Action::RecordStart(record(fields)?),
        "record_stop" => Action::RecordStop,
        "record_pause" => Action::RecordPause,
        "record_resume" => Action::RecordResume,
        "send_dtmf" => Action::SendDtmf { digits: digits(fields)? },
        "transfer" => Action::Transfer(Dial::of_transfer(fields)?),
        "bridge" => {
            Action::Bridge { other: fields.needed("call_control_id")?.to_owned(), park: park(fields)? }
        }
        "client_state_update" => {
            fields.needed("client_state")?;
            Action::ClientStateUpdate
        }
        // The real carrier has more; that one is not simulated shows in the answer.
        _ => return Err(Refusal::unknown()),
    })
}

fn cause(fields: Fields<'_>) -> Result<Cause, Refusal> {
    const KNOWN: [&str; 4] = ["CALL_REJECTED", "NOT_FOUND", "TEMPORARILY_UNAVAILABLE", "USER_BUSY"];
    Ok(match fields.one_of("cause", &KNOWN)?.ok_or_else(|| Refusal::missing("cause"))? {
        "NOT_FOUND" => Cause::NotFound,
        "TEMPORARILY_UNAVAILABLE" => Cause::TemporarilyUnavailable,
        "USER_BUSY" => Cause::UserBusy,
        _ => Cause::CallRejected,
    })
}

fn spoken(fields: Fields<'_>) -> Result<String, Refusal> {
    let payload = fields.needed("payload")?;
    fields.needed("voice")?;
    if payload.chars().count() > MOST_SPOKEN {
        return Err(Refusal::invalid("payload", format!("At most {MOST_SPOKEN} characters are spoken.")));
    }
    let kind = fields.one_of("payload_type", &["text", "ssml"])?.unwrap_or("text");
    Ok(if kind == "ssml" { without_tags(payload) } else { payload.to_owned() })
}

fn without_tags(ssml: &str) -> String {
    let mut text = String::new();
    let mut in_tag = false;
    for character in ssml.chars() {
        match character {
            '<' => in_tag = true,
            '>' => {
                in_tag = false;
                text.push(' ');
            }
            _ if !in_tag => text.push(character),
            _ => {}
        }
    }
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn source(fields: Fields<'_>) -> Result<Source, Refusal> {
    if let Some(url) = fields.url("audio_url")? {
        return Ok(Source::Url(url));
    }
    let content = fields.text("playback_content")?;
    content.map(|content| Source::Content(content.to_owned())).ok_or_else(|| Refusal::missing("audio_url"))
}

fn record(fields: Fields<'_>) -> Result<Record, Refusal> {
    let channels = fields.one_of("channels", &["single", "dual"])?;
    let channels = channels.ok_or_else(|| Refusal::missing("channels"))?;
    let format = fields.one_of("format", &["wav", "mp3"])?.ok_or_else(|| Refusal::missing("format"))?;
    if format == "mp3" {
        return Err(Refusal::invalid("format", "This simulator records wav only."));
    }
    let some = |length: Option<Duration>| length.filter(|length| !length.is_zero());
    let track = fields.one_of("recording_track", &["both", "inbound", "outbound"])?.unwrap_or("both");
    Ok(Record {
        max_length: some(fields.seconds("max_length", 0..=14_400)?),
        silence: some(fields.seconds("timeout_secs", 0..=14_400)?),
        beep: fields.flag("play_beep")?,
        inbound: track != "outbound",
        outbound: track != "inbound",
        trim: fields.one_of("trim", &["trim-silence"])?.is_some(),
        ..Record::new(channels)
    })
}

/// `record: "record-from-answer"` on `answer` and on dialling.
fn from_answer(fields: Fields<'_>) -> Result<Option<Record>, Refusal> {
    if fields.one_of("record", &["record-from-answer"])?.is_none() {
        return Ok(None);
    }
    let channels = fields.one_of("record_channels", &["single", "dual"])?.unwrap_or("dual");
    if fields.one_of("record_format", &["wav", "mp3"])? != Some("wav") {
        return Err(Refusal::invalid(
            "record_format",
            "This simulator records wav only; the default is mp3.",
        ));
    }
    let max_length = fields.seconds("record_max_length", 0..=14_400)?.filter(|length| !length.is_zero());
    Ok(Some(Record { max_length, ..Record::new(channels) }))
}

fn digits(fields: Fields<'_>) -> Result<String, Refusal> {
    let digits = fields.needed("digits")?;
    let known = |digit: char| matches!(digit, '0'..='9' | 'A'..='D' | '*' | '#' | 'w' | 'W');
    if digits.chars().all(known) {
        Ok(digits.to_owned())
    } else {
        Err(Refusal::invalid("digits", "Allowed are 0-9, A-D, *, #, w and W."))
    }
}

fn park(fields: Fields<'_>) -> Result<bool, Refusal> {
    Ok(fields.one_of("park_after_unbridge", &["self"])?.is_some())
}

impl Dial {
    /// `POST /v2/calls`.
    pub(super) fn read(body: &Map<String, Value>, connection_id: &str) -> Result<Self, Refusal> {
        let fields = Fields(body);
        if fields.needed("connection_id")? != connection_id {
            return Err(Refusal::invalid("connection_id", "No Call Control App of this id is active."));
        }
        let from = Some(fields.number("from")?);
        Ok(Self {
            from,
            client_state: fields.client_state("client_state")?,
            stream: StreamOrder::of_streaming(fields)?,
            record: from_answer(fields)?,
            ..Self::common(fields)?
        })
    }

    fn of_transfer(fields: Fields<'_>) -> Result<Self, Refusal> {
        let from = if fields.has("from") { Some(fields.number("from")?) } else { None };
        Ok(Self {
            from,
            client_state: fields.client_state("target_leg_client_state")?,
            park: park(fields)?,
            ..Self::common(fields)?
        })
    }

    fn common(fields: Fields<'_>) -> Result<Self, Refusal> {
        Ok(Self {
            to: fields.number("to")?,
            from: None,
            client_state: None,
            webhook_url: fields.url("webhook_url")?,
            timeout: fields.seconds("timeout_secs", 5..=600)?.unwrap_or(RING),
            time_limit: fields.seconds("time_limit_secs", 1..=14_400)?.unwrap_or(LONGEST_CALL),
            detection: detection::Kind::read(fields)?,
            stream: None,
            record: None,
            park: false,
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_a_command_needs_is_asked_for_and_what_it_may_not_have_is_refused() {
        for (name, body, field) in [
            ("speak", json!({ "payload": "x" }), "/voice"),
            ("speak", json!({ "payload": "x".repeat(3_001), "voice": "female" }), "/payload"),
            ("reject", json!({}), "/cause"),
            ("reject", json!({ "cause": "user_busy" }), "/cause"),
            ("record_start", json!({ "format": "wav" }), "/channels"),
            ("send_dtmf", json!({ "digits": "12x" }), "/digits"),
            ("transfer", json!({ "to": "555" }), "/to"),
            ("transfer", json!({ "to": "+12025550100", "timeout_secs": 4 }), "/timeout_secs"),
            ("bridge", json!({}), "/call_control_id"),
            ("streaming_start", json!({}), "/stream_url"),
            ("hangup", json!({ "client_state": "not base64!" }), "/client_state"),
            ("client_state_update", json!({}), "/client_state"),
        ] {
            let refusal = Asked::read(name, body.as_object().unwrap()).unwrap_err();
            assert!(format!("{refusal:?}").contains(&format!("{field:?}")), "{name} {refusal:?}");
        }
        let long = json!({ "payload": "x".repeat(3_000), "voice": "female" });
        assert!(Asked::read("speak", long.as_object().unwrap()).is_ok());
    }

    #[test]
    fn markup_is_not_spoken() {
        assert_eq!(without_tags("<speak>One <break time=\"1s\"/>two.</speak>"), "One two.");
    }
}
