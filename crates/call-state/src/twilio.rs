//! What Twilio says of a call: the forms of its webhooks and callbacks.
//!
//! <https://www.twilio.com/docs/voice/api/call-resource>, its sections on status, recording and answering-machine
//! callbacks; <https://www.twilio.com/docs/voice/twiml/stream> and `/dial` for those of these verbs.

use std::time::Duration;

use crate::{
    AnsweredBy, Carrier, CarrierEvent, Direction, EndReason, Ending, EventKind, Ids, Moment, Recording,
    Unreadable,
};

/// The event in a decoded form: a status callback, a voice webhook, or the callback of a `<Dial>`, a recording, a stream
/// or the answering-machine detection. `None` where it says nothing of a call's course.
///
/// # Errors
/// Where the form lacks the call's id, or a number in it is none.
pub fn event(form: &[(String, String)], received_at: Moment) -> Result<Option<CarrierEvent>, Unreadable> {
    read(Carrier::Twilio, form, received_at)
}

/// As [`event`], for another carrier that sends the same forms.
pub(crate) fn read(
    carrier: Carrier,
    form: &[(String, String)],
    received_at: Moment,
) -> Result<Option<CarrierEvent>, Unreadable> {
    let form = Form(form);
    let call = form.field("CallSid").ok_or(Unreadable::Missing("CallSid"))?;
    let Some(said) = dialled(&form, call)?
        .or(recorded(&form, call)?)
        .or_else(|| streamed(&form, call))
        .or(status(&form, call)?)
        .or_else(|| detected(&form, call))
    else {
        return Ok(None);
    };
    let sequence = form.number("SequenceNumber")?;
    let id = match sequence {
        Some(sequence) => format!("{}/{sequence}", said.id),
        None => said.id,
    };
    let at = form.field("Timestamp");
    Ok(Some(CarrierEvent {
        carrier,
        id,
        ids: Ids { leg: Some(said.leg), parent: said.parent, ..Ids::default() },
        direction: said.direction,
        kind: said.kind,
        sequence,
        occurred_at: at.and_then(|at| Moment::from_rfc2822(at).or_else(|| Moment::from_rfc3339(at))),
        received_at,
    }))
}

/// What a form says, before it is an event.
struct Said {
    id: String,
    leg: String,
    parent: Option<String>,
    direction: Option<Direction>,
    kind: EventKind,
}

impl Said {
    fn of(leg: &str, id: String, kind: EventKind) -> Self {
        Self { id, leg: leg.to_owned(), parent: None, direction: None, kind }
    }
}

/// The action of a `<Dial>`: how the leg that it dialled ended.
fn dialled(form: &Form<'_>, call: &str) -> Result<Option<Said>, Unreadable> {
    let (Some(leg), Some(word)) = (form.field("DialCallSid"), form.field("DialCallStatus")) else {
        return Ok(None);
    };
    let mut ending = Ending::new(match word {
        "completed" | "answered" => EndReason::Completed,
        word => match final_reason(word) {
            Some(reason) => reason,
            None => return Ok(None),
        },
    });
    ending.cause = Some(word.to_owned());
    ending.duration = form.seconds("DialCallDuration")?;
    let said = Said::of(leg, format!("{leg}/dial/{word}"), EventKind::Ended(ending));
    Ok(Some(Said { parent: Some(call.to_owned()), direction: Some(Direction::Outbound), ..said }))
}

fn recorded(form: &Form<'_>, call: &str) -> Result<Option<Said>, Unreadable> {
    let (Some(recording), Some(word)) = (form.field("RecordingSid"), form.field("RecordingStatus")) else {
        return Ok(None);
    };
    let kind = match word {
        "completed" => EventKind::RecordingSaved(Recording {
            id: recording.to_owned(),
            url: form.field("RecordingUrl").map(str::to_owned),
            duration: form.seconds("RecordingDuration")?,
        }),
        "absent" | "failed" => EventKind::RecordingFailed { cause: Some(word.to_owned()) },
        _ => return Ok(None),
    };
    Ok(Some(Said::of(call, format!("{recording}/{word}"), kind)))
}

fn streamed(form: &Form<'_>, call: &str) -> Option<Said> {
    let word = form.field("StreamEvent")?;
    let kind = match word {
        "stream-started" => EventKind::StreamStarted,
        "stream-stopped" => EventKind::StreamStopped,
        "stream-error" => EventKind::StreamFailed { cause: form.field("StreamError").map(str::to_owned) },
        _ => return None,
    };
    let stream = form.field("StreamSid").unwrap_or("stream");
    Some(Said::of(call, format!("{call}/{stream}/{word}"), kind))
}

fn status(form: &Form<'_>, call: &str) -> Result<Option<Said>, Unreadable> {
    let Some(word) = form.field("CallStatus") else { return Ok(None) };
    let kind = match word {
        "queued" => EventKind::Queued,
        "initiated" => EventKind::Initiated,
        "ringing" => EventKind::Ringing,
        "in-progress" => EventKind::Answered { by: form.field("AnsweredBy").map(answered_by) },
        "completed" => EventKind::Ended(ended(form, word, EndReason::Completed)?),
        word => match final_reason(word) {
            Some(reason) => EventKind::Ended(ended(form, word, reason)?),
            None => return Ok(None),
        },
    };
    let direction = match form.field("Direction") {
        Some("inbound") => Some(Direction::Inbound),
        Some("outbound-api" | "outbound-dial") => Some(Direction::Outbound),
        _ => None,
    };
    let said = Said::of(call, format!("{call}/{word}"), kind);
    Ok(Some(Said { parent: form.field("ParentCallSid").map(str::to_owned), direction, ..said }))
}

/// The answering-machine detection's own callback, which has no status.
fn detected(form: &Form<'_>, call: &str) -> Option<Said> {
    let who = answered_by(form.field("AnsweredBy")?);
    Some(Said::of(call, format!("{call}/answered-by"), EventKind::AnsweredBy { who }))
}

fn ended(form: &Form<'_>, word: &str, reason: EndReason) -> Result<Ending, Unreadable> {
    let sip_status = form.number::<u16>("SipResponseCode")?;
    // `failed` says nothing of why, and `busy` is also who declines; the network's status tells.
    let told = sip_status.and_then(EndReason::from_sip);
    let reason = match (reason, told) {
        (EndReason::DialFailed, Some(told)) => told,
        (EndReason::Busy, Some(EndReason::Declined)) => EndReason::Declined,
        (reason, _) => reason,
    };
    let recording = form.field("RecordingSid").map(|id| Recording {
        id: id.to_owned(),
        url: form.field("RecordingUrl").map(str::to_owned),
        duration: form.seconds("RecordingDuration").ok().flatten(),
    });
    let duration = form.seconds("CallDuration")?;
    Ok(Ending { sip_status, cause: Some(word.to_owned()), duration, recording, ..Ending::new(reason) })
}

/// The statuses of a leg that was not held.
fn final_reason(word: &str) -> Option<EndReason> {
    Some(match word {
        "busy" => EndReason::Busy,
        "no-answer" => EndReason::NoAnswer,
        "canceled" => EndReason::CallerCancelled,
        "failed" => EndReason::DialFailed,
        _ => return None,
    })
}

fn answered_by(word: &str) -> AnsweredBy {
    match word {
        "human" => AnsweredBy::Human,
        "fax" => AnsweredBy::Fax,
        word if word.starts_with("machine") => AnsweredBy::Machine,
        _ => AnsweredBy::Unknown,
    }
}

struct Form<'a>(&'a [(String, String)]);

impl<'a> Form<'a> {
    fn field(&self, name: &str) -> Option<&'a str> {
        let (_, value) = self.0.iter().find(|(given, _)| given == name)?;
        Some(value.as_str()).filter(|value| !value.is_empty())
    }

    fn number<T: std::str::FromStr>(&self, name: &'static str) -> Result<Option<T>, Unreadable> {
        match self.field(name) {
            None => Ok(None),
            Some(text) => text.parse().map(Some).map_err(|_| Unreadable::Malformed(name)),
        }
    }

    fn seconds(&self, name: &'static str) -> Result<Option<Duration>, Unreadable> {
        Ok(self.number::<u32>(name)?.map(|seconds| Duration::from_secs(seconds.into())))
    }
}

#[cfg(test)]
mod tests;
