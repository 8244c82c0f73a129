//! When to try again, and after how long.

use std::time::{Duration, SystemTime};

use http::{HeaderMap, StatusCode};

/// How often, and after how long, a request is tried again before its first byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retry {
    /// Tries after the first one.
    pub attempts: u32,
    /// Delay before the first retry; it doubles with each.
    pub base: Duration,
    /// Longest delay. A vendor that asks for more gets no retry: a caller is waiting.
    pub longest: Duration,
}

impl Default for Retry {
    fn default() -> Self {
        Self { attempts: 2, base: Duration::from_millis(200), longest: Duration::from_secs(2) }
    }
}

impl Retry {
    /// The delay before retry number `retry` (from 0), or nothing when it should not happen.
    ///
    /// `asked` is the vendor's wish; `jitter`, 0 to 1, spreads many clients over half to all of the delay.
    pub(super) fn delay(&self, retry: u32, asked: Option<Duration>, jitter: f64) -> Option<Duration> {
        if retry >= self.attempts {
            return None;
        }
        match asked {
            Some(asked) => (asked <= self.longest).then_some(asked),
            None => {
                let full = self.base.saturating_mul(1 << retry.min(16)).min(self.longest);
                Some(full.mul_f64(0.5 + jitter.clamp(0.0, 1.0) / 2.0))
            }
        }
    }
}

/// Whether a refused request may be tried again: the vendor's word, else the status.
pub(super) fn may_retry(status: StatusCode, headers: &HeaderMap) -> bool {
    match header(headers, "x-should-retry") {
        Some("true") => true,
        Some("false") => false,
        _ => matches!(status.as_u16(), 408 | 409 | 429 | 500..=599),
    }
}

/// How long the vendor asks to wait: `retry-after-ms`, else `retry-after` as seconds or as a date.
pub(super) fn retry_after(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let number = |text: &str| text.trim().parse::<f64>().ok();
    if let Some(milliseconds) = header(headers, "retry-after-ms").and_then(number) {
        return Duration::try_from_secs_f64(milliseconds / 1_000.0).ok();
    }
    let text = header(headers, "retry-after")?;
    if let Some(seconds) = number(text) {
        return Duration::try_from_secs_f64(seconds).ok();
    }
    let at = jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(text).ok()?;
    Some(SystemTime::from(at).duration_since(now).unwrap_or_default())
}

/// A number between 0 and 1 that differs between processes and calls. Spreading load is all it is for.
pub(super) fn jitter() -> f64 {
    f64::from(uuid::Uuid::new_v4().as_fields().0) / f64::from(u32::MAX)
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const RETRY: Retry =
        Retry { attempts: 2, base: Duration::from_millis(200), longest: Duration::from_secs(2) };

    #[test]
    fn delays_double_spread_and_end() {
        assert_eq!(RETRY.delay(0, None, 1.0), Some(Duration::from_millis(200)));
        assert_eq!(RETRY.delay(0, None, 0.0), Some(Duration::from_millis(100)));
        assert_eq!(RETRY.delay(1, None, 1.0), Some(Duration::from_millis(400)));
        assert_eq!(RETRY.delay(2, None, 1.0), None);
    }

    #[test]
    fn the_vendors_wish_is_honoured_unless_a_caller_would_wait_too_long() {
        assert_eq!(RETRY.delay(0, Some(Duration::from_secs(1)), 0.0), Some(Duration::from_secs(1)));
        assert_eq!(RETRY.delay(0, Some(Duration::from_secs(30)), 0.0), None);
    }

    #[test]
    fn retry_after_is_read_as_milliseconds_seconds_and_date() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_445_412_470);
        let read = |name: &'static str, value: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(name, value.parse().unwrap());
            retry_after(&headers, now)
        };
        assert_eq!(read("retry-after-ms", "1500"), Some(Duration::from_millis(1_500)));
        assert_eq!(read("retry-after", "2"), Some(Duration::from_secs(2)));
        assert_eq!(read("retry-after", "Wed, 21 Oct 2015 07:28:00 GMT"), Some(Duration::from_secs(10)));
        assert_eq!(read("retry-after", "Wed, 21 Oct 2015 07:27:00 GMT"), Some(Duration::ZERO));
        assert_eq!(read("retry-after", "-1"), None);
        assert_eq!(read("retry-after", "soon"), None);
    }

    #[test]
    fn only_transient_statuses_are_tried_again_unless_the_vendor_says_otherwise() {
        let plain = HeaderMap::new();
        for status in [408, 409, 429, 500, 503, 529] {
            assert!(may_retry(StatusCode::from_u16(status).unwrap(), &plain), "{status}");
        }
        for status in [301, 400, 401, 404, 422] {
            assert!(!may_retry(StatusCode::from_u16(status).unwrap(), &plain), "{status}");
        }
        let mut headers = HeaderMap::new();
        headers.insert("x-should-retry", "false".parse().unwrap());
        assert!(!may_retry(StatusCode::SERVICE_UNAVAILABLE, &headers));
        headers.insert("x-should-retry", "true".parse().unwrap());
        assert!(may_retry(StatusCode::BAD_REQUEST, &headers));
    }
}
