//! Placing calls.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use quick_xml::escape::escape;
use serde_json::Value;

use super::answer::{call, refused};
use super::calls::LONGEST_TWIML;
use super::conferences;
use super::form::Form;
use crate::carrier::desk::{Desk, Order};
use crate::carrier::leg::{Direction, Subscription};
use crate::carrier::machine::{Aim, Settings};
use crate::carrier::outbound::{Detection, First, Outbound};
use crate::carrier::recordings::{self, Source, Track};
use crate::carrier::room::Manner;

const SECOND: Duration = Duration::from_secs(1);
const MILLISECOND: Duration = Duration::from_millis(1);

/// The longest that a call may ring or last: ten minutes, a day.
const LONGEST_RINGING: u64 = 600;
const LONGEST_CALL: u64 = 86_400;

/// `POST /Calls.json`.
pub(super) async fn create(State(desk): State<Arc<Desk>>, body: Bytes) -> Response {
    let order = match order(&desk, &Form::parse(&body), None) {
        Ok(order) => order,
        Err(response) => return *response,
    };
    let known = desk.place(order);
    let mut answer = call(&desk, &known);
    // Nothing has happened yet when the carrier answers, however fast it is here.
    if let Some(answer) = answer.as_object_mut() {
        answer.insert("status".into(), "queued".into());
        answer.insert("start_time".into(), Value::Null);
    }
    crate::server::json(StatusCode::CREATED, &answer)
}

/// `POST /Conferences/{sid or name}/Participants.json`: calls somebody into a conference.
pub(super) async fn join(
    State(desk): State<Arc<Desk>>,
    Path((_, name)): Path<(String, String)>,
    body: Bytes,
) -> Response {
    let form = Form::parse(&body);
    let conference = match conferences::find_or_open(&desk, &name) {
        Ok(conference) => conference,
        Err(response) => return *response,
    };
    let manner = Manner {
        muted: form.flag("Muted").unwrap_or(false),
        held: false,
        opens: form.flag("StartConferenceOnEnter").unwrap_or(true),
        closes: form.flag("EndConferenceOnExit").unwrap_or(false),
    };
    let twiml = format!(
        "<Response><Dial><Conference muted=\"{}\" startConferenceOnEnter=\"{}\" endConferenceOnExit=\"{}\">{}\
         </Conference></Dial></Response>",
        manner.muted,
        manner.opens,
        manner.closes,
        escape(conference.name.as_str()),
    );
    let callback = form.callback("ConferenceStatusCallback", "ConferenceStatusCallbackMethod", 21609);
    let order = match callback.and_then(|callback| Ok((callback, order(&desk, &form, Some(twiml))?))) {
        Ok((callback, order)) => {
            conference.follow(callback, &form.words("ConferenceStatusCallbackEvent", ""));
            order
        }
        Err(response) => return *response,
    };
    let known = desk.place(order);
    let answer = conferences::participant_resource(&desk, &conference, &known.leg.sid, manner, "queued");
    crate::server::json(StatusCode::CREATED, &answer)
}

/// The call that a form asks for, with its own document or with this one.
fn order(desk: &Desk, form: &Form, twiml: Option<String>) -> Result<Order, Box<Response>> {
    let no = |code: u32, message: &str| Box::new(refused(code, message));
    let to = form.get("To").ok_or_else(|| no(21201, "No 'To' number is specified"))?;
    let from = form.get("From").ok_or_else(|| no(21213, "No 'From' number is specified"))?;
    if !is_address(to) {
        let message = format!("The phone number you are attempting to call, {to}, is not valid.");
        return Err(no(21211, &message));
    }
    if !is_address(from) {
        return Err(no(21212, &format!("The 'From' number {from} is not a valid phone number.")));
    }
    if !desk.config.numbers.is_empty() && !desk.config.numbers.iter().any(|number| number == from) {
        let message =
            format!("The source phone number provided, {from}, is not yet verified for your account.");
        return Err(no(21210, &message));
    }
    let first = match twiml {
        Some(twiml) => First::Twiml(twiml),
        None => first(form)?,
    };
    let mut outbound = Outbound::new(first);
    outbound.fallback = form.callback("FallbackUrl", "FallbackMethod", 21205)?;
    if let Some(timeout) = form.number("Timeout", 1..=LONGEST_RINGING, SECOND)? {
        outbound.timeout = timeout;
    }
    if let Some(limit) = form.number("TimeLimit", 1..=LONGEST_CALL, SECOND)? {
        outbound.time_limit = limit;
    }
    outbound.send_digits = send_digits(form)?;
    outbound.detection = detection(form)?;
    outbound.record = record(form)?;
    Ok(Order {
        from: from.to_owned(),
        to: to.to_owned(),
        direction: Direction::OutboundApi,
        parent: None,
        subscription: subscription(form)?,
        outbound,
    })
}

fn first(form: &Form) -> Result<First, Box<Response>> {
    if form.get("ApplicationSid").is_some() {
        return Err(Box::new(refused(21218, "Invalid ApplicationSid: this account has no applications")));
    }
    match form.get("Twiml") {
        Some(xml) if xml.len() > LONGEST_TWIML => {
            Err(Box::new(refused(20001, "Twiml has more than 4000 characters")))
        }
        Some(xml) => Ok(First::Twiml(xml.to_owned())),
        None => match form.callback("Url", "Method", 21205)? {
            Some(callback) => Ok(First::Url(callback)),
            None => Err(Box::new(refused(21205, "Url parameter is required."))),
        },
    }
}

fn subscription(form: &Form) -> Result<Subscription, Box<Response>> {
    let events = form.words("StatusCallbackEvent", "completed");
    let known = |event: &String| matches!(event.as_str(), "initiated" | "ringing" | "answered" | "completed");
    if let Some(unknown) = events.iter().find(|event| !known(event)) {
        return Err(Box::new(refused(21626, &format!("Invalid StatusCallbackEvent: {unknown}"))));
    }
    Ok(Subscription { callback: form.callback("StatusCallback", "StatusCallbackMethod", 21609)?, events })
}

fn send_digits(form: &Form) -> Result<Option<String>, Box<Response>> {
    let Some(digits) = form.get("SendDigits") else { return Ok(None) };
    let fits = digits.chars().all(|key| key.is_ascii_digit() || matches!(key, '*' | '#' | 'w' | 'W'));
    if fits {
        Ok(Some(digits.to_owned()))
    } else {
        Err(Box::new(refused(20001, &format!("Invalid SendDigits: {digits}"))))
    }
}

/// <https://www.twilio.com/docs/voice/answering-machine-detection>, with its limits.
fn detection(form: &Form) -> Result<Option<Detection>, Box<Response>> {
    let aim = match form.get("MachineDetection") {
        None => return Ok(None),
        Some("Enable") => Aim::Who,
        Some("DetectMessageEnd") => Aim::MessageEnd,
        Some(other) => return Err(Box::new(refused(20001, &format!("Invalid MachineDetection: {other}")))),
    };
    let mut settings = Settings::new(aim);
    for (name, limits, unit, setting) in [
        ("MachineDetectionTimeout", 3..=59, SECOND, &mut settings.timeout),
        ("MachineDetectionSpeechThreshold", 1_000..=6_000, MILLISECOND, &mut settings.speech),
        ("MachineDetectionSpeechEndThreshold", 500..=5_000, MILLISECOND, &mut settings.speech_end),
        ("MachineDetectionSilenceTimeout", 2_000..=10_000, MILLISECOND, &mut settings.silence),
    ] {
        if let Some(value) = form.number(name, limits, unit)? {
            *setting = value;
        }
    }
    Ok(Some(Detection {
        settings,
        asynchronous: form.flag("AsyncAmd").unwrap_or(false),
        callback: form.callback("AsyncAmdStatusCallback", "AsyncAmdStatusCallbackMethod", 21205)?,
    }))
}

fn record(form: &Form) -> Result<Option<recordings::Order>, Box<Response>> {
    if form.flag("Record") != Some(true) {
        return Ok(None);
    }
    recording(form, Source::OutboundApi).map(Some)
}

/// What a form says of a recording.
pub(super) fn recording(form: &Form, source: Source) -> Result<recordings::Order, Box<Response>> {
    let track = match form.get("RecordingTrack") {
        None | Some("both") => Track::Both,
        Some("inbound") => Track::Inbound,
        Some("outbound") => Track::Outbound,
        Some(other) => return Err(Box::new(refused(20001, &format!("Invalid RecordingTrack: {other}")))),
    };
    let dual = match form.get("RecordingChannels") {
        None | Some("mono") => false,
        Some("dual") => true,
        Some(other) => return Err(Box::new(refused(20001, &format!("Invalid RecordingChannels: {other}")))),
    };
    Ok(recordings::Order {
        source,
        track,
        dual,
        callback: form.callback("RecordingStatusCallback", "RecordingStatusCallbackMethod", 21609)?,
        events: form.words("RecordingStatusCallbackEvent", "completed"),
    })
}

/// A number in E.164, or a SIP or client address.
fn is_address(text: &str) -> bool {
    let named = ["sip:", "sips:", "client:"]
        .iter()
        .any(|scheme| text.strip_prefix(scheme).is_some_and(|name| !name.is_empty()));
    let number = text.strip_prefix('+').is_some_and(|digits| {
        (7..=15).contains(&digits.len())
            && digits.bytes().all(|byte| byte.is_ascii_digit())
            && !digits.starts_with('0')
    });
    named || number
}
