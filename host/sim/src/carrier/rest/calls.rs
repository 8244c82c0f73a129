//! The REST interface, as far as it concerns live calls.

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::Response;
use axum::routing::get;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use super::line::{Command, Instructions};
use super::{Desk, Known};

pub(super) fn routes(desk: Arc<Desk>) -> Router {
    Router::new()
        .route("/2010-04-01/Accounts/{account}/Calls/{call}", get(read).post(update))
        .fallback(|| async { error(StatusCode::NOT_FOUND, 20404, "The requested resource was not found") })
        .with_state(desk)
}

async fn read(
    State(desk): State<Arc<Desk>>,
    Path((account, call)): Path<(String, String)>,
    headers: HeaderMap,
) -> Response {
    match find(&desk, &account, &call, &headers) {
        Ok((sid, known)) => resource(&desk, &sid, &known),
        Err(response) => *response,
    }
}

async fn update(
    State(desk): State<Arc<Desk>>,
    Path((account, call)): Path<(String, String)>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let (sid, known) = match find(&desk, &account, &call, &headers) {
        Ok(found) => found,
        Err(response) => return *response,
    };
    if known.shared.lock().end.is_some() {
        return error(
            StatusCode::NOT_FOUND,
            20404,
            &format!("The requested resource /Calls/{sid} was not found"),
        );
    }
    let fields: Vec<(String, String)> = url::form_urlencoded::parse(&body).into_owned().collect();
    let get = |name: &str| fields.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone());
    let command = match (get("Status").as_deref(), get("Twiml"), get("Url")) {
        (Some("completed" | "canceled"), _, _) => Command::Complete,
        (Some(other), _, _) => {
            return error(StatusCode::BAD_REQUEST, 21218, &format!("Invalid Status: {other}"));
        }
        (None, Some(xml), _) => Command::Run(Instructions::Twiml(xml)),
        (None, None, Some(url)) => Command::Run(Instructions::Url(url)),
        (None, None, None) => {
            return error(StatusCode::BAD_REQUEST, 21218, "Status, Url or Twiml is required");
        }
    };
    if known.commands.send(command).await.is_err() {
        return error(
            StatusCode::NOT_FOUND,
            20404,
            &format!("The requested resource /Calls/{sid} was not found"),
        );
    }
    resource(&desk, &sid, &known)
}

fn find(
    desk: &Desk,
    account: &str,
    call: &str,
    headers: &HeaderMap,
) -> Result<(String, Known), Box<Response>> {
    let credentials = format!("{}:{}", desk.config.account_sid, desk.config.auth_token);
    let expected = format!("Basic {}", STANDARD.encode(credentials));
    if headers.get(header::AUTHORIZATION).and_then(|given| given.to_str().ok()) != Some(&expected) {
        return Err(Box::new(error(StatusCode::UNAUTHORIZED, 20003, "Authenticate")));
    }
    let message = format!("The requested resource /Calls/{call} was not found");
    let not_found = || Box::new(error(StatusCode::NOT_FOUND, 20404, &message));
    let sid = call.strip_suffix(".json").ok_or_else(not_found)?;
    let known = desk.find(sid).filter(|_| account == desk.config.account_sid).ok_or_else(not_found)?;
    Ok((sid.to_owned(), known))
}

fn resource(desk: &Desk, sid: &str, known: &Known) -> Response {
    let (status, duration) = {
        let state = known.shared.lock();
        (state.status, state.end.map(|_| state.now.as_secs().to_string()))
    };
    let body = json!({
        "sid": sid,
        "account_sid": desk.config.account_sid,
        "from": known.from,
        "to": known.to,
        "from_formatted": known.from,
        "to_formatted": known.to,
        "status": status,
        "direction": "inbound",
        "duration": duration,
        "api_version": "2010-04-01",
        "uri": format!("/2010-04-01/Accounts/{}/Calls/{sid}.json", desk.config.account_sid),
    });
    crate::server::json(StatusCode::OK, &body)
}

fn error(status: StatusCode, code: u32, message: &str) -> Response {
    let body = json!({
        "code": code,
        "message": message,
        "more_info": format!("https://www.twilio.com/docs/errors/{code}"),
        "status": status.as_u16(),
    });
    crate::server::json(status, &body)
}
