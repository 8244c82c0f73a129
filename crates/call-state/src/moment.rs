//! Points in time as carriers write them.

use jiff::SignedDuration;
use jiff::civil::{Date, DateTime};
use serde::{Deserialize, Serialize};

/// A point in time: microseconds since 1970-01-01 UTC, which is as fine as any carrier tells.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Moment(i64);

const EPOCH: DateTime = DateTime::constant(1970, 1, 1, 0, 0, 0, 0);
const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

impl Moment {
    /// From microseconds since 1970-01-01 UTC.
    #[must_use]
    pub const fn from_micros(micros: i64) -> Self {
        Self(micros)
    }

    /// From milliseconds since 1970-01-01 UTC, the resolution of the store.
    #[must_use]
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis.saturating_mul(1000))
    }

    /// Microseconds since 1970-01-01 UTC.
    #[must_use]
    pub const fn as_micros(self) -> i64 {
        self.0
    }

    /// Milliseconds since 1970-01-01 UTC, rounded down.
    #[must_use]
    pub const fn as_millis(self) -> i64 {
        self.0.div_euclid(1000)
    }

    /// Reads `2018-02-02T22:25:27.521992Z`, the form of RFC 3339 that Telnyx and Vapi send; an offset such as `+02:00`
    /// is taken into account. `None` for anything else.
    #[must_use]
    pub fn from_rfc3339(text: &str) -> Option<Self> {
        let (date, rest) = text.split_once(['T', 't', ' '])?;
        let (clock, offset_minutes) = split_offset(rest)?;
        let mut date = date.split('-');
        let (year, month, day) = (fixed(date.next()?, 4)?, fixed(date.next()?, 2)?, fixed(date.next()?, 2)?);
        if date.next().is_some() {
            return None;
        }
        let (clock, fraction) =
            clock.split_once('.').map_or((clock, None), |(left, right)| (left, Some(right)));
        let micros = fraction.map_or(Some(0), micros)?;
        Self::civil((year, month, day), clock, micros, offset_minutes)
    }

    /// Reads `Fri, 20 Nov 2026 13:04:11 +0000`, the form of RFC 2822 that Twilio sends; UTC only. `None` for anything
    /// else.
    #[must_use]
    pub fn from_rfc2822(text: &str) -> Option<Self> {
        let (_, date) = text.split_once(", ")?;
        let mut parts = date.split(' ');
        let day: i64 = parts.next()?.parse().ok()?;
        let name = parts.next()?;
        let month = i64::try_from(MONTHS.iter().position(|known| *known == name)?).ok()? + 1;
        let year = fixed(parts.next()?, 4)?;
        let clock = parts.next()?;
        let utc = matches!(parts.next()?, "+0000" | "GMT" | "UTC") && parts.next().is_none();
        if utc { Self::civil((year, month, day), clock, 0, 0) } else { None }
    }

    /// Writes `2018-02-02T22:25:27.521992Z`, which [`Moment::from_rfc3339`] reads back for every moment from 1970 to 9999.
    /// A later one is written as the end of 9999.
    #[must_use]
    pub fn to_rfc3339(self) -> String {
        let moment = EPOCH.saturating_add(SignedDuration::from_micros(self.0));
        format!("{moment:.6}Z")
    }

    fn civil((year, month, day): (i64, i64, i64), clock: &str, micros: i64, offset: i64) -> Option<Self> {
        let mut clock = clock.split(':');
        let (hour, minute, second) =
            (fixed(clock.next()?, 2)?, fixed(clock.next()?, 2)?, fixed(clock.next()?, 2)?);
        let date_fits = (1..=12).contains(&month) && (1..=31).contains(&day) && year >= 1970;
        // A leap second is written as the sixtieth.
        let clock_fits = hour < 24 && minute < 60 && second <= 60 && clock.next().is_none();
        if !date_fits || !clock_fits {
            return None;
        }
        let first_of_month = Date::new(i16::try_from(year).ok()?, i8::try_from(month).ok()?, 1).ok()?;
        // Counted from the first, a day that its month does not have is one of the next month.
        let midnight = first_of_month.duration_since(EPOCH.date()).as_secs() + (day - 1) * 86_400;
        let seconds = midnight + (hour * 60 + minute - offset) * 60 + second;
        Some(Self(seconds * 1_000_000 + micros))
    }
}

/// Splits `22:25:27.5+02:00` into the clock and the offset in minutes.
fn split_offset(text: &str) -> Option<(&str, i64)> {
    if let Some(clock) = text.strip_suffix(['Z', 'z']) {
        return Some((clock, 0));
    }
    let at = text.rfind(['+', '-'])?;
    let (clock, offset) = (text.get(..at)?, text.get(at + 1..)?);
    let (hours, minutes) = offset.split_once(':')?;
    let minutes = fixed(hours, 2)? * 60 + fixed(minutes, 2)?;
    Some((clock, if text.get(at..=at) == Some("-") { -minutes } else { minutes }))
}

fn fixed(text: &str, digits: usize) -> Option<i64> {
    let all_digits = text.len() == digits && text.bytes().all(|byte| byte.is_ascii_digit());
    if all_digits { text.parse().ok() } else { None }
}

/// The fraction of a second, cut to microseconds.
fn micros(fraction: &str) -> Option<i64> {
    if fraction.is_empty() || !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let digits = fraction.bytes().map(|byte| i64::from(byte - b'0')).chain(std::iter::repeat(0));
    Some(digits.take(6).fold(0, |micros, digit| micros * 10 + digit))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_carriers_forms_name_the_same_moment() {
        let moment = Some(Moment::from_millis(1_795_179_858_000));
        assert_eq!(Moment::from_rfc2822("Fri, 20 Nov 2026 13:04:18 +0000"), moment);
        assert_eq!(Moment::from_rfc3339("2026-11-20T13:04:18Z"), moment);
        assert_eq!(Moment::from_rfc3339("2026-11-20T15:04:18+02:00"), moment);
        assert_eq!(Moment::from_rfc3339("2026-11-20T08:34:18.000-04:30"), moment);
    }

    #[test]
    fn microseconds_are_kept_whatever_their_number_of_digits() {
        let micros = |text| Moment::from_rfc3339(text).map(|moment| moment.as_micros() % 1_000_000);
        assert_eq!(micros("2018-02-02T22:25:27.521992Z"), Some(521_992));
        assert_eq!(micros("2018-02-02T22:25:27.5Z"), Some(500_000));
        assert_eq!(micros("2018-02-02T22:25:27.521992917Z"), Some(521_992));
    }

    #[test]
    fn what_is_no_moment_is_none() {
        for text in [
            "",
            "2026-11-20",
            "2026-13-20T13:04:18Z",
            "2026-11-20T24:04:18Z",
            "2026-11-20T13:04:18",
            "2026-11-20T13:04:18.Z",
            "26-11-20T13:04:18Z",
            "2026-11-20T13:04Z",
            "2026-11-20-1T13:04:18Z",
        ] {
            assert_eq!(Moment::from_rfc3339(text), None, "{text}");
        }
        assert_eq!(Moment::from_rfc2822("Fri, 20 Nov 2026 13:04:18 +0200"), None);
        assert_eq!(Moment::from_rfc2822("Fri, 20 Nov 9223372036854775807 13:04:18 +0000"), None);
    }

    #[test]
    fn a_moment_is_written_as_telnyx_writes_it() {
        for text in
            ["2018-02-02T22:25:27.521992Z", "2024-02-29T00:00:00.000001Z", "2000-12-31T23:59:59.999999Z"]
        {
            assert_eq!(Moment::from_rfc3339(text).map(Moment::to_rfc3339).as_deref(), Some(text));
        }
    }

    #[test]
    fn what_a_calendar_lacks_is_counted_on() {
        let same =
            |left, right| assert_eq!(Moment::from_rfc3339(left), Moment::from_rfc3339(right), "{left}");
        same("2026-02-31T00:00:00Z", "2026-03-03T00:00:00Z");
        same("2016-12-31T23:59:60Z", "2017-01-01T00:00:00Z");
        same("2024-02-29T23:30:00-01:00", "2024-03-01T00:30:00Z");
    }

    #[test]
    fn a_moment_after_the_year_9999_is_written_as_its_end() {
        let end = "9999-12-31T23:59:59.999999Z";
        assert_eq!(Moment::from_micros(253_402_300_799_999_999).to_rfc3339(), end);
        assert_eq!(Moment::from_micros(253_402_300_800_000_000).to_rfc3339(), end);
        assert_eq!(Moment::from_micros(i64::MAX).to_rfc3339(), end);
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(micros in 0_i64..253_402_300_800_000_000) {
            let moment = Moment::from_micros(micros);
            prop_assert_eq!(Moment::from_rfc3339(&moment.to_rfc3339()), Some(moment));
        }

        #[test]
        fn no_text_panics(text in any::<String>(), digits in "[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.+Z-]{0,30}") {
            let _ = (Moment::from_rfc3339(&text), Moment::from_rfc2822(&text), Moment::from_rfc3339(&digits));
        }
    }
}
