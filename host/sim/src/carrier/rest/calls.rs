//! Calls that there are: listed, read, redirected and ended.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{StatusCode, Uri};
use axum::response::Response;
use jiff::Timestamp;

use super::answer::{call, call_not_found, refused};
use super::form::Form;
use super::page::{Between, page};
use crate::carrier::desk::Desk;
use crate::carrier::leg::Known;
use crate::carrier::line::{Command, Instructions};
use crate::carrier::webhook::{Callback, Method};

/// The longest document in a request.
pub(super) const LONGEST_TWIML: usize = 4_000;

pub(super) async fn list(State(desk): State<Arc<Desk>>, uri: Uri) -> Response {
    let query = Form::parse(uri.query().unwrap_or_default().as_bytes());
    let (started, ended) = match (Between::read(&query, "StartTime"), Between::read(&query, "EndTime")) {
        (Ok(started), Ok(ended)) => (started, ended),
        (Err(response), _) | (_, Err(response)) => return *response,
    };
    let now = Timestamp::now();
    let fits = |known: &Known| {
        let leg = &known.leg;
        let same = |name: &str, value: Option<&str>| query.get(name).is_none_or(|asked| value == Some(asked));
        let (status, started_at, ended_at) = {
            let state = leg.shared.lock();
            (state.status, state.started_at, state.ended_at)
        };
        let age = now.duration_since(leg.created_at);
        age >= desk.config.list_delay.try_into().unwrap_or_default()
            && same("To", Some(&leg.to))
            && same("From", Some(&leg.from))
            && same("ParentCallSid", leg.parent.as_deref())
            && same("Status", Some(status))
            && started.holds(started_at)
            && ended.holds(ended_at)
    };
    let items: Vec<_> = desk
        .legs()
        .iter()
        .filter(|known| fits(known))
        .map(|known| (known.leg.sid.clone(), call(&desk, known)))
        .collect();
    page(&uri, "calls", &items)
}

pub(super) async fn read(State(desk): State<Arc<Desk>>, Path((_, name)): Path<(String, String)>) -> Response {
    match find(&desk, &name) {
        Ok(known) => crate::server::json(StatusCode::OK, &call(&desk, &known)),
        Err(response) => *response,
    }
}

pub(super) async fn update(
    State(desk): State<Arc<Desk>>,
    Path((_, name)): Path<(String, String)>,
    body: Bytes,
) -> Response {
    let known = match find(&desk, &name) {
        Ok(known) => known,
        Err(response) => return *response,
    };
    let status = {
        let state = known.leg.shared.lock();
        if state.is_over() {
            return call_not_found(&known.leg.sid);
        }
        state.status
    };
    let command = match command(&Form::parse(&body), status) {
        Ok(command) => command,
        Err(response) => return *response,
    };
    if let Some(command) = command
        && known.commands.send(command).await.is_err()
    {
        return call_not_found(&known.leg.sid);
    }
    crate::server::json(StatusCode::OK, &call(&desk, &known))
}

/// What a request wants of a call with that status; nothing, where it would be without effect.
fn command(form: &Form, status: &str) -> Result<Option<Command>, Box<Response>> {
    let answered = status == "in-progress";
    let instructions = match (form.get("Status"), form.get("Twiml"), form.get("Url")) {
        (Some("completed"), _, _) => return Ok(Some(Command::Complete)),
        (Some("canceled"), _, _) => return Ok((!answered).then_some(Command::Complete)),
        (Some(other), _, _) => return Err(Box::new(refused(20001, &format!("Invalid Status: {other}")))),
        (None, Some(xml), _) if xml.len() > LONGEST_TWIML => {
            return Err(Box::new(refused(20001, "Twiml has more than 4000 characters")));
        }
        (None, Some(xml), _) => Instructions::Twiml(xml.to_owned()),
        (None, None, _) => match form.callback("Url", "Method", 21205)? {
            Some(Callback { url, method: Method::Get }) => Instructions::Get(url.into()),
            Some(Callback { url, method: Method::Post }) => Instructions::Url(url.into()),
            None => return Err(Box::new(refused(20001, "Status, Url or Twiml is required"))),
        },
    };
    if !answered {
        return Err(Box::new(refused(21220, "Call is not in-progress. Cannot redirect.")));
    }
    Ok(Some(Command::Run(instructions)))
}

/// The leg that a path names, with `.json`.
fn find(desk: &Desk, name: &str) -> Result<Known, Box<Response>> {
    let sid = name.strip_suffix(".json");
    sid.and_then(|sid| desk.find(sid)).ok_or_else(|| Box::new(call_not_found(sid.unwrap_or(name))))
}
