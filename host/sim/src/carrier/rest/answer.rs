//! What the interface answers: resources and errors.

use axum::http::StatusCode;
use axum::response::Response;
use serde_json::{Value, json};

use crate::carrier::desk::Desk;
use crate::carrier::leg::{Known, account_path};
use crate::carrier::webhook::rfc2822;

/// What a minute of a call costs.
const PRICE_OF_MINUTE: f64 = 0.014;

pub(super) fn error(status: StatusCode, code: u32, message: &str) -> Response {
    let body = json!({
        "code": code,
        "message": message,
        "more_info": format!("https://www.twilio.com/docs/errors/{code}"),
        "status": status.as_u16(),
    });
    crate::server::json(status, &body)
}

pub(super) fn refused(code: u32, message: &str) -> Response {
    error(StatusCode::BAD_REQUEST, code, message)
}

pub(super) fn not_found(what: &str) -> Response {
    error(StatusCode::NOT_FOUND, 20404, &format!("The requested resource {what} was not found"))
}

pub(super) fn call_not_found(sid: &str) -> Response {
    not_found(&format!("/Calls/{sid}.json"))
}

/// A leg as the interface writes it.
pub(super) fn call(desk: &Desk, known: &Known) -> Value {
    let leg = &known.leg;
    let (status, length, answered_by, started_at, ended_at) = {
        let state = leg.shared.lock();
        let length = state.ended_at.map(|_| state.now.as_secs());
        (state.status, length, state.answered_by, state.started_at, state.ended_at)
    };
    let uri = format!("{}/Calls/{}", account_path(&desk.config), leg.sid);
    let price = length.filter(|_| status == "completed").map(|seconds| {
        let minutes = seconds.div_ceil(60).max(1);
        format!("-{:.5}", PRICE_OF_MINUTE * minutes as f64)
    });
    let parts = ["events", "notifications", "payments", "recordings", "siprec", "streams", "transcriptions"];
    let parts: serde_json::Map<String, Value> = parts
        .into_iter()
        .map(|part| {
            let (first, rest) = part.split_at(1);
            (part.to_owned(), format!("{uri}/{}{rest}.json", first.to_uppercase()).into())
        })
        .collect();
    json!({
        "sid": leg.sid,
        "account_sid": leg.account_sid,
        "annotation": null,
        "answered_by": answered_by,
        "api_version": "2010-04-01",
        "caller_name": null,
        "date_created": rfc2822(leg.created_at),
        "date_updated": rfc2822(ended_at.or(started_at).unwrap_or(leg.created_at)),
        "direction": leg.direction.wire(),
        "duration": length.map(|seconds| seconds.to_string()),
        "end_time": ended_at.map(rfc2822),
        "forwarded_from": null,
        "from": leg.from,
        "from_formatted": leg.from,
        "group_sid": null,
        "parent_call_sid": leg.parent,
        "phone_number_sid": null,
        "price": price,
        "price_unit": "USD",
        "queue_time": "0",
        "start_time": started_at.map(rfc2822),
        "status": status,
        "subresource_uris": parts,
        "to": leg.to,
        "to_formatted": leg.to,
        "trunk_sid": null,
        "uri": format!("{uri}.json"),
    })
}
