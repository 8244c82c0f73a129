//! A request as it arrived, apart from who carries it.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use http::header::{AsHeaderName, CONTENT_ENCODING, CONTENT_TYPE};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method};
use serde_json::Value;
use trace_context::{Fresh, TRACEPARENT, TRACESTATE, Trace};
use uuid::Uuid;

use crate::json;
use crate::problem::Problem;

/// The largest body: several times a call with all the variables it may have.
pub(crate) const BODY_BYTES_MAX: usize = 64 * 1024;

/// A request.
#[derive(Clone, Debug)]
pub struct Incoming {
    head: Parts,
    body: Body,
    request_id: String,
    trace: Trace,
}

/// A request's body.
#[derive(Clone, Debug)]
pub enum Body {
    /// All its bytes.
    Whole(Vec<u8>),
    /// It is larger than any request needs to be.
    TooLarge,
    /// The sender did not send all of it.
    Broken,
}

impl Incoming {
    /// The request with this head and body. It keeps its sender's request id, if that can do no
    /// harm in a log, and goes on with its sender's trace.
    pub fn new(head: Parts, body: Body) -> Self {
        let given = head.headers.get(REQUEST_ID).and_then(|value| value.to_str().ok());
        let request_id = given.filter(|id| is_request_id(id)).map(str::to_owned);
        let trace = Trace::of(values(&head.headers, TRACEPARENT), values(&head.headers, TRACESTATE), fresh());
        Self { head, body, request_id: request_id.unwrap_or_else(|| Uuid::new_v4().to_string()), trace }
    }

    /// The id under which the request is logged.
    pub(crate) fn request_id(&self) -> &str {
        &self.request_id
    }

    /// Our span of the request's trace.
    pub(crate) fn trace(&self) -> &Trace {
        &self.trace
    }

    /// The method.
    pub(crate) fn method(&self) -> &Method {
        &self.head.method
    }

    /// The path, not decoded.
    pub(crate) fn path(&self) -> &str {
        self.head.uri.path()
    }

    /// The query, not decoded; empty where there is none.
    pub(crate) fn query(&self) -> &str {
        self.head.uri.query().unwrap_or_default()
    }

    /// The value of a header that is there once and is text.
    pub(crate) fn header(&self, name: impl AsHeaderName) -> Option<&str> {
        let mut values = self.head.headers.get_all(name).iter();
        let (Some(value), None) = (values.next(), values.next()) else { return None };
        value.to_str().ok()
    }

    /// The body's JSON.
    ///
    /// # Errors
    /// When it did not come whole, is too large, is declared as something else or is not JSON.
    pub(crate) fn json(&self) -> Result<Value, Problem> {
        let bytes = self.whole()?;
        if !self.header(CONTENT_TYPE).is_some_and(is_json) {
            return Err(Problem::UnsupportedMediaType);
        }
        if self.head.headers.get_all(CONTENT_ENCODING).iter().any(|value| value != "identity") {
            return Err(Problem::UnsupportedEncoding);
        }
        json::parse(bytes).map_err(Problem::MalformedJson)
    }

    /// Nothing is expected.
    ///
    /// # Errors
    /// When there is a body: whoever sends one means something by it that would be lost.
    pub(crate) fn no_body(&self) -> Result<(), Problem> {
        match self.whole()? {
            [] => Ok(()),
            _ => Err(Problem::invalid("", "must be empty: this request takes no body")),
        }
    }

    fn whole(&self) -> Result<&[u8], Problem> {
        match &self.body {
            Body::Whole(bytes) if bytes.len() > BODY_BYTES_MAX => Err(Problem::BodyTooLarge),
            Body::Whole(bytes) => Ok(bytes),
            Body::TooLarge => Err(Problem::BodyTooLarge),
            Body::Broken => Err(Problem::BrokenBody),
        }
    }

    /// Whom limits count the request for: the address that opened the connection, which hosts put
    /// in a header of their own and drop from a sender's request; or, where that is a proxy of the
    /// operator's, the last address that the proxy named. Of an IPv6 address the first half, since
    /// whoever has one has all that share it.
    pub(crate) fn client(&self, trust_forwarded: bool) -> String {
        let connected = self.header(CLIENT_ADDRESS).and_then(address);
        let forwarded = values(&self.head.headers, FORWARDED_FOR).last().filter(|_| trust_forwarded);
        let forwarded = forwarded
            .and_then(|value| std::str::from_utf8(value).ok())
            .and_then(|list| address(list.rsplit(',').next()?.trim()));
        match forwarded.or(connected).map(|address| address.to_canonical()) {
            Some(IpAddr::V4(address)) => address.to_string(),
            Some(IpAddr::V6(address)) => {
                let network = u128::from(address) >> 64 << 64;
                format!("{}/64", Ipv6Addr::from(network))
            }
            None => "unknown".to_owned(),
        }
    }
}

pub(crate) const REQUEST_ID: &str = "x-request-id";

/// Address and port of whoever opened the connection, as Spin names it.
const CLIENT_ADDRESS: &str = "spin-client-addr";

/// Each proxy adds to its end the address that the request came from.
const FORWARDED_FOR: &str = "x-forwarded-for";

fn values<'a>(headers: &'a HeaderMap, name: &str) -> impl Iterator<Item = &'a [u8]> {
    headers.get_all(name).iter().map(HeaderValue::as_bytes)
}

/// An address with or without a port.
fn address(text: &str) -> Option<IpAddr> {
    let socket = text.parse::<SocketAddr>().map(|socket| socket.ip());
    socket.or_else(|_| text.parse()).ok()
}

/// Whether a content type is JSON, whatever its parameters: JSON is UTF-8 (RFC 8259, section 8.1).
fn is_json(content_type: &str) -> bool {
    let essence = content_type.split(';').next().unwrap_or_default().trim();
    essence.eq_ignore_ascii_case("application/json")
}

fn is_request_id(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    (1..=128).contains(&text.len()) && text.bytes().all(allowed)
}

/// Random ids. Version 4 UUIDs are random save for six bits, and in either half some of those are
/// set: the version in the first, the variant in the second. So no id is zero.
fn fresh() -> Fresh {
    let [_, _, _, _, _, _, _, _, span_id @ ..] = *Uuid::new_v4().as_bytes();
    Fresh { trace_id: *Uuid::new_v4().as_bytes(), span_id }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_is_known_by_what_it_cannot_choose() {
        for (connected, forwarded, trusted, client) in [
            (Some("203.0.113.9:4711"), None, false, "203.0.113.9"),
            (Some("203.0.113.9:4712"), Some("198.51.100.1"), false, "203.0.113.9"),
            (Some("10.0.0.1:1"), Some("192.0.2.1, 198.51.100.1"), true, "198.51.100.1"),
            (Some("10.0.0.1:1"), Some("junk"), true, "10.0.0.1"),
            (Some("10.0.0.1:1"), None, true, "10.0.0.1"),
            (Some("[2001:db8:1:2:3:4:5:6]:443"), None, false, "2001:db8:1:2::/64"),
            (Some("[::ffff:203.0.113.9]:443"), None, false, "203.0.113.9"),
            (Some("203.0.113.9"), None, false, "203.0.113.9"),
            (Some("somewhere"), None, false, "unknown"),
            (None, Some("198.51.100.1"), false, "unknown"),
        ] {
            let headers = [("spin-client-addr", connected), ("x-forwarded-for", forwarded)];
            assert_eq!(incoming(&headers, b"").client(trusted), client, "{connected:?} {forwarded:?}");
        }
    }

    #[test]
    fn a_body_is_json_by_its_label_and_its_bytes() {
        let json = ("content-type", Some("Application/JSON; charset=utf-8"));
        assert_eq!(incoming(&[json], b" {} ").json().unwrap(), serde_json::json!({}));
        let code = |headers: &[_], body: &[u8]| incoming(headers, body).json().unwrap_err().code().0;
        assert_eq!(code(&[], b"{}"), "unsupported-media-type");
        assert_eq!(code(&[("content-type", Some("application/jsonp"))], b"{}"), "unsupported-media-type");
        assert_eq!(code(&[json, ("content-encoding", Some("gzip"))], b"{}"), "unsupported-encoding");
        assert_eq!(code(&[json], b""), "malformed-json");
        assert_eq!(code(&[json], &[b' '; BODY_BYTES_MAX + 1]), "body-too-large");
        assert_eq!(code(&[json], &[b'['; BODY_BYTES_MAX]), "malformed-json");
    }

    #[test]
    fn fresh_ids_are_random_and_never_zero() {
        let (one, other) = (fresh(), fresh());
        assert_ne!(one.trace_id, other.trace_id);
        assert_ne!(one.span_id, other.span_id);
        assert_ne!(one.span_id[..], one.trace_id[8..]);
        // The variant bits of RFC 9562 make both halves of an id nonzero.
        assert_eq!(one.span_id[0] >> 6, 0b10);
    }

    fn incoming(headers: &[(&str, Option<&str>)], body: &[u8]) -> Incoming {
        let mut request = http::Request::builder();
        for (name, value) in headers {
            if let Some(value) = value {
                request = request.header(*name, *value);
            }
        }
        Incoming::new(request.body(()).unwrap().into_parts().0, Body::Whole(body.to_vec()))
    }
}
