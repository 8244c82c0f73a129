//! How Telnyx says that a command was not accepted.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use serde_json::{Value, json};

/// A command that is not accepted: the status and the first of the `errors` in the answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    status: StatusCode,
    code: &'static str,
    title: &'static str,
    detail: String,
    pointer: Option<String>,
    retry_after: Option<u64>,
}

impl Refusal {
    fn new(status: StatusCode, code: &'static str, title: &'static str, detail: impl Into<String>) -> Self {
        Self { status, code, title, detail: detail.into(), pointer: None, retry_after: None }
    }

    /// The call is over: success, for whoever wanted to end it.
    pub(super) fn ended() -> Self {
        let detail = "This call is no longer active and can't receive commands.";
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "90018", "Call has already ended", detail)
    }

    pub(super) fn not_answered() -> Self {
        let detail = "This call can't receive this command because it has not been answered yet.";
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "90034", "Call not answered yet", detail)
    }

    pub(super) fn bad_call_control_id() -> Self {
        let detail = "The call_control_id provided was not valid.";
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "90015", "Invalid Call Control ID", detail)
    }

    pub(super) fn unknown() -> Self {
        let detail = "The requested resource or URL could not be found.";
        Self::new(StatusCode::NOT_FOUND, "10005", "Resource not found", detail)
    }

    pub(super) fn unauthorized() -> Self {
        let detail =
            "The required authentication headers were either invalid or not included in the request.";
        Self::new(StatusCode::UNAUTHORIZED, "10009", "Authentication failed", detail)
    }

    pub(super) fn too_many(retry_after: u64) -> Self {
        let detail = "You have exceeded the maximum number of allowed requests.";
        let refusal = Self::new(StatusCode::TOO_MANY_REQUESTS, "10011", "Too many requests", detail);
        Self { retry_after: Some(retry_after), ..refusal }
    }

    pub(super) fn failing() -> Self {
        let detail = "An unexpected error occured.";
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "10007", "Unexpected error", detail)
    }

    pub(super) fn unavailable() -> Self {
        let detail = "An unexpected error occured.";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "10007", "Unexpected error", detail)
    }

    pub(super) fn malformed(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "10015", "Bad Request", detail)
    }

    pub(super) fn missing(field: &str) -> Self {
        let detail = "A required parameter was missing.";
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "10004", "Missing required parameter", detail).at(field)
    }

    pub(super) fn invalid(field: &str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "10015", "Bad Request", detail).at(field)
    }

    pub(super) fn no_number(field: &str) -> Self {
        let (title, detail) = (
            "Phone number must be in +E.164 format",
            "The specified phone number parameter must be in +E.164 format.",
        );
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "10016", title, detail).at(field)
    }

    /// The command cannot be done in the state the call is in.
    pub(super) fn conflict(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "10015", "Bad Request", detail)
    }

    fn at(self, field: &str) -> Self {
        Self { pointer: Some(format!("/{field}")), ..self }
    }

    pub(super) fn response(&self) -> Response {
        let mut error = json!({
            "code": self.code,
            "title": self.title,
            "detail": self.detail,
            "meta": { "url": format!("https://developers.telnyx.com/docs/overview/errors/{}", self.code) },
        });
        if let (Some(pointer), Some(error)) = (&self.pointer, error.as_object_mut()) {
            error.insert("source".to_owned(), json!({ "pointer": pointer }));
        }
        let mut response = crate::server::json(self.status, &json!({ "errors": [error] }));
        if let Some(seconds) = self.retry_after {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

/// An answer to a command: the `data` of success.
pub(super) type Answer = Result<Value, Refusal>;
