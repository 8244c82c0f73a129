//! HTTP, as a trait so that logic can be tested natively.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::Failure;
pub use crate::bindings::voicehive::tool::http::{Error, Request, Response};

/// HTTP to the hosts that the definition declares. See `wit/tool`.
pub trait Http {
    /// Sends `request` and waits for the whole response, whatever its status.
    ///
    /// # Errors
    /// As the interface says.
    fn send(&self, request: &Request) -> Result<Response, Error>;
}

impl Request {
    /// `GET url`, an absolute `https` URL.
    pub fn get(url: impl Into<String>) -> Self {
        Self::new("GET", url)
    }

    /// `POST url`, an absolute `https` URL.
    pub fn post(url: impl Into<String>) -> Self {
        Self::new("POST", url)
    }

    /// `method url`: `GET`, `POST`, `PUT`, `PATCH` or `DELETE` of an absolute
    /// `https` URL, without header fields and body.
    pub fn new(method: impl Into<String>, url: impl Into<String>) -> Self {
        Self { method: method.into(), url: url.into(), headers: Vec::new(), body: Vec::new() }
    }

    /// Adds a header field. The value may hold a secret's handle.
    #[must_use]
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// Makes `body` the body, as JSON.
    ///
    /// # Errors
    /// Where `body` has no JSON.
    pub fn json(mut self, body: &impl Serialize) -> Result<Self, Failure> {
        self.body = serde_json::to_vec(body).map_err(|error| Failure::Other(error.to_string()))?;
        Ok(self.header("Content-Type", "application/json"))
    }
}

impl Response {
    /// A response without header fields; for tests.
    pub fn new(status: u16, body: impl Into<Vec<u8>>) -> Self {
        Self { status, headers: Vec::new(), body: body.into() }
    }

    /// The first header field of that name, whatever its case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }

    /// The body as `T`, of a response whose status is 200 to 299.
    ///
    /// # Errors
    /// A [`Failure`] for the model where it is not: another status, or another
    /// body. It names the status and none of the service's words.
    pub fn read<T: DeserializeOwned>(&self) -> Result<T, Failure> {
        match self.status {
            200..300 => {}
            404 => return Err(Failure::NotFound("the service does not know it".into())),
            429 | 500.. => {
                return Err(Failure::Unavailable("the service cannot answer at the moment".into()));
            }
            status => return Err(Failure::Other(format!("the service answered with status {status}"))),
        }
        serde_json::from_slice(&self.body)
            .map_err(|_| Failure::Other("the service's answer cannot be understood".into()))
    }
}

/// What the model is told where there is no response.
pub fn failure(error: Error) -> Failure {
    match error {
        Error::Denied(_) | Error::Invalid(_) | Error::TooLarge => {
            Failure::Other("the service cannot be asked; a human has to mend the tool".into())
        }
        Error::Timeout => {
            Failure::Unavailable("the service did not answer in time; it may have acted all the same".into())
        }
        Error::Failed(_) => Failure::Unavailable("the service cannot be reached at the moment".into()),
    }
}

/// The host's way out. Only inside a component.
#[derive(Clone, Copy, Debug, Default)]
pub struct Host;

impl Http for Host {
    fn send(&self, request: &Request) -> Result<Response, Error> {
        crate::bindings::voicehive::tool::http::send(request)
    }
}

/// Answers that were written before, given in their order; for native tests.
///
/// Keeps the requests. Once the answers are used up, every request fails.
#[derive(Debug, Default)]
pub struct Scripted(Mutex<Script>);

#[derive(Debug, Default)]
struct Script {
    answers: VecDeque<Result<Response, Error>>,
    requests: Vec<Request>,
}

impl Scripted {
    /// These answers, the first to the first request.
    pub fn new(answers: impl IntoIterator<Item = Result<Response, Error>>) -> Self {
        Self(Mutex::new(Script { answers: answers.into_iter().collect(), requests: Vec::new() }))
    }

    /// The requests so far.
    pub fn requests(&self) -> Vec<Request> {
        self.lock().requests.clone()
    }

    fn lock(&self) -> MutexGuard<'_, Script> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Http for Scripted {
    fn send(&self, request: &Request) -> Result<Response, Error> {
        let mut script = self.lock();
        script.requests.push(request.clone());
        script.answers.pop_front().unwrap_or_else(|| Err(Error::Failed("the script is at its end".into())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_come_in_their_order_and_requests_are_kept() {
        let http = Scripted::new([Ok(Response::new(200, "[1]")), Err(Error::Timeout)]);
        let request = Request::post("https://api.example.com/").header("X-A", "b").json(&[2]).unwrap();
        assert_eq!(http.send(&request).unwrap().read::<[u8; 1]>(), Ok([1]));
        assert_eq!(http.send(&Request::get("https://api.example.com/")), Err(Error::Timeout));
        assert!(matches!(http.send(&request), Err(Error::Failed(_))));
        let requests = http.requests();
        assert_eq!((requests.len(), requests[1].method.as_str()), (3, "GET"));
        assert_eq!(requests[0].body, b"[2]");
        assert_eq!(requests[0].headers[1], ("Content-Type".into(), "application/json".into()));
    }

    #[test]
    fn a_status_that_is_no_success_is_a_failure_without_the_services_words() {
        let read = |status| Response::new(status, "\"inner words\"").read::<String>();
        assert_eq!(read(201), Ok("inner words".into()));
        assert!(matches!(read(404), Err(Failure::NotFound(_))));
        for status in [429, 500, 503] {
            assert!(matches!(read(status), Err(Failure::Unavailable(_))), "{status}");
        }
        for status in [302, 400, 401] {
            let Err(Failure::Other(why)) = read(status) else { panic!("{status}") };
            assert!(why.contains(&status.to_string()) && !why.contains("inner"), "{why}");
        }
        assert!(matches!(Response::new(200, "{").read::<String>(), Err(Failure::Other(_))));
    }

    #[test]
    fn header_fields_are_found_whatever_their_case() {
        let mut response = Response::new(200, "");
        response.headers.push(("Retry-After".into(), "2".into()));
        assert_eq!(response.header("retry-after"), Some("2"));
        assert_eq!(response.header("etag"), None);
    }
}
