//! The JSON object that every command is, and the limits that its values keep to.

use std::time::Duration;

use serde_json::{Map, Value};

/// Why a command cannot be built. It names the field, never its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field} must be {needs}")]
pub struct OutOfLimits {
    /// The field, as Telnyx calls it.
    pub field: &'static str,
    /// What it must be.
    pub needs: &'static str,
}

/// An object under construction; setting a field again replaces it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Body(Map<String, Value>);

impl Body {
    pub(crate) fn with(mut self, field: &str, value: impl Into<Value>) -> Self {
        self.0.insert(field.to_owned(), value.into());
        self
    }

    pub(crate) fn merged(mut self, other: Self) -> Self {
        self.0.extend(other.0);
        self
    }

    pub(crate) fn into_value(self) -> Value {
        Value::Object(self.0)
    }
}

/// Whole seconds, rounded up so that a short wait never becomes none, if they are among `least` to `most`.
pub(crate) fn seconds(
    field: &'static str,
    duration: Duration,
    (least, most): (u64, u64),
    needs: &'static str,
) -> Result<u64, OutOfLimits> {
    let seconds = duration.as_secs().saturating_add(u64::from(duration.subsec_nanos() > 0));
    if (least..=most).contains(&seconds) { Ok(seconds) } else { Err(OutOfLimits { field, needs }) }
}

/// How long a destination may ring.
pub(crate) fn ring(duration: Duration) -> Result<u64, OutOfLimits> {
    seconds("timeout_secs", duration, (5, 600), "5 to 600 seconds")
}

/// How long an answered leg may last; Telnyx ends every leg after four hours.
pub(crate) fn time_limit(duration: Duration) -> Result<u64, OutOfLimits> {
    seconds("time_limit_secs", duration, (1, 14_400), "1 to 14400 seconds")
}

/// A number or a SIP address to ring. A comma would make what follows it keys to press once it was answered, and a
/// semicolon is allowed in a SIP address only, where it begins a parameter.
pub(crate) fn destination(to: &str) -> Result<&str, OutOfLimits> {
    const LONGEST: usize = 256;
    let number = to.strip_prefix('+').is_some_and(|digits| {
        (2..=15).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit())
    });
    let address = to.strip_prefix("sips:").or_else(|| to.strip_prefix("sip:"));
    let sip = to.len() <= LONGEST
        && address.is_some_and(|address| {
            !address.is_empty() && address.bytes().all(|byte| byte.is_ascii_graphic() && byte != b',')
        });
    if number || sip {
        Ok(to)
    } else {
        Err(OutOfLimits { field: "to", needs: "a number in E.164 or a SIP address without a comma" })
    }
}

/// A field that Telnyx requires.
pub(crate) fn present<'a>(field: &'static str, text: &'a str) -> Result<&'a str, OutOfLimits> {
    if text.trim().is_empty() { Err(OutOfLimits { field, needs: "given" }) } else { Ok(text) }
}

/// A web address that Telnyx can call back.
pub(crate) fn web_url(field: &'static str, url: String) -> Result<String, OutOfLimits> {
    if url.starts_with("https://") || url.starts_with("http://") {
        Ok(url)
    } else {
        Err(OutOfLimits { field, needs: "a URL that begins with https:// or http://" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_destination_is_a_number_or_an_address_and_presses_no_keys() {
        for to in ["+34910000001", "+15551230000", "sip:desk@example.com", "sips:a@b;secure=srtp"] {
            assert_eq!(destination(to), Ok(to));
        }
        for to in [
            "",
            "34910000001",
            "+",
            "+1",
            "+1555123000012345",
            "+15551230000,200",
            "sip:",
            "sip:a b",
            "sip:a@b,1",
            "+1555x",
        ] {
            assert_eq!(destination(to).unwrap_err().field, "to", "{to}");
        }
    }

    #[test]
    fn seconds_are_rounded_up_and_never_to_more_than_allowed() {
        assert_eq!(ring(Duration::from_millis(4_001)), Ok(5));
        assert_eq!(ring(Duration::from_secs(600)), Ok(600));
        assert!(ring(Duration::from_secs(4)).is_err());
        assert!(ring(Duration::from_millis(600_001)).is_err());
        assert!(time_limit(Duration::ZERO).is_err() && time_limit(Duration::MAX).is_err());
        assert_eq!(time_limit(Duration::from_secs(14_400)), Ok(14_400));
    }
}
