//! Bodies of JSON, read whole.

use axum::body::HttpBody as _;
use axum::extract::Request;
use axum::http::{HeaderMap, header};
use serde::de::DeserializeOwned;
use serde_json::error::Category;

use super::Refused;
use crate::serve::BODY_TIMEOUT;

/// The largest body: a tool's arguments have at most 64 KiB.
const MAX_BODY_BYTES: usize = 96 << 10;

/// Reads the JSON of a request's body.
///
/// # Errors
/// When it is late, too large, declared as something else, no JSON, or not what is expected.
pub async fn read<T: DeserializeOwned>(request: Request) -> Result<T, Refused> {
    let (head, body) = request.into_parts();
    if !head.headers.contains_key(header::CONTENT_TYPE) && body.is_end_stream() {
        // What is not there needs no type: it is told which members it lacks, if any.
        return parse(b"{}");
    }
    is(&head.headers, "application/json")?;
    let read = tokio::time::timeout(BODY_TIMEOUT, axum::body::to_bytes(body, MAX_BODY_BYTES));
    let body = match read.await {
        Ok(Ok(body)) => body,
        Ok(Err(_)) => return Err(Refused::BodyTooLarge(MAX_BODY_BYTES)),
        Err(_) => return Err(Refused::BodyTooSlow(BODY_TIMEOUT)),
    };
    parse(&body)
}

fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, Refused> {
    serde_json::from_slice(body).map_err(|error| match error.classify() {
        Category::Data => Refused::Invalid(error.to_string()),
        Category::Syntax | Category::Eof | Category::Io => Refused::MalformedJson(error.to_string()),
    })
}

/// Whether a body is of this type, and not compressed.
///
/// # Errors
/// When it is declared otherwise.
pub fn is(headers: &HeaderMap, media_type: &'static str) -> Result<(), Refused> {
    let mut given = headers.get_all(header::CONTENT_TYPE).iter();
    let (Some(value), None) = (given.next(), given.next()) else {
        return Err(Refused::MediaType(media_type));
    };
    let essence = value.to_str().unwrap_or_default().split(';').next().unwrap_or_default().trim();
    if !essence.eq_ignore_ascii_case(media_type) {
        return Err(Refused::MediaType(media_type));
    }
    if headers.get_all(header::CONTENT_ENCODING).iter().any(|value| value != "identity") {
        return Err(Refused::Encoding);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Share {
        share: u32,
    }

    async fn code(headers: &[(&str, &str)], body: impl Into<Body>) -> &'static str {
        let mut request = Request::new(body.into());
        for (name, value) in headers {
            let name: axum::http::HeaderName = name.parse().unwrap();
            request.headers_mut().append(name, value.parse().unwrap());
        }
        match read::<Share>(request).await {
            Ok(Share { share: 5 }) => "five",
            Ok(_) => "another",
            Err(refused) => refused.code().0,
        }
    }

    #[tokio::test]
    async fn a_body_is_json_by_its_label_and_its_bytes() {
        let json = ("content-type", "Application/JSON; charset=utf-8");
        assert_eq!(code(&[json], r#"{"share":5}"#).await, "five");
        assert_eq!(code(&[], r#"{"share":5}"#).await, "unsupported-media-type");
        assert_eq!(code(&[], "").await, "invalid-request", "only `share` is missing");
        assert_eq!(code(&[json, ("content-encoding", "gzip")], "{}").await, "unsupported-encoding");
        assert_eq!(code(&[json], "").await, "malformed-json");
        assert_eq!(code(&[json], "{").await, "malformed-json");
        for odd in [r#"{"share":"5"}"#, r#"{"shares":5}"#, r#"{"share":5,"share":6}"#, "{}"] {
            assert_eq!(code(&[json], odd).await, "invalid-request", "{odd}");
        }
        assert_eq!(code(&[json], vec![b' '; MAX_BODY_BYTES + 1]).await, "body-too-large");
    }
}
