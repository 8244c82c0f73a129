//! What Vapi says of a call that it holds: the informational messages to a server.
//!
//! <https://docs.vapi.ai/server-url/events>. Vapi numbers nothing and names no event, so a repeated delivery is known by
//! the message's own time.

use std::time::Duration;

use serde::Deserialize;

use crate::loose::Loose;
use crate::{
    Carrier, CarrierEvent, Cost, Direction, EndReason, Ending, EventKind, Ids, Moment, Recording, Unreadable,
};

/// A message to a server, of any type.
#[derive(Clone, Debug, Deserialize)]
pub struct ServerMessage {
    message: Message,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Message {
    r#type: Loose,
    timestamp: Loose,
    call: Option<Call>,
    status: Loose,
    #[serde(rename = "endedReason")]
    ended_reason: Loose,
    #[serde(rename = "startedAt")]
    started_at: Loose,
    #[serde(rename = "endedAt")]
    ended_at: Loose,
    cost: Loose,
    #[serde(rename = "recordingUrl")]
    recording_url: Loose,
    artifact: Option<Artifact>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Call {
    id: Loose,
    r#type: Loose,
}

/// The recording stands under its plain names, or by channels. Presigned addresses are left alone: they die, these stay.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Artifact {
    #[serde(rename = "recordingUrl")]
    recording_url: Loose,
    #[serde(rename = "stereoRecordingUrl")]
    stereo_recording_url: Loose,
    recording: Option<Channels>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Channels {
    mono: Option<Mono>,
    #[serde(rename = "stereoUrl")]
    stereo_url: Loose,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Mono {
    #[serde(rename = "combinedUrl")]
    combined_url: Loose,
}

impl Artifact {
    fn recording_url(&self) -> Option<String> {
        let channels = self.recording.as_ref();
        let mono = channels.and_then(|channels| channels.mono.as_ref()?.combined_url.owned());
        let stereo = channels.and_then(|channels| channels.stereo_url.owned());
        self.recording_url.owned().or(mono).or_else(|| self.stereo_recording_url.owned()).or(stereo)
    }
}

/// The event in a `status-update`, `end-of-call-report` or `transfer-update`. `None` for every other message.
///
/// # Errors
/// Where the message does not name its call.
pub fn event(message: &ServerMessage, received_at: Moment) -> Result<Option<CarrierEvent>, Unreadable> {
    let message = &message.message;
    let call = message.call.clone().unwrap_or_default();
    let direction = match call.r#type.text() {
        Some("inboundPhoneCall" | "webCall") => Some(Direction::Inbound),
        Some("outboundPhoneCall") => Some(Direction::Outbound),
        _ => None,
    };
    let Some(kind) = kind(message, &call, direction.unwrap_or(Direction::Inbound)) else { return Ok(None) };
    let leg = call.id.owned().ok_or(Unreadable::Missing("call.id"))?;
    let sent_at = message.timestamp.text().unwrap_or_default();
    Ok(Some(CarrierEvent {
        carrier: Carrier::Vapi,
        id: [
            leg.as_str(),
            message.r#type.text().unwrap_or_default(),
            message.status.text().unwrap_or_default(),
            sent_at,
        ]
        .join("/"),
        ids: Ids { leg: Some(leg), ..Ids::default() },
        direction,
        sequence: None,
        occurred_at: match &kind {
            EventKind::Ended(_) => message.ended_at.text().and_then(Moment::from_rfc3339),
            _ => None,
        }
        .or_else(|| millis(sent_at)),
        kind,
        received_at,
    }))
}

fn kind(message: &Message, call: &Call, direction: Direction) -> Option<EventKind> {
    Some(match (message.r#type.text()?, message.status.text()) {
        ("status-update", Some("scheduled" | "queued")) => EventKind::Queued,
        ("status-update", Some("ringing")) => EventKind::Ringing,
        ("status-update", Some("in-progress")) => EventKind::Answered { by: None },
        ("status-update", Some("forwarding")) | ("transfer-update", _) => EventKind::Forwarding,
        ("status-update", Some("ended")) | ("end-of-call-report", _) => {
            EventKind::Ended(ending(message, call, direction))
        }
        _ => return None,
    })
}

fn ending(message: &Message, call: &Call, direction: Direction) -> Ending {
    let cause = message.ended_reason.text();
    let moment = |text: &Loose| text.text().and_then(Moment::from_rfc3339).map(Moment::as_micros);
    let micros = moment(&message.ended_at)
        .zip(moment(&message.started_at))
        .and_then(|(ended, started)| u64::try_from(ended.checked_sub(started)?).ok());
    let url = message.artifact.as_ref().and_then(Artifact::recording_url);
    let url = url.or_else(|| message.recording_url.owned());
    Ending {
        reason: cause.map_or(EndReason::Unknown, |cause| EndReason::from_vapi(cause, direction)),
        sip_status: None,
        cause: cause.map(str::to_owned),
        duration: micros.map(Duration::from_micros),
        cost: message.cost.text().and_then(|cost| Cost::from_decimal(cost, Some("USD"))),
        recording: url.map(|url| Recording {
            id: call.id.owned().unwrap_or_default(),
            url: Some(url),
            duration: None,
        }),
    }
}

/// A time in milliseconds since 1970; Vapi sends it as a number, which may have a fraction.
fn millis(text: &str) -> Option<Moment> {
    let whole = text.split_once('.').map_or(text, |(whole, _)| whole);
    whole.parse().ok().map(Moment::from_millis)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    const NOW: Moment = Moment::from_millis(1_795_179_900_500);

    #[test]
    fn a_status_update_is_a_step_of_the_call() {
        for (status, kind) in [
            ("scheduled", Some(EventKind::Queued)),
            ("ringing", Some(EventKind::Ringing)),
            ("in-progress", Some(EventKind::Answered { by: None })),
            ("forwarding", Some(EventKind::Forwarding)),
            ("not-found", None),
            ("hovering", None),
        ] {
            let said =
                read(json!({ "type": "status-update", "status": status, "timestamp": 1_795_179_900_000.0 }));
            assert_eq!(said.as_ref().map(|said| said.kind.clone()), kind, "{status}");
            if let Some(said) = said {
                assert_eq!(said.id, format!("c/status-update/{status}/1795179900000.000000"));
                assert_eq!(said.occurred_at, Some(Moment::from_millis(1_795_179_900_000)));
            }
        }
    }

    #[test]
    fn an_end_of_call_report_says_why_and_how_long_and_what_it_costs() {
        let said = read(json!({
            "type": "end-of-call-report",
            "endedReason": "customer-ended-call",
            "startedAt": "2026-11-20T13:04:18.000Z",
            "endedAt": "2026-11-20T13:05:00.250Z",
            "cost": 0.0371,
            "costs": [{ "type": "transport", "cost": 0.01 }],
            "artifact": { "recordingUrl": "https://r.example.test/1.wav", "messages": [] },
        }))
        .unwrap();
        let EventKind::Ended(ending) = said.kind else { panic!("an end") };
        assert_eq!(
            ending.reason,
            EndReason::CalleeHangup,
            "the customer of an outbound call is the called one"
        );
        assert_eq!(ending.duration, Some(Duration::from_millis(42_250)));
        assert_eq!(ending.cost, Some(Cost { micros: 37_100, currency: Some("USD".into()) }));
        assert_eq!(
            ending.recording.and_then(|recording| recording.url).as_deref(),
            Some("https://r.example.test/1.wav")
        );
        assert_eq!(said.occurred_at, Moment::from_rfc3339("2026-11-20T13:05:00.250Z"));
    }

    #[test]
    fn a_recording_is_found_under_all_its_names() {
        for artifact in [
            json!({ "recordingUrl": "u", "stereoRecordingUrl": "s", "presignedMonoUrl": "p" }),
            json!({ "recording": { "stereoUrl": "s", "mono": { "combinedUrl": "u", "customerUrl": "c" } } }),
            json!({ "stereoRecordingUrl": "u", "recording": {} }),
            json!({ "recording": { "stereoUrl": "u", "mono": {} } }),
        ] {
            let said = read(json!({ "type": "end-of-call-report", "artifact": artifact.clone() })).unwrap();
            let EventKind::Ended(Ending { recording: Some(recording), .. }) = said.kind else {
                panic!("{artifact}")
            };
            assert_eq!((recording.id.as_str(), recording.url.as_deref()), ("c", Some("u")), "{artifact}");
        }
    }

    #[test]
    fn messages_that_say_nothing_of_the_course_are_left_alone() {
        for kind in ["transcript", "tool-calls", "speech-update", "of-next-year"] {
            assert_eq!(read(json!({ "type": kind, "status": "started" })), None, "{kind}");
        }
    }

    #[test]
    fn an_event_without_its_call_is_refused() {
        let message = json!({ "message": { "type": "status-update", "status": "ringing" } });
        let message: ServerMessage = serde_json::from_value(message).unwrap();
        assert_eq!(event(&message, NOW), Err(Unreadable::Missing("call.id")));
    }

    fn read(mut message: Value) -> Option<CarrierEvent> {
        message["call"] = json!({ "id": "c", "type": "outboundPhoneCall", "monitor": {} });
        event(&serde_json::from_value(json!({ "message": message })).unwrap(), NOW).unwrap()
    }
}
