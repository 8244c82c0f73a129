//! What goes wrong, as a client of the host's own routes sees it (RFC 9457).

use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use serde_json::json;

/// A problem with a stable code and a sentence that says what to do.
pub fn response(status: StatusCode, code: &str, detail: &str) -> Response {
    let body = json!({
        "type": format!("urn:voicehive:problem:{code}"),
        "title": status.canonical_reason().unwrap_or("Error"),
        "status": status.as_u16(),
        "detail": detail,
        "code": code,
        "request_id": crate::request_id::current(),
    });
    (status, [(header::CONTENT_TYPE, "application/problem+json")], body.to_string()).into_response()
}
