//! What goes wrong, as a machine reads it: RFC 9457, never with internals.

use http::header::{ALLOW, CONTENT_TYPE};
use http::{HeaderValue, Response, StatusCode};
use serde::Serialize;

#[derive(Serialize)]
struct Document<'a> {
    r#type: String,
    title: &'a str,
    status: u16,
    detail: &'a str,
    code: &'a str,
    request_id: &'a str,
}

/// The answer that tells the client.
pub(crate) fn response(status: StatusCode, code: &str, detail: &str, request_id: &str) -> Response<String> {
    let document = Document {
        r#type: format!("urn:voicehive:problem:{code}"),
        title: status.canonical_reason().unwrap_or("Error"),
        status: status.as_u16(),
        detail,
        code,
        request_id,
    };
    // A struct of strings and a number always serialises.
    let mut response = Response::new(serde_json::to_string(&document).unwrap_or_default());
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
    if status == StatusCode::METHOD_NOT_ALLOWED {
        headers.insert(ALLOW, HeaderValue::from_static("POST"));
    }
    response
}
