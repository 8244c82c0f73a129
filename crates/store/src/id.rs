//! Ids, phone numbers and times.

use std::fmt;
use std::str::FromStr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::Value;

/// A text that cannot be an id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an id is 1 to {ID_BYTES_MAX} bytes of letters, digits, `-`, `_`, `.` and `:`")]
pub struct ParseIdError;

/// A text that is not a phone number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a phone number is `+` and 7 to 15 digits, the first not 0, for example +34910000000")]
pub struct ParseE164Error;

/// The longest id in bytes: several times a UUID, and short enough for a URL.
const ID_BYTES_MAX: usize = 128;

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// The id's text.
            pub fn as_str(&self) -> &str {
                &self.0
            }

            /// A new id, unlike any other. Ids made later sort later, by the millisecond.
            pub fn generate(now: Timestamp) -> Self {
                Self(sortable_uuid(now))
            }
        }

        impl FromStr for $name {
            type Err = ParseIdError;

            fn from_str(text: &str) -> Result<Self, ParseIdError> {
                is_id(text).then(|| Self(text.to_owned())).ok_or(ParseIdError)
            }
        }

        impl TryFrom<String> for $name {
            type Error = ParseIdError;

            fn try_from(text: String) -> Result<Self, ParseIdError> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str(&self.0)
            }
        }

        impl From<&$name> for Value {
            fn from(id: &$name) -> Self {
                Self::Text(id.0.clone())
            }
        }
    )*};
}

ids! {
    /// A tenant: whoever answers calls with the platform.
    TenantId,
    /// An agent of a tenant.
    AgentId,
    /// A phone call, in the platform's own words; carriers have ids of their own.
    CallId,
    /// Somebody who calls a tenant.
    CustomerId,
    /// One thing remembered of a customer.
    MemoryId,
}

fn is_id(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b':');
    (1..=ID_BYTES_MAX).contains(&text.len()) && text.bytes().all(allowed)
}

pub(crate) fn sortable_uuid(now: Timestamp) -> String {
    let since = Duration::from_millis(u64::try_from(now.0).unwrap_or_default());
    let stamp = uuid::Timestamp::from_unix(uuid::NoContext, since.as_secs(), since.subsec_nanos());
    Uuid::new_v7(stamp).to_string()
}

/// A phone number in the form of ITU-T E.164: `+` and at most 15 digits.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct E164(String);

impl E164 {
    /// The number's text, with its `+`.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for E164 {
    type Err = ParseE164Error;

    fn from_str(text: &str) -> Result<Self, ParseE164Error> {
        let digits = text.strip_prefix('+').ok_or(ParseE164Error)?;
        let well_formed = (7..=15).contains(&digits.len())
            && digits.bytes().all(|byte| byte.is_ascii_digit())
            && !digits.starts_with('0');
        well_formed.then(|| Self(text.to_owned())).ok_or(ParseE164Error)
    }
}

impl TryFrom<String> for E164 {
    type Error = ParseE164Error;

    fn try_from(text: String) -> Result<Self, ParseE164Error> {
        text.parse()
    }
}

impl From<E164> for String {
    fn from(number: E164) -> Self {
        number.0
    }
}

impl From<&E164> for Value {
    fn from(number: &E164) -> Self {
        Self::Text(number.0.clone())
    }
}

/// A moment: milliseconds since the Unix epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(pub i64);

impl Timestamp {
    /// This moment by the system's clock.
    pub fn now() -> Self {
        SystemTime::now().into()
    }

    /// The moment `later` after this one.
    #[must_use]
    pub fn plus(self, later: Duration) -> Self {
        Self(self.0.saturating_add(i64::try_from(later.as_millis()).unwrap_or(i64::MAX)))
    }

    /// The moment `earlier` before this one.
    #[must_use]
    pub fn minus(self, earlier: Duration) -> Self {
        Self(self.0.saturating_sub(i64::try_from(earlier.as_millis()).unwrap_or(i64::MAX)))
    }

    /// Whole seconds since the Unix epoch; 0 for moments before it.
    pub fn as_secs(self) -> u64 {
        u64::try_from(self.0).unwrap_or_default() / 1000
    }
}

impl From<SystemTime> for Timestamp {
    fn from(time: SystemTime) -> Self {
        let millis = time.duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
        Self(i64::try_from(millis).unwrap_or(i64::MAX))
    }
}

impl From<Timestamp> for Value {
    fn from(time: Timestamp) -> Self {
        Self::Integer(time.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_phone_number_is_international_and_bare() {
        for good in ["+34910000000", "+15551230000", "+1234567", "+123456789012345"] {
            assert!(good.parse::<E164>().is_ok(), "{good}");
        }
        for bad in
            ["34910000000", "+0123456789", "+123456", "+1234567890123456", "+34 910", "", "+", "anonymous"]
        {
            assert!(bad.parse::<E164>().is_err(), "{bad}");
        }
    }

    #[test]
    fn an_id_cannot_carry_what_a_path_or_a_log_would_read_otherwise() {
        for bad in ["", "a/b", "a b", "ä", "a\n", &"x".repeat(129)] {
            assert!(bad.parse::<CallId>().is_err(), "{bad}");
        }
        assert!("CA12_-.:z".parse::<CallId>().is_ok());
    }

    #[test]
    fn ids_made_later_sort_later() {
        let early = CallId::generate(Timestamp(1_700_000_000_000));
        let late = CallId::generate(Timestamp(1_700_000_000_001));
        assert!(early < late);
        assert!(early.as_str().parse::<CallId>().is_ok());
    }
}
