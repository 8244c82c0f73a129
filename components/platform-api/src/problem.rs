//! What goes wrong, as the client sees it: RFC 9457, never with internals.

use http::header::{ALLOW, CONTENT_TYPE, WWW_AUTHENTICATE};
use http::{HeaderValue, Response, StatusCode};
use serde::Serialize;
use store::{DbError, StoreError};

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
    /// The path exists for other methods.
    #[error("this resource can only be read with GET")]
    MethodNotAllowed,
    /// A parameter is not what it should be; the text names it and what is expected.
    #[error("{0}")]
    InvalidParameter(String),
    /// The service cannot serve now; the text says which part.
    #[error("the service is not ready: {0}")]
    NotReady(&'static str),
    /// The fault is ours.
    #[error("the service failed; quote the request id when you report it")]
    Internal(#[source] StoreError),
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        Self::Internal(error)
    }
}

impl From<DbError> for Problem {
    fn from(error: DbError) -> Self {
        Self::Internal(error.into())
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
}

impl Problem {
    /// The stable word for it, and its HTTP status.
    pub(crate) fn code(&self) -> (&'static str, StatusCode) {
        match self {
            Self::Unauthorized => ("unauthorized", StatusCode::UNAUTHORIZED),
            Self::NotFound => ("not-found", StatusCode::NOT_FOUND),
            Self::MethodNotAllowed => ("method-not-allowed", StatusCode::METHOD_NOT_ALLOWED),
            Self::InvalidParameter(_) => ("invalid-parameter", StatusCode::UNPROCESSABLE_ENTITY),
            Self::NotReady(_) => ("not-ready", StatusCode::SERVICE_UNAVAILABLE),
            Self::Internal(_) => ("internal", StatusCode::INTERNAL_SERVER_ERROR),
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
        };
        // A struct of strings and a number always serialises.
        let mut response = Response::new(serde_json::to_string(&document).unwrap_or_default());
        *response.status_mut() = status;
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        match self {
            Self::Unauthorized => {
                headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
            }
            Self::MethodNotAllowed => {
                headers.insert(ALLOW, HeaderValue::from_static("GET"));
            }
            _ => {}
        }
        response
    }
}
