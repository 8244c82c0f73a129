//! What became of a request that was not answered with success.

use std::fmt;
use std::time::Duration;

use call_state::EndReason;

/// Why a carrier did not do what was asked, by what can be known of it.
///
/// The three kinds are what a caller must tell apart: whether to give up, to try again, or to find out first. No
/// variant holds free text of the carrier's, because carriers quote numbers and addresses.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// The carrier read the request and refuses it, and would refuse it again. Nothing happened.
    #[error("the carrier refused: {refusal}")]
    Refused {
        /// What it said.
        refusal: Refusal,
    },
    /// Nothing happened, and the same request may succeed later.
    #[error("the carrier did nothing: {cause}")]
    NotDone {
        /// Why.
        cause: Cause,
        /// How long the carrier asks to wait.
        retry_after: Option<Duration>,
    },
    /// It may have happened or not.
    #[error("what the carrier did is unknown: {cause}")]
    Unknown {
        /// Why.
        cause: Cause,
    },
}

/// A carrier's refusal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The HTTP status; 0 where the request was not fit to be sent.
    pub status: u16,
    /// The carrier's own code, where it gave one.
    pub code: Option<String>,
    /// How a call ends that was refused so.
    pub reason: EndReason,
}

impl fmt::Display for Refusal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "status {}", self.status)?;
        match &self.code {
            Some(code) => write!(formatter, ", code {code}"),
            None => Ok(()),
        }
    }
}

/// Why there is no answer that says what happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Cause {
    /// No connection could be made.
    #[error("it cannot be reached")]
    Unreachable,
    /// The connection broke after the request had begun.
    #[error("the connection was lost")]
    Lost,
    /// The deadline passed.
    #[error("the deadline passed")]
    TimedOut,
    /// Too many requests.
    #[error("too many requests")]
    TooMany,
    /// It failed, with this HTTP status.
    #[error("it failed with status {0}")]
    Failed(u16),
    /// Its answer is not what it documents.
    #[error("its answer cannot be read")]
    Unreadable,
}

impl Fault {
    /// A request that is not fit to be sent; the code says why.
    pub(crate) fn unfit(code: &'static str) -> Self {
        let refusal = Refusal { status: 0, code: Some(code.to_owned()), reason: EndReason::PlatformError };
        Self::Refused { refusal }
    }

    /// Whether it shows that the carrier, or the way to it, is not well.
    #[must_use]
    pub fn is_illness(&self) -> bool {
        match self {
            Self::Refused { .. } => false,
            // A carrier that counts requests is well, and asking others less would not help it.
            Self::NotDone { cause, .. } => *cause != Cause::TooMany,
            Self::Unknown { .. } => true,
        }
    }

    /// Whether the carrier refused with this HTTP status and one of these codes; an absent code is `None`.
    pub(crate) fn is_refusal(&self, expected: u16, codes: &[Option<&str>]) -> bool {
        match self {
            Self::Refused { refusal } => {
                refusal.status == expected && codes.contains(&refusal.code.as_deref())
            }
            Self::NotDone { .. } | Self::Unknown { .. } => false,
        }
    }
}

/// Keeps what looks like a code; text that might quote a request is left out.
pub(crate) fn code_only(text: &str) -> Option<String> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte);
    let is_code = (1..=MAX_CODE).contains(&text.len()) && text.bytes().all(plain);
    is_code.then(|| text.to_owned())
}

/// Longest code that is kept.
const MAX_CODE: usize = 32;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_that_might_quote_a_request_is_no_code() {
        assert_eq!(code_only("21211").as_deref(), Some("21211"));
        assert_eq!(code_only("D38").as_deref(), Some("D38"));
        for text in ["", "+34910000000", "the number 349", &"1".repeat(33)] {
            assert_eq!(code_only(text), None, "{text}");
        }
    }

    #[test]
    fn a_refusal_and_a_full_queue_are_no_illness() {
        assert!(!Fault::unfit("x").is_illness());
        assert!(!Fault::NotDone { cause: Cause::TooMany, retry_after: None }.is_illness());
        assert!(Fault::NotDone { cause: Cause::Unreachable, retry_after: None }.is_illness());
        assert!(Fault::Unknown { cause: Cause::Failed(500) }.is_illness());
    }
}
