//! Which trace a request belongs to: the sender's, or a new one where it names none that can be used.

use http::{HeaderMap, HeaderValue};
use trace_context::{Fresh, TRACEPARENT, TRACESTATE, Trace};
use uuid::Uuid;

/// Our span of the trace that these header fields name.
pub(crate) fn of(headers: &HeaderMap) -> Trace {
    let values = |name| headers.get_all(name).iter().map(HeaderValue::as_bytes);
    Trace::of(values(TRACEPARENT), values(TRACESTATE), fresh())
}

/// Never all zeros: a UUID holds its version in one half and its variant in the other.
fn fresh() -> Fresh {
    let (_, half) = Uuid::new_v4().as_u64_pair();
    Fresh { trace_id: *Uuid::new_v4().as_bytes(), span_id: half.to_be_bytes() }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GIVEN: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    #[test]
    fn a_trace_goes_on_in_a_span_of_our_own_unless_two_are_named() {
        let mut headers = HeaderMap::new();
        headers.append(TRACEPARENT, HeaderValue::from_static(GIVEN));
        headers.append(TRACESTATE, HeaderValue::from_static("vendor=1"));
        let trace = of(&headers);
        assert_eq!(trace.trace_id().to_string(), "0af7651916cd43dd8448eb211c80319c");
        assert_ne!(trace.span_id().to_string(), "b7ad6b7169203331");
        assert_eq!(trace.tracestate().as_deref(), Some("vendor=1"));
        headers.append(TRACEPARENT, HeaderValue::from_static(GIVEN));
        assert_ne!(of(&headers).trace_id(), trace.trace_id());
    }

    #[test]
    fn what_is_made_up_is_never_the_same() {
        let (one, other) = (of(&HeaderMap::new()), of(&HeaderMap::new()));
        assert_ne!(one.trace_id(), other.trace_id());
        assert_ne!(one.span_id(), other.span_id());
    }
}
