//! Conferences and who is in them.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse as _, Response};
use serde_json::{Value, json};

use super::answer::{not_found, refused};
use super::form::Form;
use super::page::page;
use crate::carrier::conference::{Conference, News};
use crate::carrier::desk::Desk;
use crate::carrier::leg::account_path;
use crate::carrier::room::Manner;
use crate::carrier::webhook::rfc2822;

pub(super) async fn list(State(desk): State<Arc<Desk>>, uri: Uri) -> Response {
    let query = Form::parse(uri.query().unwrap_or_default().as_bytes());
    let same = |name: &str, value: &str| query.get(name).is_none_or(|asked| asked == value);
    let items: Vec<(String, Value)> = desk
        .conferences
        .all()
        .iter()
        .filter(|each| same("FriendlyName", &each.name) && same("Status", each.status()))
        .map(|conference| (conference.sid.clone(), resource(&desk, conference)))
        .collect();
    page(&uri, "conferences", &items)
}

pub(super) async fn read(State(desk): State<Arc<Desk>>, Path((_, name)): Path<(String, String)>) -> Response {
    match find(&desk, &name) {
        Some(conference) => crate::server::json(StatusCode::OK, &resource(&desk, &conference)),
        None => not_found(&name),
    }
}

/// Ends a conference.
pub(super) async fn update(
    State(desk): State<Arc<Desk>>,
    Path((_, name)): Path<(String, String)>,
    body: Bytes,
) -> Response {
    let Some(conference) = find(&desk, &name).filter(|each| !each.room.is_closed()) else {
        return not_found(&name);
    };
    if Form::parse(&body).get("Status") != Some("completed") {
        return refused(20001, "Status must be completed");
    }
    let present = conference.room.present();
    conference.room.close();
    if let Some((sid, manner)) = present.first()
        && let Some(known) = desk.find(sid)
    {
        conference.tell(&known.leg, News::ENDED_BY_REST, *manner).await;
    }
    crate::server::json(StatusCode::OK, &resource(&desk, &conference))
}

pub(super) async fn participants(
    State(desk): State<Arc<Desk>>,
    Path((_, name)): Path<(String, String)>,
    uri: Uri,
) -> Response {
    let Some(conference) = desk.conferences.find(&name) else { return not_found(&name) };
    let items: Vec<(String, Value)> = conference
        .room
        .present()
        .into_iter()
        .map(|(call, manner)| {
            let resource = participant_resource(&desk, &conference, &call, manner, "connected");
            (call, resource)
        })
        .collect();
    page(&uri, "participants", &items)
}

pub(super) async fn participant(
    State(desk): State<Arc<Desk>>,
    Path((_, name, call)): Path<(String, String, String)>,
) -> Response {
    match find_participant(&desk, &name, &call) {
        Some((conference, call)) => answer(&desk, &conference, &call, |_| {}),
        None => not_found(&call),
    }
}

/// Mutes or holds somebody.
pub(super) async fn change(
    State(desk): State<Arc<Desk>>,
    Path((_, name, call)): Path<(String, String, String)>,
    body: Bytes,
) -> Response {
    let Some((conference, call)) = find_participant(&desk, &name, &call) else { return not_found(&call) };
    let form = Form::parse(&body);
    let (muted, held, closes) = (form.flag("Muted"), form.flag("Hold"), form.flag("EndConferenceOnExit"));
    let response = answer(&desk, &conference, &call, |manner| {
        manner.muted = muted.unwrap_or(manner.muted);
        manner.held = held.unwrap_or(manner.held);
        manner.closes = closes.unwrap_or(manner.closes);
    });
    let Some((known, manner)) = desk.find(&call).zip(conference.room.change(&call, |_| {})) else {
        return response;
    };
    for news in [muted.map(News::Mute), held.map(News::Hold)].into_iter().flatten() {
        conference.tell(&known.leg, news, manner).await;
    }
    response
}

/// Shows somebody the door; their document goes on.
pub(super) async fn remove(
    State(desk): State<Arc<Desk>>,
    Path((_, name, call)): Path<(String, String, String)>,
) -> Response {
    match find_participant(&desk, &name, &call) {
        Some((conference, call)) if conference.room.eject(&call) => StatusCode::NO_CONTENT.into_response(),
        _ => not_found(&call),
    }
}

/// The conference of that id, or the one of that name, which begins to exist.
pub(super) fn find_or_open(desk: &Desk, name: &str) -> Result<Arc<Conference>, Box<Response>> {
    let is_sid = name.len() == 34 && name.starts_with("CF");
    if !is_sid {
        return Ok(desk.conferences.named(name));
    }
    let live = desk.conferences.find(name).filter(|each| !each.room.is_closed());
    live.ok_or_else(|| Box::new(not_found(name)))
}

pub(super) fn participant_resource(
    desk: &Desk,
    conference: &Conference,
    call: &str,
    manner: Manner,
    status: &str,
) -> Value {
    let base = format!("{}/Conferences/{}", account_path(&desk.config), conference.sid);
    json!({
        "account_sid": desk.config.account_sid,
        "call_sid": call,
        "call_sid_to_coach": null,
        "coaching": false,
        "conference_sid": conference.sid,
        "date_created": rfc2822(conference.created_at),
        "date_updated": rfc2822(conference.created_at),
        "end_conference_on_exit": manner.closes,
        "hold": manner.held,
        "label": null,
        "muted": manner.muted,
        "queue_time": "0",
        "start_conference_on_enter": manner.opens,
        "status": status,
        "uri": format!("{base}/Participants/{call}.json"),
    })
}

fn answer(desk: &Desk, conference: &Conference, call: &str, change: impl FnOnce(&mut Manner)) -> Response {
    match conference.room.change(call, change) {
        Some(manner) => {
            let resource = participant_resource(desk, conference, call, manner, "connected");
            crate::server::json(StatusCode::OK, &resource)
        }
        None => not_found(call),
    }
}

fn find(desk: &Desk, name: &str) -> Option<Arc<Conference>> {
    desk.conferences.find(name.strip_suffix(".json")?)
}

fn find_participant(desk: &Desk, name: &str, call: &str) -> Option<(Arc<Conference>, String)> {
    let conference = desk.conferences.find(name)?;
    Some((conference, call.strip_suffix(".json")?.to_owned()))
}

fn resource(desk: &Desk, conference: &Conference) -> Value {
    let uri = format!("{}/Conferences/{}", account_path(&desk.config), conference.sid);
    json!({
        "sid": conference.sid,
        "account_sid": desk.config.account_sid,
        "api_version": "2010-04-01",
        "date_created": rfc2822(conference.created_at),
        "date_updated": rfc2822(conference.created_at),
        "friendly_name": conference.name,
        "reason_conference_ended": null,
        "call_sid_ending_conference": null,
        "region": "us1",
        "status": conference.status(),
        "subresource_uris": { "participants": format!("{uri}/Participants.json") },
        "uri": format!("{uri}.json"),
    })
}
