//! What went wrong with a vendor, in words that are safe to log.

use std::fmt;
use std::time::Duration;

use http::StatusCode;

/// A vendor's failure: who, when, what kind, and the vendor's own code for it.
///
/// It holds no free text from the vendor, because vendors quote requests, and requests hold what callers say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error {
    vendor: &'static str,
    stage: Stage,
    kind: Kind,
    code: Option<String>,
}

/// What was being done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Stage {
    /// Reading the configuration or the options.
    Configure,
    /// Reaching the vendor's host.
    Connect,
    /// Waiting for the vendor to accept the request or the socket.
    Open,
    /// Sending on an open connection.
    Send,
    /// Receiving on an open connection.
    Receive,
}

/// What kind of failure it is, by what may help.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Kind {
    /// The key is absent, wrong, or not allowed to do this. Nothing helps but another key.
    Auth,
    /// Too many requests; the vendor may say when to come back.
    RateLimited {
        /// How long the vendor asks to wait.
        retry_after: Option<Duration>,
    },
    /// The vendor refuses this request and would refuse it again.
    Rejected,
    /// The vendor cannot be reached, failed, or hung up.
    Unavailable,
    /// A deadline passed.
    Timeout,
    /// What the vendor sent is not its own protocol, or exceeds a limit.
    Protocol,
    /// Our side went away.
    Cancelled,
}

/// Longest code of a vendor that is kept.
const MAX_CODE: usize = 64;

impl Error {
    pub(crate) fn new(vendor: &'static str, stage: Stage, kind: Kind) -> Self {
        Self { vendor, stage, kind, code: None }
    }

    /// Keeps `code` if it looks like a code; text that might quote a request is left out.
    pub(crate) fn with_code(mut self, code: &str) -> Self {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.:".contains(&byte);
        if !code.is_empty() && code.len() <= MAX_CODE && code.bytes().all(plain) {
            self.code = Some(code.to_owned());
        }
        self
    }

    pub(crate) fn from_status(
        vendor: &'static str,
        stage: Stage,
        status: StatusCode,
        retry_after: Option<Duration>,
    ) -> Self {
        let kind = match status.as_u16() {
            401..=403 => Kind::Auth,
            // 498 is Groq's answer when its flexible capacity is used up.
            429 | 498 => Kind::RateLimited { retry_after },
            408 => Kind::Timeout,
            409 | 500..=599 => Kind::Unavailable,
            400..=499 => Kind::Rejected,
            _ => Kind::Protocol,
        };
        Self::new(vendor, stage, kind).with_code(status.as_str())
    }

    /// The vendor's name.
    #[must_use]
    pub fn vendor(&self) -> &'static str {
        self.vendor
    }

    /// What was being done.
    #[must_use]
    pub fn stage(&self) -> Stage {
        self.stage
    }

    /// What kind of failure it is.
    #[must_use]
    pub fn kind(&self) -> &Kind {
        &self.kind
    }

    /// The vendor's own code: an HTTP status, a WebSocket close code, or a name.
    #[must_use]
    pub fn code(&self) -> Option<&str> {
        self.code.as_deref()
    }

    /// Whether the same request may succeed later, or with another vendor.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        matches!(self.kind, Kind::RateLimited { .. } | Kind::Unavailable | Kind::Timeout)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {} while {}", self.vendor, self.kind, self.stage)?;
        match &self.code {
            Some(code) => write!(formatter, " ({code})"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Error {}

impl fmt::Display for Stage {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Configure => "reading its configuration",
            Self::Connect => "connecting",
            Self::Open => "opening the request",
            Self::Send => "sending",
            Self::Receive => "receiving",
        })
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Auth => formatter.write_str("the key was not accepted"),
            Self::RateLimited { retry_after: Some(delay) } => {
                write!(formatter, "rate limited for {:.1} s", delay.as_secs_f64())
            }
            Self::RateLimited { retry_after: None } => formatter.write_str("rate limited"),
            Self::Rejected => formatter.write_str("the request was refused"),
            Self::Unavailable => formatter.write_str("unavailable"),
            Self::Timeout => formatter.write_str("deadline passed"),
            Self::Protocol => formatter.write_str("unexpected answer"),
            Self::Cancelled => formatter.write_str("cancelled"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_that_might_quote_a_request_is_not_kept_as_a_code() {
        let error = || Error::new("test", Stage::Open, Kind::Rejected);
        assert_eq!(error().with_code("INVALID_AUTH").code(), Some("INVALID_AUTH"));
        assert_eq!(error().with_code("my card number is 4111").code(), None);
        assert_eq!(error().with_code(&"x".repeat(65)).code(), None);
    }

    #[test]
    fn statuses_map_to_what_may_help() {
        let kind = |status| {
            Error::from_status("test", Stage::Open, StatusCode::from_u16(status).unwrap(), None)
                .kind()
                .clone()
        };
        assert_eq!(kind(401), Kind::Auth);
        assert_eq!(kind(429), Kind::RateLimited { retry_after: None });
        assert_eq!(kind(503), Kind::Unavailable);
        assert_eq!(kind(400), Kind::Rejected);
        assert_eq!(kind(302), Kind::Protocol);
    }

    #[test]
    fn the_message_says_who_what_and_when() {
        let error = Error::from_status("deepgram", Stage::Open, StatusCode::UNAUTHORIZED, None);
        assert_eq!(error.to_string(), "deepgram: the key was not accepted while opening the request (401)");
    }
}
