//! Recordings: started, stopped, listed, fetched and deleted.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{StatusCode, Uri, header};
use axum::response::{IntoResponse as _, Response};
use serde_json::{Value, json};

use super::answer::{call_not_found, error, not_found, refused};
use super::create::recording as order;
use super::form::Form;
use super::page::page;
use crate::carrier::desk::Desk;
use crate::carrier::leg::{Known, account_path};
use crate::carrier::recordings::{Recording, Source, Stage};
use crate::carrier::webhook::rfc2822;

/// What stands for the recording that is going on.
const CURRENT: &str = "Twilio.CURRENT";

pub(super) async fn start(
    State(desk): State<Arc<Desk>>,
    Path((_, call)): Path<(String, String)>,
    body: Bytes,
) -> Response {
    let Some(known) = desk.find(&call) else { return call_not_found(&call) };
    let order = match order(&Form::parse(&body), Source::Rest) {
        Ok(order) => order,
        Err(response) => return *response,
    };
    if known.leg.shared.lock().status != "in-progress" {
        return refused(21220, "Requested resource is not eligible for recording");
    }
    let recording = desk.start_recording(&known.leg, order).await;
    crate::server::json(StatusCode::CREATED, &resource(&desk, &recording))
}

pub(super) async fn update(
    State(desk): State<Arc<Desk>>,
    Path((_, call, name)): Path<(String, String, String)>,
    body: Bytes,
) -> Response {
    let Some((known, recording)) = find_of_call(&desk, &call, &name) else { return not_found(&name) };
    let form = Form::parse(&body);
    let done = match form.get("Status") {
        Some("stopped") => desk.stop_recording(&known.leg, &recording).await,
        Some("paused") => recording.turn(&[Stage::InProgress], Stage::Paused),
        Some("in-progress") => recording.turn(&[Stage::Paused], Stage::InProgress),
        other => return refused(20001, &format!("Invalid Status: {}", other.unwrap_or_default())),
    };
    if done {
        crate::server::json(StatusCode::OK, &resource(&desk, &recording))
    } else {
        refused(21220, &format!("The recording is {}", recording.stage().wire()))
    }
}

pub(super) async fn of_call(
    State(desk): State<Arc<Desk>>,
    Path((_, call)): Path<(String, String)>,
    uri: Uri,
) -> Response {
    if desk.find(&call).is_none() {
        return call_not_found(&call);
    }
    listed(&desk, &uri, Some(&call))
}

pub(super) async fn list(State(desk): State<Arc<Desk>>, uri: Uri) -> Response {
    let query = Form::parse(uri.query().unwrap_or_default().as_bytes());
    listed(&desk, &uri, query.get("CallSid"))
}

pub(super) async fn read_of_call(
    State(desk): State<Arc<Desk>>,
    Path((_, call, name)): Path<(String, String, String)>,
) -> Response {
    match find_of_call(&desk, &call, &name) {
        Some((_, recording)) => crate::server::json(StatusCode::OK, &resource(&desk, &recording)),
        None => not_found(&name),
    }
}

pub(super) async fn read(State(desk): State<Arc<Desk>>, Path((_, name)): Path<(String, String)>) -> Response {
    let (sid, kind) = name.split_once('.').unwrap_or((&name, "wav"));
    let Some(recording) = desk.recording(sid) else { return not_found(&name) };
    match kind {
        "json" => crate::server::json(StatusCode::OK, &resource(&desk, &recording)),
        // Only what is complete can be heard. Other formats are not simulated.
        "wav" if recording.stage() == Stage::Completed => match recording.wav() {
            Ok(wav) => ([(header::CONTENT_TYPE, "audio/x-wav")], wav).into_response(),
            Err(broken) => error(StatusCode::INTERNAL_SERVER_ERROR, 20500, &broken.to_string()),
        },
        _ => not_found(&name),
    }
}

pub(super) async fn delete_of_call(
    State(desk): State<Arc<Desk>>,
    Path((_, call, name)): Path<(String, String, String)>,
) -> Response {
    match find_of_call(&desk, &call, &name) {
        Some((_, recording)) => remove(&desk, &recording),
        None => not_found(&name),
    }
}

pub(super) async fn delete(
    State(desk): State<Arc<Desk>>,
    Path((_, name)): Path<(String, String)>,
) -> Response {
    match desk.recording(name.strip_suffix(".json").unwrap_or(&name)) {
        Some(recording) => remove(&desk, &recording),
        None => not_found(&name),
    }
}

fn remove(desk: &Desk, recording: &Recording) -> Response {
    if recording.stage().is_live() {
        return refused(21220, "The recording is in progress");
    }
    desk.remove_recording(&recording.sid);
    StatusCode::NO_CONTENT.into_response()
}

fn listed(desk: &Desk, uri: &Uri, call: Option<&str>) -> Response {
    let items: Vec<(String, Value)> = desk
        .recordings()
        .iter()
        .filter(|recording| call.is_none_or(|call| recording.call_sid == call))
        .map(|recording| (recording.sid.clone(), resource(desk, recording)))
        .collect();
    page(uri, "recordings", &items)
}

fn find_of_call(desk: &Desk, call: &str, name: &str) -> Option<(Known, Arc<Recording>)> {
    let known = desk.find(call)?;
    let sid = name.strip_suffix(".json")?;
    let recording = if sid == CURRENT {
        known.leg.shared.lock().recordings.last().cloned()?
    } else {
        desk.recording(sid).filter(|recording| recording.call_sid == call)?
    };
    Some((known, recording))
}

fn resource(desk: &Desk, recording: &Recording) -> Value {
    let stage = recording.stage();
    // A length is known when the recording is complete.
    let length = match stage {
        Stage::Completed | Stage::Absent => recording.length().as_secs().to_string(),
        Stage::InProgress | Stage::Paused | Stage::Processing => "-1".to_owned(),
    };
    let uri = format!("{}/Recordings/{}", account_path(&desk.config), recording.sid);
    json!({
        "sid": recording.sid,
        "account_sid": desk.config.account_sid,
        "api_version": "2010-04-01",
        "call_sid": recording.call_sid,
        "channels": recording.channels(),
        "conference_sid": null,
        "date_created": rfc2822(recording.began_at),
        "date_updated": rfc2822(recording.began_at),
        "duration": length,
        "encryption_details": null,
        "error_code": null,
        "media_url": desk.recording_url(recording),
        "price": null,
        "price_unit": "USD",
        "source": recording.order.source.wire(),
        "start_time": rfc2822(recording.began_at),
        "status": stage.wire(),
        "track": recording.order.track.wire(),
        "uri": format!("{uri}.json"),
    })
}
