//! The id under which a request is logged, which its sender may choose and always learns.

use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue};
use axum::middleware::Next;
use axum::response::Response;
use tracing::Instrument as _;
use uuid::Uuid;

/// The header that carries it, both ways.
const HEADER: &str = "x-request-id";

/// The longest id that is taken over.
const BYTES_MAX: usize = 128;

tokio::task_local! {
    static CURRENT: String;
}

/// The id of the request that is being answered; empty outside of one.
pub fn current() -> String {
    CURRENT.try_with(Clone::clone).unwrap_or_default()
}

/// Gives a request its id, and its sender the id.
pub async fn with_id(mut request: Request, next: Next) -> Response {
    let id = given(request.headers()).unwrap_or_else(|| Uuid::new_v4().to_string());
    // Letters, digits and three signs make a header's value.
    let Ok(value) = HeaderValue::from_str(&id) else { return next.run(request).await };
    // The edge goes by the same one.
    request.headers_mut().insert(HEADER, value.clone());
    let span = tracing::info_span!("request", id = %id);
    let mut response = CURRENT.scope(id, next.run(request).instrument(span)).await;
    response.headers_mut().entry(HEADER).or_insert(value);
    response
}

/// The sender's own id, where there is one that can be logged as it is.
fn given(headers: &HeaderMap) -> Option<String> {
    let text = headers.get(HEADER)?.to_str().ok()?;
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    ((1..=BYTES_MAX).contains(&text.len()) && text.bytes().all(allowed)).then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_taken_over_if_it_can_be_logged() {
        let take = |value: &'static str| {
            given(&HeaderMap::from_iter([(HEADER.parse().unwrap(), HeaderValue::from_static(value))]))
        };
        assert_eq!(take("req-1.a_B").as_deref(), Some("req-1.a_B"));
        for odd in ["", "two words", "<script>", "a\"b"] {
            assert_eq!(take(odd), None, "{odd}");
        }
        assert_eq!(given(&HeaderMap::new()), None);
    }

    #[tokio::test]
    async fn outside_of_a_request_there_is_none() {
        assert_eq!(current(), "");
        assert_eq!(CURRENT.scope("one".into(), async { current() }).await, "one");
    }
}
