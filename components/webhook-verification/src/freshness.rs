//! When a request was signed, and whether that is recent enough.

use crate::contract::{Refusal, ReplayGuard, TimestampUnit};
use crate::encoding::lower_case_hex;
use sha2::{Digest as _, Sha256};

/// How far from the present Telnyx, Stripe, HubSpot and Standard Webhooks allow a timestamp to be:
/// five minutes, the default of their libraries.
pub(crate) const TOLERANCE_SECONDS: u32 = 300;

/// When the sender signed, in its own unit.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Timestamp {
    count: u64,
    per_second: u64,
}

impl Timestamp {
    /// Reads decimal digits without sign, space or leading zero.
    ///
    /// A leading zero would be a second spelling of one time, and digits of a neighbouring field
    /// could be passed off as the timestamp's.
    pub(crate) fn read(text: &str, unit: TimestampUnit) -> Option<Self> {
        let digits = text.bytes().all(|byte| byte.is_ascii_digit());
        if !digits || (text.starts_with('0') && text != "0") {
            return None;
        }
        let count = text.parse().ok()?;
        let per_second = match unit {
            TimestampUnit::Seconds => 1,
            TimestampUnit::Milliseconds => 1000,
            TimestampUnit::Either if count < FIRST_MILLISECONDS => 1,
            TimestampUnit::Either => 1000,
        };
        Some(Self { count, per_second })
    }

    /// For how many seconds from `now`, in milliseconds since the Unix epoch, this stays within the
    /// tolerance. Times are compared in the sender's unit, as its own libraries do, and a
    /// timestamp exactly at the tolerance still passes.
    ///
    /// # Errors
    ///
    /// [`Refusal::StaleTimestamp`] if it is not within the tolerance now.
    pub(crate) fn fresh(self, now: u64, tolerance_seconds: u32) -> Result<u32, Refusal> {
        let now = now / (1000 / self.per_second);
        let tolerance = u64::from(tolerance_seconds) * self.per_second;
        if now.abs_diff(self.count) > tolerance {
            return Err(Refusal::StaleTimestamp);
        }
        let left = self.count.saturating_add(tolerance).saturating_add(1).saturating_sub(now);
        Ok(u32::try_from(left.div_ceil(self.per_second)).unwrap_or(u32::MAX))
    }
}

/// How copies of a request are told that carries no id of its own: by a digest of what was signed.
///
/// Not of the signature: while a key is being rotated a sender may put two of them on one request,
/// and who copies it can leave one out.
pub(crate) fn guard(scheme: &str, signed: &[&[u8]], remember_seconds: u32) -> ReplayGuard {
    let mut digest = Sha256::new();
    for part in signed {
        digest.update(part);
    }
    ReplayGuard { key: format!("{scheme}:{}", lower_case_hex(&digest.finalize())), remember_seconds }
}

/// As milliseconds a day of March 1973, as seconds one of the year 5138.
const FIRST_MILLISECONDS: u64 = 100_000_000_000;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const NOW: u64 = 1_700_000_000_000;

    #[test]
    fn a_timestamp_has_one_spelling() {
        for wrong in ["", " 1", "+1", "-1", "01", "1.0", "1e9", "٣", "18446744073709551616", "invalid"] {
            assert!(Timestamp::read(wrong, TimestampUnit::Seconds).is_none(), "{wrong:?}");
        }
        for right in ["0", "1700000000", "18446744073709551615"] {
            assert!(Timestamp::read(right, TimestampUnit::Seconds).is_some(), "{right}");
        }
    }

    #[test]
    fn the_tolerance_holds_both_ways_and_includes_its_end() {
        for (text, unit, seconds) in [
            ("1700000000", TimestampUnit::Seconds, Some(301)),
            ("1700000000", TimestampUnit::Either, Some(301)),
            ("1699999700", TimestampUnit::Seconds, Some(1)),
            ("1699999699", TimestampUnit::Seconds, None),
            ("1700000300", TimestampUnit::Seconds, Some(601)),
            ("1700000301", TimestampUnit::Seconds, None),
            ("1700000000000", TimestampUnit::Milliseconds, Some(301)),
            ("1700000000000", TimestampUnit::Either, Some(301)),
            ("1699999700000", TimestampUnit::Milliseconds, Some(1)),
            ("1699999699999", TimestampUnit::Milliseconds, None),
            ("1700000000", TimestampUnit::Milliseconds, None),
            ("1700000000000", TimestampUnit::Seconds, None),
        ] {
            let verdict = Timestamp::read(text, unit).unwrap().fresh(NOW, 300);
            assert_eq!(verdict, seconds.ok_or(Refusal::StaleTimestamp), "{text} in {unit:?}");
        }
    }

    proptest! {
        #[test]
        fn what_is_forgotten_is_stale(age in -301_000i64..=301_000, millisecond in 0..1000u64, seconds: bool) {
            let now = NOW + millisecond;
            let at = now.checked_add_signed(-age).unwrap();
            let (count, unit) =
                if seconds { (at / 1000, TimestampUnit::Seconds) } else { (at, TimestampUnit::Milliseconds) };
            let timestamp = Timestamp::read(&count.to_string(), unit).unwrap();
            if let Ok(remember) = timestamp.fresh(now, 300) {
                let forgotten = now + u64::from(remember) * 1000;
                prop_assert_eq!(timestamp.fresh(forgotten, 300), Err(Refusal::StaleTimestamp));
                prop_assert!(timestamp.fresh(forgotten - 1000, 300).is_ok());
            }
        }

        #[test]
        fn no_numbers_overflow(count: u64, now: u64, tolerance: u32, unit in 0..3) {
            let unit = [TimestampUnit::Seconds, TimestampUnit::Milliseconds, TimestampUnit::Either][unit as usize];
            let _ = Timestamp::read(&count.to_string(), unit).unwrap().fresh(now, tolerance);
        }
    }
}
