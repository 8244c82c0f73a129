//! Which trace a request belongs to: W3C Trace Context, <https://www.w3.org/TR/trace-context/>.

use uuid::Uuid;

/// A request's place in a trace: the sender's, or a new one where it sent none that can be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trace {
    trace_id: String,
    span_id: String,
    sampled: bool,
}

impl Trace {
    /// The trace that these header fields continue. Who sends `traceparent` twice is not continued: which of them is
    /// true cannot be known.
    pub(crate) fn of(headers: &[(String, String)]) -> Self {
        let mut given = headers.iter().filter(|(name, _)| name.eq_ignore_ascii_case(TRACEPARENT));
        let parent = match (given.next(), given.next()) {
            (Some((_, value)), None) => parent(value),
            _ => None,
        };
        let (trace_id, sampled) = match parent {
            Some((trace_id, sampled)) => (trace_id.to_owned(), sampled),
            None => (Uuid::new_v4().simple().to_string(), true),
        };
        Self { trace_id, span_id: new_span_id(), sampled }
    }

    /// The trace, 32 hex digits.
    pub fn trace_id(&self) -> &str {
        &self.trace_id
    }

    /// Our part of it, 16 hex digits.
    pub fn span_id(&self) -> &str {
        &self.span_id
    }

    /// What a request that we send on behalf of this one carries.
    pub fn traceparent(&self) -> String {
        format!("00-{}-{}-{:02x}", self.trace_id, self.span_id, u8::from(self.sampled))
    }
}

/// The name of the header.
pub(crate) const TRACEPARENT: &str = "traceparent";

/// `version-trace-parent-flags` in lower-case hex digits: the length of what every version begins with.
const KNOWN_BYTES: usize = 55;

/// The trace's id and whether it is sampled.
fn parent(value: &str) -> Option<(&str, bool)> {
    let value = value.trim_matches([' ', '\t']);
    let known = value.get(..KNOWN_BYTES)?;
    let rest = value.get(KNOWN_BYTES..)?;
    let mut parts = known.split('-');
    let (version, trace_id) = (hex(parts.next()?, 2)?, hex(parts.next()?, 32)?);
    let (span_id, flags) = (hex(parts.next()?, 16)?, hex(parts.next()?, 2)?);
    // Later versions may go on after a dash; this one may not.
    let ends = rest.is_empty() || (version != "00" && rest.starts_with('-'));
    if parts.next().is_some() || version == "ff" || !ends || is_zero(trace_id) || is_zero(span_id) {
        return None;
    }
    let flags = u8::from_str_radix(flags, 16).ok()?;
    Some((trace_id, flags & 1 == 1))
}

fn hex(text: &str, digits: usize) -> Option<&str> {
    let lower = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    (text.len() == digits && text.bytes().all(lower)).then_some(text)
}

fn is_zero(text: &str) -> bool {
    text.bytes().all(|byte| byte == b'0')
}

/// Never all zeros: the half of the UUID that it is made of holds the variant.
fn new_span_id() -> String {
    let (_, half) = Uuid::new_v4().as_u64_pair();
    format!("{half:016x}")
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
    const GIVEN: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    #[test]
    fn a_trace_is_continued_with_a_span_of_our_own() {
        for (name, value) in [
            ("traceparent", GIVEN.to_owned()),
            ("TraceParent", format!(" \t{GIVEN} ")),
            ("traceparent", later()),
        ] {
            let trace = of(&[(name, &value)]);
            assert_eq!(trace.trace_id(), TRACE, "{value}");
            assert_ne!(trace.span_id(), "b7ad6b7169203331");
            assert_eq!(trace.traceparent(), format!("00-{TRACE}-{}-01", trace.span_id()));
        }
        let unsampled = of(&[("traceparent", &GIVEN.replace("-01", "-02"))]);
        assert!(unsampled.traceparent().ends_with("-00"), "{unsampled:?}");
    }

    #[test]
    fn what_breaks_the_rules_begins_a_new_trace() {
        let zeros = "0".repeat(32);
        for value in [
            String::new(),
            GIVEN.to_uppercase(),
            GIVEN.replacen("00-", "ff-", 1),
            GIVEN.replace(TRACE, &zeros),
            GIVEN.replace("b7ad6b7169203331", "0000000000000000"),
            format!("{GIVEN}-more"),
            later().replace("-more", ".more"),
            GIVEN.replace('-', "_"),
            GIVEN.replacen("00-", "0-0", 1),
            "é".repeat(40),
        ] {
            let trace = of(&[("traceparent", &value)]);
            assert_ne!(trace.trace_id(), TRACE, "{value}");
            assert_eq!(parent(&trace.traceparent()), Some((trace.trace_id(), true)), "{value}");
        }
        assert_ne!(of(&[("traceparent", GIVEN), ("traceparent", GIVEN)]).trace_id(), TRACE);
        assert_ne!(of(&[("trace-parent", GIVEN)]).trace_id(), TRACE);
    }

    fn later() -> String {
        format!("{}-more", GIVEN.replacen("00-", "cc-", 1))
    }

    fn of(headers: &[(&str, &str)]) -> Trace {
        let headers: Vec<_> =
            headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Trace::of(&headers)
    }
}
