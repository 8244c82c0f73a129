//! When a call may be placed.

use std::time::Duration;

use serde::Serialize;
use serde_json::Value;
use store::Timestamp;

use super::hours::{GivenHours, Hours};
use crate::fields::{Faults, Fields, Reading, text};

/// What a client says of the time; what it leaves out has a default.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Schedule {
    at: Option<Timestamp>,
    until: Option<Timestamp>,
    hours: GivenHours,
}

/// The time in which a call may be placed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Window {
    /// Not before this.
    pub(crate) not_before: Timestamp,
    /// Not after this.
    pub(crate) not_after: Timestamp,
    /// Within these hours only.
    pub(crate) hours: Hours,
}

impl Schedule {
    /// Reads `{at?, until?, hours?}`.
    pub(crate) fn read(mut fields: Fields, faults: &mut Faults) -> Self {
        let at = fields.optional("at", moment, faults);
        let until = fields.optional("until", moment, faults);
        let hours = fields.object("hours", faults).map(|hours| GivenHours::read(hours, faults));
        fields.finish(faults);
        Self { at, until, hours: hours.unwrap_or_default() }
    }

    /// The schedule as seen from `now`: what is due is due at once, and without an end a call may
    /// be placed for [`OPEN_END`]. Notes what of it cannot be kept.
    pub(crate) fn window(&self, tenant_zone: &str, now: Timestamp, faults: &mut Faults) -> Window {
        let not_before = self.at.unwrap_or(now).max(now);
        let not_after = self.until.unwrap_or_else(|| not_before.plus(OPEN_END));
        let latest = now.plus(AHEAD_MAX);
        if not_before > latest {
            faults.note("/schedule/at".to_owned(), "must be at most 30 days ahead");
        }
        if self.until.is_some_and(|until| until > latest) {
            faults.note("/schedule/until".to_owned(), "must be at most 30 days ahead");
        } else if not_after <= now {
            faults.note("/schedule/until".to_owned(), "must lie in the future");
        } else if not_after <= not_before {
            faults.note("/schedule/until".to_owned(), "must be after `at`");
        }
        let hours = self.hours.clone().complete(tenant_zone);
        Window { not_before, not_after, hours }
    }
}

impl Window {
    /// Whether there is any time at all to place the call. `None` where the hours' time zone is
    /// unknown.
    pub(crate) fn is_open_at_all(&self) -> Option<bool> {
        let moment = |at: Timestamp| jiff::Timestamp::from_millisecond(at.0).ok();
        self.hours.meet(moment(self.not_before)?, moment(self.not_after)?)
    }
}

/// How far ahead a call may be ordered.
const AHEAD_MAX: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// How long a call without an end of its own may wait: a day, so that the next calling hours are
/// in it.
const OPEN_END: Duration = Duration::from_secs(24 * 60 * 60);

/// A moment in the form of RFC 3339.
fn moment(value: Value) -> Reading<Timestamp> {
    let expected = || "must be a time of RFC 3339, for example `2026-11-23T10:00:00+01:00`".to_owned();
    let text = text(value)?;
    let moment = is_rfc3339(text.as_bytes()).then(|| text.parse::<jiff::Timestamp>().ok()).flatten();
    moment.map(|moment| Timestamp(moment.as_millisecond())).ok_or_else(expected)
}

/// Whether `text` is of the form of RFC 3339, section 5.6; the parser also takes other forms.
fn is_rfc3339(text: &[u8]) -> bool {
    let Some((head, tail)) = text.split_at_checked(b"0000-00-00T00:00:00".len()) else { return false };
    let is_head = head.iter().zip(b"0000-00-00T00:00:00").all(|(byte, form)| match form {
        b'0' => byte.is_ascii_digit(),
        b'T' => byte.eq_ignore_ascii_case(form),
        _ => byte == form,
    });
    let zone = match tail.split_first() {
        Some((b'.', fraction)) => {
            let digits = fraction.iter().take_while(|byte| byte.is_ascii_digit()).count();
            if !(1..=9).contains(&digits) {
                return false;
            }
            fraction.get(digits..).unwrap_or_default()
        }
        _ => tail,
    };
    let is_zone = match zone {
        [b'Z' | b'z'] => true,
        [b'+' | b'-', a, b, b':', c, d] => [a, b, c, d].iter().all(|byte| byte.is_ascii_digit()),
        _ => false,
    };
    is_head && is_zone
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::problem::Problem;

    /// A Saturday, 13:44:11 in Madrid.
    const NOW: Timestamp = Timestamp(1_795_265_051_000);

    #[test]
    fn times_are_those_of_rfc_3339_only() {
        for (text, millis) in [
            ("2026-11-23T10:00:00Z", 1_795_428_000_000),
            ("2026-11-23t11:00:00.250+01:00", 1_795_428_000_250),
            ("2026-11-23T10:00:00.123456789z", 1_795_428_000_123),
            ("2026-11-22T23:30:00-10:30", 1_795_428_000_000),
            ("2026-11-23T10:00:00-00:00", 1_795_428_000_000),
        ] {
            assert_eq!(moment(json!(text)), Ok(Timestamp(millis)), "{text}");
        }
        for text in [
            "",
            "2026-11-23",
            "2026-11-23T10:00:00",
            "2026-11-23T10:00Z",
            "2026-11-23 10:00:00Z",
            "20261123T100000Z",
            "2026-11-23T10:00:00.Z",
            "2026-11-23T10:00:00.1234567890Z",
            "2026-11-23T10:00:00+01",
            "2026-11-23T10:00:00+0100",
            "2026-11-23T10:00:00+01:00[Europe/Madrid]",
            "2026-11-31T10:00:00Z",
            "2026-13-23T10:00:00Z",
            "2026-11-23T25:00:00Z",
            "+002026-11-23T10:00:00Z",
            "2026-11-23T10:00:00Z ",
            "1795428000000",
        ] {
            assert!(moment(json!(text)).is_err(), "{text}");
        }
        assert!(moment(json!(1_795_428_000_000_i64)).is_err());
    }

    #[test]
    fn without_a_schedule_a_call_is_due_at_once_and_for_a_day() {
        let window = window(json!({})).unwrap();
        assert_eq!((window.not_before, window.not_after), (NOW, NOW.plus(OPEN_END)));
        assert_eq!(window.is_open_at_all(), Some(true));
    }

    #[test]
    fn what_was_due_is_due_at_once() {
        let window = window(json!({ "at": "2026-11-21T00:00:00Z" })).unwrap();
        assert_eq!((window.not_before, window.not_after), (NOW, NOW.plus(OPEN_END)));
    }

    #[test]
    fn a_schedule_that_cannot_be_kept_is_named() {
        for (given, pointer) in [
            (json!({ "at": "2026-12-22T12:44:12Z" }), "/schedule/at"),
            (json!({ "until": "2026-12-22T12:44:12Z" }), "/schedule/until"),
            (json!({ "until": "2026-11-21T12:44:11Z" }), "/schedule/until"),
            (json!({ "at": "2026-11-23T10:00:00Z", "until": "2026-11-23T10:00:00Z" }), "/schedule/until"),
            (json!({ "at": "2026-11-23T10:00:00Z", "until": "2026-11-22T10:00:00Z" }), "/schedule/until"),
            (json!({ "after": "2026-11-23T10:00:00Z" }), "/schedule/after"),
            (json!({ "hours": "always" }), "/schedule/hours"),
            (json!({ "hours": { "from": 9 } }), "/schedule/hours/from"),
        ] {
            let Err(Problem::Invalid(faults)) = window(given.clone()) else { panic!("{given}") };
            let found: Vec<_> = faults.iter().map(|fault| fault.pointer.as_str()).collect();
            assert_eq!(found, [pointer], "{given}");
        }
        window(json!({ "at": "2026-12-21T12:44:11Z" })).unwrap();
    }

    #[test]
    fn a_window_without_calling_hours_is_shut() {
        let night = json!({ "at": "2026-11-21T22:00:00+01:00", "until": "2026-11-22T07:00:00+01:00" });
        assert_eq!(window(night).unwrap().is_open_at_all(), Some(false));
        let monday = json!({ "hours": { "days": ["monday"] } });
        assert_eq!(window(monday).unwrap().is_open_at_all(), Some(false));
    }

    proptest! {
        #[test]
        fn every_moment_is_read_from_its_text(millis in 0i64..253_402_300_799_999) {
            let text = jiff::Timestamp::from_millisecond(millis).unwrap().to_string();
            prop_assert_eq!(moment(json!(text)), Ok(Timestamp(millis)));
        }

        #[test]
        fn no_text_is_too_strange_for_a_moment(text in "[0-9TZtz:.+ -]{0,40}|\\PC{0,40}") {
            let _ = moment(json!(text));
        }
    }

    fn window(value: Value) -> Result<Window, Problem> {
        let mut faults = Faults::default();
        let fields = Fields::of(value, "/schedule", &mut faults);
        let schedule = fields.map(|fields| Schedule::read(fields, &mut faults));
        let window = schedule.map(|schedule| schedule.window("Europe/Madrid", NOW, &mut faults));
        faults.or(window)
    }
}
