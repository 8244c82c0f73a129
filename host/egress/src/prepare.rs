//! From what a tool asked for to what is sent.

use bytes::Bytes;
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::uri::PathAndQuery;
use http::{Method, Uri};
use http_body_util::Full;

use crate::host::Host;
use crate::limits::Limits;
use crate::policy::Policy;
use crate::secret::{Mask, fill};
use crate::send::Error;

/// Fields that concern one connection (RFC 9110, section 7.6.1), or how a message is framed. The host writes what is needed
/// of them; a tool's are dropped, because its libraries add them unasked.
const OWNED: [&str; 13] = [
    "connection",
    "content-length",
    "expect",
    "host",
    "http2-settings",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// What a tool asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Request {
    /// `GET`, `POST`, `PUT`, `PATCH` or `DELETE`.
    pub method: String,
    /// An absolute `https` URL.
    pub url: String,
    /// Header fields. In their values `{{secret:name}}` stands for a secret.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

/// A request that may be sent, once its host's addresses are known and found public.
pub(crate) struct Prepared {
    pub(crate) host: Host,
    pub(crate) request: http::Request<Full<Bytes>>,
    pub(crate) mask: Mask,
    /// About what it takes on the wire.
    pub(crate) bytes: u64,
}

pub(crate) fn prepare(request: Request, policy: &Policy, limits: &Limits) -> Result<Prepared, Error> {
    let (host, path) = target(&request.url, policy, limits)?;
    let method = method(&request.method)?;
    if request.body.len() > limits.body_bytes {
        return Err(Error::Invalid(format!("a body may have {} bytes", limits.body_bytes)));
    }
    let headers = headers(&request.headers, &host, policy, limits)?;
    let head_bytes = path.as_str().len().saturating_add(size(&headers));
    let bytes = head_bytes.saturating_add(request.body.len());
    let mut prepared = http::Request::new(Full::new(Bytes::from(request.body)));
    *prepared.method_mut() = method;
    *prepared.uri_mut() = Uri::from(path);
    *prepared.headers_mut() = headers;
    let mask = Mask::new(policy.secrets(), &host);
    Ok(Prepared { host, request: prepared, mask, bytes: bytes.try_into().unwrap_or(u64::MAX) })
}

pub(crate) fn is_owned(name: &HeaderName) -> bool {
    OWNED.contains(&name.as_str())
}

pub(crate) fn is_cookie(name: &HeaderName) -> bool {
    matches!(name.as_str(), "cookie" | "cookie2" | "set-cookie" | "set-cookie2")
}

/// The declared host and what to ask of it. The host is compared as text and nothing of the URL is decoded, so no second
/// parser can find another host in it.
fn target(url: &str, policy: &Policy, limits: &Limits) -> Result<(Host, PathAndQuery), Error> {
    let invalid = |why: &str| Error::Invalid(why.to_owned());
    if url.len() > limits.url_bytes {
        return Err(Error::Invalid(format!("a URL may have {} bytes", limits.url_bytes)));
    }
    if !url.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\') {
        return Err(invalid("a URL is printable ASCII without spaces and backslashes; encode the rest"));
    }
    let rest = url.strip_prefix("https://").ok_or_else(|| invalid("a URL begins with `https://`"))?;
    let (authority, tail) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    if authority.contains('@') {
        return Err(invalid("a URL has no user and no password; use a header field"));
    }
    let host = Host::parse(authority).map_err(|why| Error::Denied(format!("the URL's host: {why}")))?;
    if !policy.allows(&host) {
        return Err(Error::Denied(format!("the host `{host}` is not declared")));
    }
    let tail = tail.split('#').next().unwrap_or_default();
    let path = match tail.starts_with('/') {
        true => tail.to_owned(),
        false => format!("/{tail}"),
    };
    let path = PathAndQuery::try_from(path).map_err(|_| invalid("the URL's path or query is malformed"))?;
    Ok((host, path))
}

fn method(text: &str) -> Result<Method, Error> {
    match text {
        "GET" => Ok(Method::GET),
        "POST" => Ok(Method::POST),
        "PUT" => Ok(Method::PUT),
        "PATCH" => Ok(Method::PATCH),
        "DELETE" => Ok(Method::DELETE),
        _ => Err(Error::Invalid("a method is GET, POST, PUT, PATCH or DELETE".to_owned())),
    }
}

fn headers(
    given: &[(String, String)],
    host: &Host,
    policy: &Policy,
    limits: &Limits,
) -> Result<HeaderMap, Error> {
    let too_large = || {
        let Limits { headers, head_bytes, .. } = limits;
        Error::Invalid(format!("a request may have {headers} header fields of {head_bytes} bytes in all"))
    };
    if given.len() > limits.headers {
        return Err(too_large());
    }
    let mut headers = HeaderMap::new();
    let authority = HeaderValue::try_from(host.to_string())
        .map_err(|_| Error::Invalid("the host is no header field's value".to_owned()))?;
    headers.insert(header::HOST, authority);
    headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
    let mut bytes = 0usize;
    for (name, value) in given {
        bytes = bytes.saturating_add(name.len()).saturating_add(value.len());
        if bytes > limits.head_bytes {
            return Err(too_large());
        }
        let name = HeaderName::from_bytes(name.as_bytes())
            .map_err(|_| Error::Invalid("a header field's name is letters, digits and hyphens".to_owned()))?;
        // A malformed value is an error also where the field is dropped: it is an attempt at something.
        let value = fill(value, policy.secrets(), host)?;
        if is_cookie(&name) {
            return Err(Error::Invalid("cookies are not sent".to_owned()));
        }
        if !is_owned(&name) {
            headers.append(name, value);
        }
    }
    match size(&headers) > limits.head_bytes {
        true => Err(too_large()),
        false => Ok(headers),
    }
}

fn size(headers: &HeaderMap) -> usize {
    headers
        .iter()
        .map(|(name, value)| name.as_str().len().saturating_add(value.len()).saturating_add(4))
        .sum()
}
