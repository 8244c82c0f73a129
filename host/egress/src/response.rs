//! What a tool is told of a response.

use http::header::CONNECTION;
use http::{HeaderMap, HeaderName, StatusCode};
use http_body_util::BodyExt;
use hyper::body::{Body, Incoming};

use crate::exchange::failure;
use crate::limits::Limits;
use crate::prepare::{is_cookie, is_owned};
use crate::secret::Mask;
use crate::send::Error;

/// A response, whatever its status. Redirects are responses like others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    /// The status, 200 to 599.
    pub status: u16,
    /// Header fields in arrival order, those of one name together, without cookies and what concerns the connection only.
    pub headers: Vec<(String, String)>,
    /// The body, as it came.
    pub body: Vec<u8>,
}

pub(crate) async fn read(
    response: http::Response<Incoming>,
    mask: &Mask,
    limits: &Limits,
) -> Result<Response, Error> {
    let (head, body) = response.into_parts();
    let status = match head.status {
        StatusCode::SWITCHING_PROTOCOLS => return Err(malformed("the host switches protocols")),
        status if (200..600).contains(&status.as_u16()) => status.as_u16(),
        _ => return Err(malformed("the status is not one of HTTP")),
    };
    let headers = headers(&head.headers, mask, limits)?;
    let body = read_body(body, limits.body_bytes).await?;
    Ok(Response { status, headers, body: mask.apply(body) })
}

fn malformed(why: &str) -> Error {
    Error::Failed(format!("reading the response: {why}"))
}

fn headers(map: &HeaderMap, mask: &Mask, limits: &Limits) -> Result<Vec<(String, String)>, Error> {
    let bytes: usize = map.iter().map(|(name, value)| name.as_str().len().saturating_add(value.len())).sum();
    if map.len() > limits.headers || bytes > limits.head_bytes {
        return Err(Error::TooLarge);
    }
    let kept = map.iter().filter(|(name, _)| !is_for_us(name, map));
    // A value that is no text cannot be told to a tool as text.
    Ok(kept
        .filter_map(|(name, value)| {
            let value = String::from_utf8(mask.apply(value.as_bytes().to_vec())).ok()?;
            Some((name.as_str().to_owned(), value))
        })
        .collect())
}

/// Cookies, fields of the connection, and those that the response says are (RFC 9110, section 7.6.1). A body's length is
/// known from the body.
fn is_for_us(name: &HeaderName, map: &HeaderMap) -> bool {
    let listed = || {
        map.get_all(CONNECTION)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(','))
            .any(|option| option.trim().eq_ignore_ascii_case(name.as_str()))
    };
    is_owned(name) || is_cookie(name) || name.as_str() == "alt-svc" || listed()
}

async fn read_body(mut body: Incoming, most: usize) -> Result<Vec<u8>, Error> {
    let announced = body.size_hint().lower();
    if usize::try_from(announced).map_or(true, |announced| announced > most) {
        return Err(Error::TooLarge);
    }
    let mut kept = Vec::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| failure("reading the response", &error))?;
        // Trailers are not told to the tool.
        let Ok(data) = frame.into_data() else { continue };
        if data.len() > most.saturating_sub(kept.len()) {
            return Err(Error::TooLarge);
        }
        kept.extend_from_slice(&data);
    }
    Ok(kept)
}
