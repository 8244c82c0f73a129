//! What goes wrong, as a client of the host's own routes sees it (RFC 9457), and the name of every request.

use axum::extract::Request;
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use serde_json::{Map, Value, json};
use uuid::Uuid;

/// The header by which a request is named, in both directions.
const REQUEST_ID: &str = "x-request-id";

/// What went wrong; it becomes a document once the request's name is at hand.
#[derive(Clone, Debug)]
struct Problem {
    code: String,
    detail: String,
    more: Map<String, Value>,
}

/// A problem with a stable code and a sentence that says what to do.
pub fn response(status: StatusCode, code: &str, detail: &str) -> Response {
    with_more(status, code, detail, Map::new())
}

/// The same, with members of its own (RFC 9457, section 3.2).
pub fn with_more(status: StatusCode, code: &str, detail: &str, more: Map<String, Value>) -> Response {
    let mut response = status.into_response();
    response.extensions_mut().insert(Problem { code: code.to_owned(), detail: detail.to_owned(), more });
    response
}

/// A method that a path does not have; which it has is in `Allow`.
pub async fn method_not_allowed() -> Response {
    response(StatusCode::METHOD_NOT_ALLOWED, "method-not-allowed", "this path has other methods, see `Allow`")
}

/// Names every request, by the client's own name for it where that is one, and tells the name with the answer.
pub async fn identified(mut request: Request, next: Next) -> Response {
    let given = request.headers().get(REQUEST_ID).and_then(|value| value.to_str().ok());
    let id = match given.filter(|id| is_request_id(id)) {
        Some(id) => id.to_owned(),
        None => Uuid::new_v4().to_string(),
    };
    let Ok(value) = HeaderValue::from_str(&id) else { return next.run(request).await };
    // Whoever answers goes by the same name.
    request.headers_mut().insert(REQUEST_ID, value.clone());
    let mut response = next.run(request).await;
    if let Some(problem) = response.extensions_mut().remove::<Problem>() {
        response = described(response, &problem, &id);
    }
    response.headers_mut().entry(REQUEST_ID).or_insert(value);
    response
}

fn described(response: Response, problem: &Problem, request_id: &str) -> Response {
    let status = response.status();
    let mut document = json!({
        "type": format!("urn:voicehive:problem:{}", problem.code),
        "title": status.canonical_reason().unwrap_or("Error"),
        "status": status.as_u16(),
        "detail": problem.detail,
        "code": problem.code,
        "request_id": request_id,
    });
    if let Value::Object(members) = &mut document {
        for (name, value) in &problem.more {
            members.entry(name).or_insert_with(|| value.clone());
        }
    }
    let (mut head, _) = response.into_parts();
    let content_type = HeaderValue::from_static("application/problem+json");
    head.headers.insert(header::CONTENT_TYPE, content_type);
    head.headers.remove(header::CONTENT_LENGTH);
    Response::from_parts(head, document.to_string().into())
}

/// As both edge components have it: nothing that could break a line of a log.
fn is_request_id(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    (1..=128).contains(&text.len()) && text.bytes().all(allowed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_plain_name_is_one() {
        assert!(is_request_id("req-7_a.b"));
        for odd in ["", "a b", "a\nb", "é", &"x".repeat(129)] {
            assert!(!is_request_id(odd), "{odd}");
        }
    }
}
