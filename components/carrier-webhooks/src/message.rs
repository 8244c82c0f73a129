//! What comes in and what goes out, apart from who carries it.

use http::header::{CONTENT_TYPE, HOST};
use http::request::Parts;
use http::{HeaderValue, Method, Response, StatusCode};
use trace_context::Trace;
use uuid::Uuid;

use crate::trace;

/// A request as it arrived.
#[derive(Clone, Debug)]
pub struct Incoming {
    /// The method.
    pub method: Method,
    /// Path and query, not decoded.
    pub target: String,
    /// Header fields in order.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Body,
    /// The id under which the request is logged.
    pub request_id: String,
    /// The trace that it belongs to.
    pub trace: Trace,
}

/// A request's body.
#[derive(Clone, Debug)]
pub enum Body {
    /// All its bytes.
    Whole(Vec<u8>),
    /// It is larger than any webhook.
    TooLarge,
    /// The sender did not send all of it.
    Broken,
}

impl Incoming {
    /// The request with this head and body.
    pub fn new(head: &Parts, body: Body) -> Self {
        let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
        let mut headers: Vec<_> =
            head.headers.iter().map(|(name, value)| (name.to_string(), text(value))).collect();
        if let (false, Some(authority)) = (head.headers.contains_key(HOST), head.uri.authority()) {
            headers.push((HOST.to_string(), authority.to_string()));
        }
        let target = head.uri.path_and_query().map_or("/", http::uri::PathAndQuery::as_str);
        let given = head.headers.get(REQUEST_ID).and_then(|value| value.to_str().ok());
        let request_id = given.filter(|id| is_request_id(id)).map(str::to_owned);
        Self {
            method: head.method.clone(),
            target: target.to_owned(),
            trace: trace::of(&head.headers),
            headers,
            body,
            request_id: request_id.unwrap_or_else(|| Uuid::new_v4().to_string()),
        }
    }

    /// The target without its query.
    pub(crate) fn path(&self) -> &str {
        self.target.split_once('?').map_or(self.target.as_str(), |(path, _)| path)
    }

    /// The value of this parameter of the query, not decoded; the first, where there are several.
    pub(crate) fn query(&self, name: &str) -> Option<&str> {
        let (_, query) = self.target.split_once('?')?;
        let mut pairs = query.split('&').map(|pair| pair.split_once('=').unwrap_or((pair, "")));
        pairs.find_map(|(given, value)| (given == name).then_some(value))
    }

    /// Whether the host received the request over TLS. Hosts set the header themselves and
    /// drop a sender's.
    pub(crate) fn is_encrypted(&self) -> bool {
        self.headers.iter().any(|(name, value)| name == "spin-full-url" && value.starts_with("https://"))
    }
}

const REQUEST_ID: &str = "x-request-id";

/// An answer with a body of this type; errors of construction cannot occur with constants.
pub(crate) fn respond(status: StatusCode, content_type: &'static str, body: String) -> Response<String> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}

/// An answer in TwiML.
pub(crate) fn twiml(status: StatusCode, document: &twiml::Response) -> Response<String> {
    respond(status, "text/xml; charset=utf-8", document.to_xml())
}

/// Taken note of, and nothing to say.
pub(crate) fn empty() -> Response<String> {
    let mut response = Response::new(String::new());
    *response.status_mut() = StatusCode::NO_CONTENT;
    response
}

/// Tells the sender under which id its request is logged.
pub(crate) fn with_request_id(mut response: Response<String>, request_id: &str) -> Response<String> {
    if let Ok(value) = HeaderValue::from_str(request_id) {
        response.headers_mut().insert(REQUEST_ID, value);
    }
    response
}

fn is_request_id(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    (1..=128).contains(&text.len()) && text.bytes().all(allowed)
}
