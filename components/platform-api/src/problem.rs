//! What goes wrong, as the client sees it: RFC 9457, never with internals.

use std::time::Duration;

use http::header::{ACCEPT, ACCEPT_ENCODING, ALLOW, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode};
use serde::Serialize;
use store::{DbError, StoreError};

use crate::configuration::admission;
use crate::fields::Fault;
use crate::incoming::BODY_BYTES_MAX;
use crate::settings::Fault as SettingsFault;

/// Why a request is not answered with what it asks for.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum Problem {
    /// No key, or one that opens nothing.
    #[error("send a valid API key as `Authorization: Bearer <key>`")]
    Unauthorized,
    /// There is nothing at this path for this tenant.
    #[error("there is no such resource")]
    NotFound,
    /// The path exists for other methods: these.
    #[error("this resource is for {0} only")]
    MethodNotAllowed(&'static str),
    /// A parameter is not what it should be; the text names it and what is expected.
    #[error("{0}")]
    InvalidParameter(String),
    /// A header is not what it should be; the text names it and what is expected.
    #[error("{0}")]
    InvalidHeader(&'static str),
    /// The body is JSON, but parts of it are not what they should be.
    #[error("the request is not valid: {}", summary(.0))]
    Invalid(Vec<Fault>),
    /// The body is not JSON; the text says where.
    #[error("the body is not JSON: {0}")]
    MalformedJson(serde_json::Error),
    /// The body did not arrive whole.
    #[error("the body ended early")]
    BrokenBody,
    /// The body is larger than any request needs to be.
    #[error("the body is larger than {BODY_BYTES_MAX} bytes")]
    BodyTooLarge,
    /// The body is of a type that is not read here.
    #[error("send the body as `Content-Type: application/json`")]
    UnsupportedMediaType,
    /// The body is compressed.
    #[error("send the body without a content encoding")]
    UnsupportedEncoding,
    /// Another request had the same idempotency key.
    #[error("this idempotency key belongs to another request; use a new key for a new call")]
    IdempotencyKeyReused,
    /// The call cannot be taken back any more.
    #[error("the call was placed or has ended, so it cannot be cancelled")]
    TooLate,
    /// Without the key the webhooks of an account of the tenant's own could not be proven.
    #[error(
        "this is the last key for the webhooks of your own account with this carrier; add another key first, or take the \
         account away with `DELETE /v1/carrier-accounts/{{carrier}}`"
    )]
    KeyInUse,
    /// Too many requests that change the configuration.
    #[error("too many requests from this address; try again later")]
    RateLimited {
        /// When the next one is admitted.
        retry_after: Duration,
    },
    /// The tenant has as many live calls as it may have.
    #[error("there are as many live calls as this account may have; try again when one has ended")]
    TooManyCalls,
    /// What we depend on has no time for us. Nothing was done.
    #[error("the service is busy; try again")]
    Busy(#[source] StoreError),
    /// The service cannot serve now; the text says which part.
    #[error("the service is not ready: {0}")]
    NotReady(&'static str),
    /// The configuration cannot be used.
    #[error("the service failed; quote the request id when you report it")]
    Misconfigured(#[source] SettingsFault),
    /// The fault is ours.
    #[error("the service failed; quote the request id when you report it")]
    Internal(#[source] StoreError),
}

impl Problem {
    /// One part of the body is not what it should be.
    pub(crate) fn invalid(pointer: &str, message: impl Into<String>) -> Self {
        Self::Invalid(vec![Fault { pointer: pointer.to_owned(), message: message.into() }])
    }
}

/// A sentence for people; programs read the list.
fn summary(faults: &[Fault]) -> String {
    match faults {
        [] => "no part of it is".to_owned(),
        [only] => format!("`{}` {}", only.pointer, only.message),
        [first, rest @ ..] => {
            format!("`{}` {}, and {} more under `errors`", first.pointer, first.message, rest.len())
        }
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Db(DbError::Busy) => Self::Busy(error),
            _ => Self::Internal(error),
        }
    }
}

impl From<DbError> for Problem {
    fn from(error: DbError) -> Self {
        StoreError::from(error).into()
    }
}

#[derive(Serialize)]
struct Document<'a> {
    r#type: String,
    title: &'a str,
    status: u16,
    detail: String,
    code: &'a str,
    request_id: &'a str,
    #[serde(skip_serializing_if = "<[Fault]>::is_empty")]
    errors: &'a [Fault],
}

impl Problem {
    /// The stable word for it, and its HTTP status.
    pub(crate) fn code(&self) -> (&'static str, StatusCode) {
        match self {
            Self::Unauthorized => ("unauthorized", StatusCode::UNAUTHORIZED),
            Self::NotFound => ("not-found", StatusCode::NOT_FOUND),
            Self::MethodNotAllowed(_) => ("method-not-allowed", StatusCode::METHOD_NOT_ALLOWED),
            Self::InvalidParameter(_) => ("invalid-parameter", StatusCode::UNPROCESSABLE_ENTITY),
            Self::InvalidHeader(_) => ("invalid-header", StatusCode::UNPROCESSABLE_ENTITY),
            Self::Invalid(_) => ("invalid-request", StatusCode::UNPROCESSABLE_ENTITY),
            Self::MalformedJson(_) => ("malformed-json", StatusCode::BAD_REQUEST),
            Self::BrokenBody => ("broken-body", StatusCode::BAD_REQUEST),
            Self::BodyTooLarge => ("body-too-large", StatusCode::PAYLOAD_TOO_LARGE),
            Self::UnsupportedMediaType => ("unsupported-media-type", StatusCode::UNSUPPORTED_MEDIA_TYPE),
            Self::UnsupportedEncoding => ("unsupported-encoding", StatusCode::UNSUPPORTED_MEDIA_TYPE),
            Self::IdempotencyKeyReused => ("idempotency-key-reused", StatusCode::CONFLICT),
            Self::TooLate => ("too-late", StatusCode::CONFLICT),
            Self::KeyInUse => ("key-in-use", StatusCode::CONFLICT),
            Self::RateLimited { .. } => ("rate-limited", StatusCode::TOO_MANY_REQUESTS),
            Self::TooManyCalls => ("too-many-calls", StatusCode::TOO_MANY_REQUESTS),
            Self::Busy(_) => ("busy", StatusCode::SERVICE_UNAVAILABLE),
            Self::NotReady(_) => ("not-ready", StatusCode::SERVICE_UNAVAILABLE),
            Self::Misconfigured(_) | Self::Internal(_) => ("internal", StatusCode::INTERNAL_SERVER_ERROR),
        }
    }

    /// The answer that tells the client.
    pub(crate) fn response(&self, request_id: &str) -> Response<String> {
        let (code, status) = self.code();
        let document = Document {
            r#type: format!("urn:voicehive:problem:{code}"),
            title: status.canonical_reason().unwrap_or("Error"),
            status: status.as_u16(),
            detail: self.to_string(),
            code,
            request_id,
            errors: if let Self::Invalid(faults) = self { faults } else { &[] },
        };
        // A struct of strings and numbers always serialises.
        let mut response = Response::new(serde_json::to_string(&document).unwrap_or_default());
        *response.status_mut() = status;
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        self.hint(headers);
        response
    }

    /// Headers that say what would be better, where there are such.
    fn hint(&self, headers: &mut HeaderMap) {
        let mut say = |name: HeaderName, value| {
            headers.insert(name, HeaderValue::from_static(value));
        };
        match self {
            Self::Unauthorized => say(WWW_AUTHENTICATE, "Bearer"),
            Self::MethodNotAllowed(allowed) => say(ALLOW, allowed),
            Self::UnsupportedMediaType => say(ACCEPT, "application/json"),
            Self::UnsupportedEncoding => say(ACCEPT_ENCODING, "identity"),
            _ => {}
        }
        let Some(seconds) = self.retry_after().map(whole_seconds) else { return };
        headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
        if let Self::RateLimited { .. } = self {
            headers.extend(admission::exhausted(seconds));
        }
    }

    /// When the same request may do better.
    fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::RateLimited { retry_after } => Some(*retry_after),
            Self::TooManyCalls => Some(CALLS_RETRY_AFTER),
            Self::Busy(_) => Some(BUSY_RETRY_AFTER),
            Self::NotReady(_) => Some(READY_RETRY_AFTER),
            _ => None,
        }
    }
}

/// The seconds that a client is to wait so that at least `wait` passes.
pub(crate) fn whole_seconds(wait: Duration) -> u64 {
    (wait.as_secs() + u64::from(wait.subsec_nanos() > 0)).max(1)
}

/// Nobody knows when a call will end; many end within the minute.
const CALLS_RETRY_AFTER: Duration = Duration::from_secs(15);

/// The database was waited for already.
const BUSY_RETRY_AFTER: Duration = Duration::from_secs(1);

/// Migrations and restarts take seconds.
const READY_RETRY_AFTER: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_that_waits_as_told_waits_long_enough() {
        for (millis, seconds) in [(0, 1), (1, 1), (1000, 1), (1001, 2), (59_999, 60)] {
            assert_eq!(whole_seconds(Duration::from_millis(millis)), seconds, "{millis}");
        }
    }

    #[test]
    fn a_busy_database_is_no_fault_of_ours() {
        let response = Problem::from(DbError::Busy).response("r");
        assert_eq!(
            (response.status().as_u16(), &response.headers()["retry-after"]),
            (503, &"1".parse().unwrap())
        );
        assert_eq!(Problem::from(DbError::Full).response("r").status(), 500);
    }

    #[test]
    fn all_faults_are_listed_and_one_is_told() {
        let fault = |pointer: &str| Fault { pointer: pointer.into(), message: "is missing".into() };
        let problem = Problem::Invalid(vec![fault("/to"), fault("/from")]);
        let document: serde_json::Value = serde_json::from_str(problem.response("r").body()).unwrap();
        assert_eq!(document["errors"][1], serde_json::json!({ "pointer": "/from", "message": "is missing" }));
        let detail = document["detail"].as_str().unwrap();
        assert!(detail.contains("`/to` is missing, and 1 more"), "{detail}");
        let other: serde_json::Value = serde_json::from_str(Problem::NotFound.response("r").body()).unwrap();
        assert_eq!(other.get("errors"), None);
    }
}
