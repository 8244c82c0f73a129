//! Tells the host that there is something to do, so that it need not wait to find out.

use http::header::AUTHORIZATION;
use http::{Method, Request};
use trace_context::{TRACEPARENT, TRACESTATE};

use crate::incoming::{Incoming, REQUEST_ID};
use crate::settings::Host;

/// The request that wakes the host, as part of the trace of `cause`. `None` where the configured
/// URL is none.
pub(crate) fn request(host: &Host, cause: &Incoming) -> Option<Request<String>> {
    let mut request = Request::builder()
        .method(Method::POST)
        .uri(format!("{}/internal/v1/wake", host.url))
        .header(AUTHORIZATION, format!("Bearer {}", host.secret))
        .header(REQUEST_ID, cause.request_id())
        .header(TRACEPARENT, cause.trace().traceparent());
    if let Some(state) = cause.trace().tracestate() {
        request = request.header(TRACESTATE, state);
    }
    request.body(String::new()).ok()
}
