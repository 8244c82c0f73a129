//! W3C Trace Context: which trace a request belongs to, and how it goes on.
//!
//! A request that names its trace in `traceparent` is served as a span of that trace; any other
//! begins a trace of its own. Requests that serve it in turn get [`Trace::traceparent`] and
//! [`Trace::tracestate`]. Both headers are read as strictly as the recommendation is written, since
//! whoever calls decides what they hold: what is malformed is as good as absent.
//!
//! ```
//! use trace_context::{Fresh, Trace};
//!
//! let fresh = Fresh { trace_id: [7; 16], span_id: [9; 8] };
//! let given = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
//! let trace = Trace::of([given.as_bytes()], [], fresh);
//! assert_eq!(trace.trace_id().to_string(), "0af7651916cd43dd8448eb211c80319c");
//! assert_eq!(trace.traceparent(), "00-0af7651916cd43dd8448eb211c80319c-0909090909090909-01");
//! ```

mod parent;
mod state;

use std::fmt;

use parent::Parent;
use state::State;

/// The name of the header that holds trace and span.
pub const TRACEPARENT: &str = "traceparent";

/// The name of the header that holds what tracing systems add.
pub const TRACESTATE: &str = "tracestate";

/// A trace: all that is done for one request from outside, wherever it is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TraceId([u8; 16]);

/// A span: the part of a trace that one party does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SpanId([u8; 8]);

impl fmt::Display for TraceId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        hex(&self.0, formatter)
    }
}

impl fmt::Display for SpanId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        hex(&self.0, formatter)
    }
}

fn hex(bytes: &[u8], formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
    bytes.iter().try_for_each(|byte| write!(formatter, "{byte:02x}"))
}

/// Random bytes that become ids, none of them all zero: zero ids are invalid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fresh {
    /// For a trace that begins here.
    pub trace_id: [u8; 16],
    /// For our own span.
    pub span_id: [u8; 8],
}

/// Our span of a trace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trace {
    trace_id: TraceId,
    parent_id: Option<SpanId>,
    span_id: SpanId,
    sampled: bool,
    state: State,
}

impl Trace {
    /// Goes on with the trace that the values of a request's `traceparent` and `tracestate` headers
    /// name, or begins one, sampled, where they name none: there must be exactly one `traceparent`.
    pub fn of<'a>(
        traceparent: impl IntoIterator<Item = &'a [u8]>,
        tracestate: impl IntoIterator<Item = &'a [u8]>,
        fresh: Fresh,
    ) -> Self {
        let span_id = SpanId(fresh.span_id);
        match Parent::parse(traceparent) {
            Some(Parent { trace_id, parent_id, sampled }) => {
                let state = State::parse(tracestate).unwrap_or_default();
                Self { trace_id, parent_id: Some(parent_id), span_id, sampled, state }
            }
            None => Self {
                trace_id: TraceId(fresh.trace_id),
                parent_id: None,
                span_id,
                sampled: true,
                state: State::default(),
            },
        }
    }

    /// The trace.
    pub fn trace_id(&self) -> TraceId {
        self.trace_id
    }

    /// The span that caused ours; `None` where the trace begins here.
    pub fn parent_id(&self) -> Option<SpanId> {
        self.parent_id
    }

    /// Our span.
    pub fn span_id(&self) -> SpanId {
        self.span_id
    }

    /// Whether those before us may have recorded the trace.
    pub fn is_sampled(&self) -> bool {
        self.sampled
    }

    /// The `traceparent` of a request that serves ours, of version 00, with our span as the parent.
    /// Flags that this version does not know are not passed on.
    pub fn traceparent(&self) -> String {
        format!("00-{}-{}-{:02x}", self.trace_id, self.span_id, u8::from(self.sampled))
    }

    /// The `tracestate` of a request that serves ours, as we got it; `None` where there is nothing
    /// to pass on.
    pub fn tracestate(&self) -> Option<String> {
        self.state.to_text()
    }
}

#[cfg(test)]
mod tests;
