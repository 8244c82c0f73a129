//! `traceparent`: the trace and the span that a request comes from.

use crate::{SpanId, TraceId};

/// What a valid header says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Parent {
    /// The trace.
    pub(crate) trace_id: TraceId,
    /// The span that sent the request.
    pub(crate) parent_id: SpanId,
    /// Whether it may have recorded the trace.
    pub(crate) sampled: bool,
}

impl Parent {
    /// Reads the values of all `traceparent` headers. `None` unless there is one, and it is valid
    /// (W3C Trace Context, section 3.2).
    pub(crate) fn parse<'a>(values: impl IntoIterator<Item = &'a [u8]>) -> Option<Self> {
        let mut values = values.into_iter();
        let (Some(value), None) = (values.next(), values.next()) else { return None };
        let text = std::str::from_utf8(value).ok()?.trim_matches([' ', '\t']);
        let mut fields = text.splitn(5, '-');
        let mut field = || fields.next();
        let [version] = unhex::<1>(field()?)?;
        let trace_id = unhex(field()?)?;
        let parent_id = unhex(field()?)?;
        let [flags] = unhex::<1>(field()?)?;
        let has_more = field().is_some();
        // Later versions may only add to the end; we read what we know of them.
        let valid = version != VERSION_INVALID && !(version == VERSION && has_more);
        let nonzero = trace_id != [0; 16] && parent_id != [0; 8];
        let parent = Self {
            trace_id: TraceId(trace_id),
            parent_id: SpanId(parent_id),
            sampled: flags & FLAG_SAMPLED != 0,
        };
        (valid && nonzero).then_some(parent)
    }
}

/// The version that the recommendation describes.
const VERSION: u8 = 0;

/// The one version that is never valid.
const VERSION_INVALID: u8 = 0xff;

/// The flag that says that the trace may have been recorded.
const FLAG_SAMPLED: u8 = 1;

/// Exactly `N` bytes in lower-case hex.
fn unhex<const N: usize>(text: &str) -> Option<[u8; N]> {
    if text.len() != 2 * N {
        return None;
    }
    let mut bytes = [0; N];
    let mut digits = text.bytes().map(digit);
    for byte in &mut bytes {
        *byte = digits.next()?? << 4 | digits.next()??;
    }
    Some(bytes)
}

fn digit(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    }
}
