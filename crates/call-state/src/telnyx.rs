//! What Telnyx says of a call: Call Control webhooks in JSON, and the forms of TeXML.
//!
//! The fields are those of the event types in Telnyx's SDK. Verify the signature over the raw body before anything here
//! sees it.

use std::time::Duration;

use serde::Deserialize;

use crate::loose::{Entries, Loose};
use crate::{
    AnsweredBy, Carrier, CarrierEvent, Cost, Direction, EndReason, Ending, EventKind, Ids, Moment, Recording,
    Unreadable, twilio,
};

/// A Call Control webhook of any event type.
#[derive(Clone, Debug, Deserialize)]
pub struct Webhook {
    data: Data,
}

#[derive(Clone, Debug, Deserialize)]
struct Data {
    #[serde(default)]
    id: Loose,
    #[serde(default)]
    event_type: Loose,
    #[serde(default)]
    occurred_at: Loose,
    #[serde(default)]
    payload: Option<Payload>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Payload {
    call_control_id: Loose,
    call_leg_id: Loose,
    call_session_id: Loose,
    client_state: Loose,
    direction: Loose,
    from: Loose,
    to: Loose,
    status: Loose,
    hangup_cause: Loose,
    hangup_source: Loose,
    sip_hangup_cause: Loose,
    result: Loose,
    digit: Loose,
    failure_reason: Loose,
    stream_id: Loose,
    reason: Loose,
    recording_id: Loose,
    recording_urls: Entries,
    recording_started_at: Loose,
    recording_ended_at: Loose,
    total_cost: Loose,
    billed_duration_secs: Loose,
}

/// The addresses of a recording.
#[derive(Clone, Debug, Default)]
struct Urls {
    mp3: Loose,
    wav: Loose,
}

impl From<Entries> for Urls {
    fn from(entries: Entries) -> Self {
        let mut urls = Self::default();
        for (name, url) in entries.0 {
            match name.as_str() {
                "mp3" => urls.mp3 = url,
                "wav" => urls.wav = url,
                _ => {}
            }
        }
        urls
    }
}

impl Webhook {
    /// Telnyx's word for the event, such as `call.initiated`; empty where there is none.
    #[must_use]
    pub fn event_type(&self) -> &str {
        self.data.event_type.text().unwrap_or_default()
    }

    /// The calling party.
    #[must_use]
    pub fn from(&self) -> Option<&str> {
        self.data.payload.as_ref()?.from.text()
    }

    /// The called party.
    #[must_use]
    pub fn to(&self) -> Option<&str> {
        self.data.payload.as_ref()?.to.text()
    }

    /// What we had asked Telnyx to carry for the leg, in base64.
    #[must_use]
    pub fn client_state(&self) -> Option<&str> {
        self.data.payload.as_ref()?.client_state.text()
    }
}

/// The event in a webhook. `None` for event types that say nothing of a call's course, or that this version does not
/// know: acknowledge them all the same.
///
/// # Errors
/// Where what the event needs is absent or malformed.
pub fn event(webhook: &Webhook, received_at: Moment) -> Result<Option<CarrierEvent>, Unreadable> {
    let data = &webhook.data;
    let payload = &data.payload.clone().unwrap_or_default();
    let Some(kind) = kind(data, payload)? else { return Ok(None) };
    let ids = Ids {
        leg: payload.call_control_id.owned(),
        alias: payload.call_leg_id.owned(),
        session: payload.call_session_id.owned(),
        ..Ids::default()
    };
    if ids == Ids::default() {
        return Err(Unreadable::Missing("call_control_id"));
    }
    Ok(Some(CarrierEvent {
        carrier: Carrier::Telnyx,
        id: data.id.owned().ok_or(Unreadable::Missing("id"))?,
        ids: Ids { stream: payload.stream_id.owned(), ..ids },
        direction: match payload.direction.text() {
            Some("incoming") => Some(Direction::Inbound),
            Some("outgoing") => Some(Direction::Outbound),
            _ => None,
        },
        kind,
        sequence: None,
        occurred_at: data.occurred_at.text().and_then(Moment::from_rfc3339),
        received_at,
    }))
}

/// The event in a decoded TeXML form, which has the fields of [`twilio::event`]; its call ids are call control ids.
///
/// # Errors
/// As [`twilio::event`].
pub fn texml_event(
    form: &[(String, String)],
    received_at: Moment,
) -> Result<Option<CarrierEvent>, Unreadable> {
    twilio::read(Carrier::Telnyx, form, received_at)
}

fn kind(data: &Data, payload: &Payload) -> Result<Option<EventKind>, Unreadable> {
    Ok(Some(match data.event_type.text().unwrap_or_default() {
        "call.initiated" => EventKind::Initiated,
        "call.answered" => EventKind::Answered { by: None },
        "call.bridged" => EventKind::Bridged,
        "call.hangup" => EventKind::Ended(hangup(payload)),
        "call.speak.ended" => EventKind::Spoken { whole: payload.status.text() == Some("completed") },
        "streaming.started" => EventKind::StreamStarted,
        "streaming.stopped" => EventKind::StreamStopped,
        "streaming.failed" => EventKind::StreamFailed { cause: payload.failure_reason.owned() },
        "call.dtmf.received" => EventKind::Key { digit: key(&payload.digit)? },
        "call.machine.detection.ended" | "call.machine.premium.detection.ended" => {
            EventKind::AnsweredBy { who: answered_by(payload.result.text().unwrap_or_default()) }
        }
        "call.machine.greeting.ended" | "call.machine.premium.greeting.ended" => {
            EventKind::GreetingEnded { beep: payload.result.text() == Some("beep_detected") }
        }
        "call.recording.saved" => EventKind::RecordingSaved(recording(&data.id, payload)?),
        "call.recording.error" => EventKind::RecordingFailed { cause: payload.reason.owned() },
        "call.cost" => EventKind::Billed {
            cost: payload
                .total_cost
                .text()
                .and_then(|text| Cost::from_decimal(text, None))
                .ok_or(Unreadable::Malformed("total_cost"))?,
            duration: payload
                .billed_duration_secs
                .parse::<u32>()
                .map(|secs| Duration::from_secs(secs.into())),
        },
        _ => return Ok(None),
    }))
}

fn hangup(payload: &Payload) -> Ending {
    let sip_status = payload.sip_hangup_cause.parse::<u16>();
    let said = match payload.hangup_cause.text().unwrap_or_default() {
        "normal_clearing" => match payload.hangup_source.text() {
            Some("caller") => EndReason::CallerHangup,
            Some("callee") => EndReason::CalleeHangup,
            _ => EndReason::Completed,
        },
        "originator_cancel" => EndReason::CallerCancelled,
        "timeout" | "no_answer" => EndReason::NoAnswer,
        "time_limit" => EndReason::MaxDuration,
        "user_busy" => EndReason::Busy,
        "not_found" => EndReason::InvalidDestination,
        "call_rejected" => EndReason::Declined,
        _ => EndReason::Unknown,
    };
    // A rejection may be the network's, and the network says so in its status only.
    let reason = match said {
        EndReason::Unknown | EndReason::Declined => sip_status.and_then(EndReason::from_sip).unwrap_or(said),
        said => said,
    };
    Ending { sip_status, cause: payload.hangup_cause.owned(), ..Ending::new(reason) }
}

fn recording(event: &Loose, payload: &Payload) -> Result<Recording, Unreadable> {
    let id = payload.recording_id.owned().or_else(|| event.owned()).ok_or(Unreadable::Missing("id"))?;
    let urls = Urls::from(payload.recording_urls.clone());
    let moment = |text: &Loose| text.text().and_then(Moment::from_rfc3339).map(Moment::as_micros);
    let micros = moment(&payload.recording_ended_at)
        .zip(moment(&payload.recording_started_at))
        .and_then(|(ended, started)| u64::try_from(ended.checked_sub(started)?).ok());
    Ok(Recording {
        id,
        url: urls.wav.owned().or_else(|| urls.mp3.owned()),
        duration: micros.map(Duration::from_micros),
    })
}

fn key(digit: &Loose) -> Result<char, Unreadable> {
    let mut characters = digit.text().ok_or(Unreadable::Missing("digit"))?.chars();
    match (characters.next(), characters.next()) {
        (Some(digit @ ('0'..='9' | 'A'..='D' | '*' | '#')), None) => Ok(digit),
        _ => Err(Unreadable::Malformed("digit")),
    }
}

fn answered_by(result: &str) -> AnsweredBy {
    match result {
        "human" | "human_residence" | "human_business" => AnsweredBy::Human,
        "machine" => AnsweredBy::Machine,
        "silence" => AnsweredBy::Silence,
        "fax_detected" => AnsweredBy::Fax,
        _ => AnsweredBy::Unknown,
    }
}

#[cfg(test)]
mod tests;
