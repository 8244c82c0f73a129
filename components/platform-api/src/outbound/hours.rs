//! The hours in which calls may be placed, by the clock on the wall.

use std::collections::BTreeSet;
use std::fmt;

use jiff::civil::{self, Date};
use jiff::tz::{TimeZone, TimeZoneDatabase};
use serde::{Serialize, Serializer};
use serde_json::{Value, json};

use crate::fields::{Faults, Fields, Reading, text};

/// What a client says of the hours; what it leaves out has a default.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct GivenHours {
    time_zone: Option<String>,
    from: Option<Minute>,
    to: Option<Minute>,
    days: Option<BTreeSet<Day>>,
}

/// Hours without a gap.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Hours {
    /// IANA time zone.
    time_zone: String,
    /// The first minute of a day in which calls may be placed.
    from: Minute,
    /// The minute in which that ends.
    to: Minute,
    /// The days of the week, at least one.
    days: BTreeSet<Day>,
}

/// A minute of the day: 0 to 1440. The last one is the end of the day, `24:00`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Minute(u16);

impl Minute {
    /// Reads `HH:MM`.
    fn parse(text: &str) -> Option<Self> {
        let (hours, minutes) = text.split_once(':')?;
        let number = |digits: &str| {
            let two = digits.len() == 2 && digits.bytes().all(|byte| byte.is_ascii_digit());
            two.then(|| digits.parse::<u16>().ok()).flatten()
        };
        let (hours, minutes) = (number(hours)?, number(minutes)?);
        let minute = hours * 60 + minutes;
        (minutes < 60 && minute <= DAY.0).then_some(Self(minute))
    }
}

impl fmt::Display for Minute {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:02}:{:02}", self.0 / 60, self.0 % 60)
    }
}

impl Serialize for Minute {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// A day of the week.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Day {
    /// The first.
    Monday,
    /// The second.
    Tuesday,
    /// The third.
    Wednesday,
    /// The fourth.
    Thursday,
    /// The fifth.
    Friday,
    /// The sixth.
    Saturday,
    /// The last.
    Sunday,
}

impl Day {
    const ALL: [(Self, &str, civil::Weekday); 7] = [
        (Self::Monday, "monday", civil::Weekday::Monday),
        (Self::Tuesday, "tuesday", civil::Weekday::Tuesday),
        (Self::Wednesday, "wednesday", civil::Weekday::Wednesday),
        (Self::Thursday, "thursday", civil::Weekday::Thursday),
        (Self::Friday, "friday", civil::Weekday::Friday),
        (Self::Saturday, "saturday", civil::Weekday::Saturday),
        (Self::Sunday, "sunday", civil::Weekday::Sunday),
    ];

    fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|(_, word, _)| *word == name).map(|(day, ..)| day)
    }

    fn of(date: Date) -> Option<Self> {
        Self::ALL.into_iter().find(|(.., weekday)| *weekday == date.weekday()).map(|(day, ..)| day)
    }
}

impl GivenHours {
    /// Reads `{time_zone?, from?, to?, days?}`.
    pub(crate) fn read(mut fields: Fields, faults: &mut Faults) -> Self {
        let given = Self {
            time_zone: fields.optional("time_zone", zone_name, faults),
            from: fields.optional("from", |value| minute(value, "09:00"), faults),
            to: fields.optional("to", |value| minute(value, "18:00"), faults),
            days: fields.optional("days", days, faults),
        };
        if given.from.unwrap_or(FROM) >= given.to.unwrap_or(TO) {
            let name = if given.to.is_some() { "to" } else { "from" };
            let message = format!(
                "makes hours that end before they begin: `from` is {}, `to` is {}",
                given.from.unwrap_or(FROM),
                given.to.unwrap_or(TO)
            );
            faults.note(fields.pointer(name), message);
        }
        fields.finish(faults);
        given
    }

    /// The hours with defaults for what was left out; `tenant_zone` is the tenant's time zone.
    pub(crate) fn complete(self, tenant_zone: &str) -> Hours {
        Hours {
            time_zone: self.time_zone.unwrap_or_else(|| tenant_zone.to_owned()),
            from: self.from.unwrap_or(FROM),
            to: self.to.unwrap_or(TO),
            days: self.days.unwrap_or_else(|| Day::ALL.into_iter().map(|(day, ..)| day).collect()),
        }
    }
}

impl Hours {
    /// The form in which orders keep them.
    pub(crate) fn to_json(&self) -> Value {
        json!({ "time_zone": self.time_zone, "from": self.from, "to": self.to, "days": self.days })
    }

    /// Whether any moment from `start` until before `end` lies in these hours. `None` where the
    /// time zone is unknown.
    pub(crate) fn meet(&self, start: jiff::Timestamp, end: jiff::Timestamp) -> Option<bool> {
        let zone = zone(&self.time_zone)?;
        let last = zone.to_datetime(end).date();
        let mut date = zone.to_datetime(start).date();
        while date <= last {
            let (opens, closes) = (at(&zone, date, self.from)?, at(&zone, date, self.to)?);
            let open_today = Day::of(date).is_some_and(|day| self.days.contains(&day));
            if open_today && opens.max(start) < closes.min(end) {
                return Some(true);
            }
            date = date.tomorrow().ok()?;
        }
        Some(false)
    }
}

/// When a clock in `zone` shows `minute`; where it skips it, what it shows then is as much later.
fn at(zone: &TimeZone, date: Date, minute: Minute) -> Option<jiff::Timestamp> {
    let date = if minute == DAY { date.tomorrow().ok()? } else { date };
    let of_day = minute.0 % DAY.0;
    let (hours, minutes) = (i8::try_from(of_day / 60).ok()?, i8::try_from(of_day % 60).ok()?);
    zone.to_timestamp(date.at(hours, minutes, 0, 0)).ok()
}

fn zone(name: &str) -> Option<TimeZone> {
    TimeZoneDatabase::bundled().get(name).ok().filter(|zone| !zone.is_unknown())
}

/// A time zone by the name that its database has for it.
fn zone_name(value: Value) -> Reading<String> {
    let found = zone(&text(value)?);
    let name = found.as_ref().and_then(TimeZone::iana_name);
    name.map(str::to_owned).ok_or_else(|| "must be an IANA time zone, for example `Europe/Madrid`".to_owned())
}

fn minute(value: Value, example: &str) -> Reading<Minute> {
    let expected = || format!("must be a time of day as `HH:MM`, for example `{example}`");
    Minute::parse(&text(value)?).ok_or_else(expected)
}

fn days(value: Value) -> Reading<BTreeSet<Day>> {
    let expected =
        || "must be a list of days, at least one, none twice, for example `[\"monday\"]`".to_owned();
    let Value::Array(names) = value else { return Err(expected()) };
    let count = names.len();
    let days: Option<BTreeSet<Day>> = names.iter().map(|name| Day::named(name.as_str()?)).collect();
    days.filter(|days| days.len() == count && count > 0).ok_or_else(expected)
}

/// The end of a day.
const DAY: Minute = Minute(24 * 60);

/// When nobody says otherwise, calls are placed from 08:00 to 21:00, which is when the law of the
/// United States allows telephone solicitation (47 CFR 64.1200(c)(1)).
const FROM: Minute = Minute(8 * 60);
const TO: Minute = Minute(21 * 60);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::problem::Problem;

    #[test]
    fn hours_are_kept_without_gaps() {
        let kept = |given: Value| read(given).unwrap().complete("Europe/Madrid").to_json();
        let all = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];
        assert_eq!(
            kept(json!({})),
            json!({ "time_zone": "Europe/Madrid", "from": "08:00", "to": "21:00", "days": all })
        );
        let given = json!({ "time_zone": "america/new_york", "from": "09:30", "to": "24:00", "days": ["sunday", "monday"] });
        assert_eq!(
            kept(given),
            json!({ "time_zone": "America/New_York", "from": "09:30", "to": "24:00", "days": ["monday", "sunday"] })
        );
    }

    #[test]
    fn hours_that_make_no_sense_are_named() {
        for (given, pointer) in [
            (json!({ "time_zone": "Mars/Olympus" }), "/time_zone"),
            (json!({ "time_zone": "Etc/Unknown" }), "/time_zone"),
            (json!({ "from": "9:00" }), "/from"),
            (json!({ "from": "09:60" }), "/from"),
            (json!({ "from": "+9:00" }), "/from"),
            (json!({ "to": "24:01" }), "/to"),
            (json!({ "from": "18:00", "to": "09:00" }), "/to"),
            (json!({ "from": "09:00", "to": "09:00" }), "/to"),
            (json!({ "from": "22:00" }), "/from"),
            (json!({ "days": [] }), "/days"),
            (json!({ "days": ["monday", "monday"] }), "/days"),
            (json!({ "days": ["Monday"] }), "/days"),
            (json!({ "day": ["monday"] }), "/day"),
        ] {
            let Err(Problem::Invalid(faults)) = read(given.clone()) else { panic!("{given}") };
            assert_eq!(
                faults.iter().map(|fault| fault.pointer.as_str()).collect::<Vec<_>>(),
                [pointer],
                "{given}"
            );
        }
    }

    #[test]
    fn hours_meet_what_they_overlap() {
        // 2026-11-21 is a Saturday; Madrid is an hour ahead of UTC then.
        let weekdays = json!({ "from": "09:00", "to": "18:00", "days": ["friday", "monday"] });
        let hours = read(weekdays).unwrap().complete("Europe/Madrid");
        for (start, end, met) in [
            ("2026-11-20T16:59:00Z", "2026-11-20T23:00:00Z", true),
            ("2026-11-20T17:00:00Z", "2026-11-23T08:00:00Z", false),
            ("2026-11-20T17:00:00Z", "2026-11-23T08:00:01Z", true),
            ("2026-11-21T10:00:00Z", "2026-11-21T11:00:00Z", false),
            ("2026-11-23T10:00:00Z", "2026-11-23T10:00:01Z", true),
            ("2026-11-23T10:00:00Z", "2026-11-23T10:00:00Z", false),
        ] {
            assert_eq!(hours.meet(start.parse().unwrap(), end.parse().unwrap()), Some(met), "{start} {end}");
        }
        assert_eq!(GivenHours::default().complete("Nowhere").meet(moment(0), moment(1)), None);
    }

    #[test]
    fn the_last_minute_of_a_day_is_in_hours_that_end_with_it() {
        let hours = read(json!({ "from": "23:00", "to": "24:00" })).unwrap().complete("UTC");
        let (start, end) = ("2026-11-20T23:59:59Z", "2026-11-21T00:00:00Z");
        assert_eq!(hours.meet(start.parse().unwrap(), end.parse().unwrap()), Some(true));
        assert_eq!(hours.meet(end.parse().unwrap(), "2026-11-21T22:59:59Z".parse().unwrap()), Some(false));
    }

    fn moment(second: i64) -> jiff::Timestamp {
        jiff::Timestamp::from_second(second).unwrap()
    }

    fn read(value: Value) -> Result<GivenHours, Problem> {
        let mut faults = Faults::default();
        let fields = Fields::of(value, "", &mut faults);
        let given = fields.map(|fields| GivenHours::read(fields, &mut faults));
        faults.or(given)
    }
}
