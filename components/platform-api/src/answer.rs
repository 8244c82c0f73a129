//! What a request is answered with when nothing is wrong.

use http::header::{CONTENT_TYPE, LOCATION};
use http::{HeaderName, HeaderValue, Response, StatusCode};

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer {
    status: StatusCode,
    /// JSON; empty for an answer without a body.
    body: String,
    headers: Vec<(HeaderName, HeaderValue)>,
}

impl Answer {
    /// What was asked for, as JSON.
    pub(crate) fn ok(body: String) -> Self {
        Self { status: StatusCode::OK, body, headers: Vec::new() }
    }

    /// As [`Answer::ok`], with another status.
    pub(crate) fn with_status(body: String, status: StatusCode) -> Self {
        Self { status, ..Self::ok(body) }
    }

    /// It was done, and there is nothing to say.
    pub(crate) fn done() -> Self {
        Self::with_status(String::new(), StatusCode::NO_CONTENT)
    }

    /// Where what it is about can be found. Ids need no escaping in a path.
    #[must_use]
    pub(crate) fn at(mut self, location: &str) -> Self {
        self.headers.extend(HeaderValue::from_str(location).map(|value| (LOCATION, value)));
        self
    }

    /// A further header.
    #[must_use]
    pub(crate) fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }

    /// The answer that the client gets.
    pub(crate) fn response(self) -> Response<String> {
        let mut response = Response::new(self.body);
        *response.status_mut() = self.status;
        if self.status != StatusCode::NO_CONTENT {
            response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        }
        response.headers_mut().extend(self.headers);
        response
    }
}
