//! When people may be called: hours of the day, on days of the week, by the clock on their wall.
//!
//! A moment is within the hours when the wall clock says so. So in the night when clocks are put back, hours that lie
//! within the repeated hour hold twice, and in the night when they are put forward, hours that begin within the
//! skipped one begin after it.

use std::str::FromStr;

use jiff::civil::{Date, Time};
use jiff::tz::{AmbiguousOffset, TimeZone};
use jiff::{Span, Timestamp as Instant, Zoned};
use serde::Deserialize;
use serde_json::Value;
use store::Timestamp;

/// Calling hours in a time zone.
#[derive(Clone, Debug, PartialEq)]
pub struct CallingHours {
    zone: TimeZone,
    from: Time,
    /// The first moment that is too late.
    to: Time,
    /// Monday first. Hours over midnight belong to the day on which they begin.
    days: [bool; 7],
}

/// Hours that say nothing: nobody is called then.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidHours {
    /// Not an object of `time_zone`, `from`, `to` and `days`, each of which may be absent.
    #[error("calling hours are an object of time_zone, from, to and days")]
    Shape,
    /// No such zone in the time zone database.
    #[error("there is no such time zone")]
    TimeZone,
    /// Not `HH:MM`, or from and to are the same.
    #[error("from and to are two different times of day, as HH:MM")]
    Time,
    /// Not `monday` to `sunday`, or none at all.
    #[error("days are one or more of monday to sunday")]
    Day,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wire {
    time_zone: Option<String>,
    from: Option<String>,
    to: Option<String>,
    days: Option<Vec<String>>,
}

impl CallingHours {
    /// The hours that hold where none are set, in this zone: from 08:00 to 21:00 every day, those that the United
    /// States' Telephone Consumer Protection Act allows (47 CFR 64.1200).
    ///
    /// # Errors
    /// Where there is no such zone.
    pub fn usual(time_zone: &str) -> Result<Self, InvalidHours> {
        Self::of(Wire::default(), time_zone)
    }

    /// Reads hours as the API takes them: `{"time_zone":"Europe/Madrid","from":"09:00","to":"18:00","days":["monday"]}`.
    /// What is absent is as in [`Self::usual`].
    ///
    /// # Errors
    /// Where they say nothing.
    pub fn read(hours: &Value, time_zone: &str) -> Result<Self, InvalidHours> {
        Self::of(Wire::deserialize(hours).map_err(|_| InvalidHours::Shape)?, time_zone)
    }

    fn of(wire: Wire, time_zone: &str) -> Result<Self, InvalidHours> {
        let zone = wire.time_zone.as_deref().unwrap_or(time_zone);
        let zone = TimeZone::get(zone).map_err(|_| InvalidHours::TimeZone)?;
        let from = time_of_day(wire.from.as_deref().unwrap_or("08:00"))?;
        let to = match wire.to.as_deref() {
            Some("24:00") => Time::midnight(),
            to => time_of_day(to.unwrap_or("21:00"))?,
        };
        // From midnight to midnight is a whole day only where it is written so.
        if from == to && wire.to.as_deref() != Some("24:00") {
            return Err(InvalidHours::Time);
        }
        let days = match wire.days {
            None => [true; 7],
            Some(names) => days(&names)?,
        };
        Ok(Self { zone, from, to, days })
    }

    /// The first moment from `now` on that is within the hours: `now` itself where it is. `None` where there is none
    /// within two weeks, or the time is beyond any calendar.
    #[must_use]
    pub fn open_from(&self, now: Timestamp) -> Option<Timestamp> {
        let now = Instant::from_millisecond(now.0).ok()?;
        if self.is_open(now) {
            return Some(Timestamp(now.as_millisecond()));
        }
        let today = now.to_zoned(self.zone.clone()).date();
        let dates = (0..DAYS_AHEAD).map_while(|days| today.checked_add(Span::new().days(days)).ok());
        let openings = dates.flat_map(|date| self.openings(date)).flatten();
        let first = openings.filter(|opening| now < *opening && self.is_open(*opening)).min()?;
        Some(Timestamp(first.as_millisecond()))
    }

    fn is_open(&self, at: Instant) -> bool {
        let wall = at.to_zoned(self.zone.clone());
        let time = wall.time();
        if self.from < self.to {
            return self.from <= time && time < self.to && self.holds_on(wall.date());
        }
        let since_yesterday = || wall.date().yesterday().is_ok_and(|yesterday| self.holds_on(yesterday));
        (self.from <= time && self.holds_on(wall.date())) || (time < self.to && since_yesterday())
    }

    fn holds_on(&self, date: Date) -> bool {
        let index = usize::try_from(date.weekday().to_monday_zero_offset()).unwrap_or_default();
        self.days.get(index).copied().unwrap_or_default()
    }

    /// When the hours may begin on a date. Which of these moments are within the hours is for the wall clock to say.
    fn openings(&self, date: Date) -> [Option<Instant>; 2] {
        let ambiguous = self.zone.to_ambiguous_zoned(date.to_datetime(self.from));
        let instant = |zoned: Result<Zoned, jiff::Error>| zoned.ok().map(|zoned| zoned.timestamp());
        match ambiguous.offset() {
            AmbiguousOffset::Unambiguous { .. } => [instant(ambiguous.unambiguous()), None],
            AmbiguousOffset::Fold { .. } => {
                [instant(ambiguous.clone().earlier()), instant(ambiguous.later())]
            }
            AmbiguousOffset::Gap { .. } => {
                // What is `later` by as much as was skipped lies behind the moment at which the clocks jumped.
                let after = instant(ambiguous.later());
                let jump =
                    after.and_then(|after| self.zone.preceding(after).next()).map(|jump| jump.timestamp());
                [jump, after]
            }
        }
    }
}

fn time_of_day(text: &str) -> Result<Time, InvalidHours> {
    let two_digits = |text: &str| match text.len() {
        2 if text.bytes().all(|byte| byte.is_ascii_digit()) => i8::from_str(text).ok(),
        _ => None,
    };
    let (hour, minute) = text.split_once(':').ok_or(InvalidHours::Time)?;
    let (hour, minute) = two_digits(hour).zip(two_digits(minute)).ok_or(InvalidHours::Time)?;
    Time::new(hour, minute, 0, 0).map_err(|_| InvalidHours::Time)
}

fn days(names: &[String]) -> Result<[bool; 7], InvalidHours> {
    let mut days = [false; 7];
    for name in names {
        let index = WEEKDAYS.iter().position(|known| known == name).ok_or(InvalidHours::Day)?;
        if let Some(day) = days.get_mut(index) {
            *day = true;
        }
    }
    if days.contains(&true) { Ok(days) } else { Err(InvalidHours::Day) }
}

/// The API's names, Monday first.
const WEEKDAYS: [&str; 7] = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];

/// A week finds every day; two find it although the clocks jumped over it.
const DAYS_AHEAD: i64 = 15;

#[cfg(test)]
mod tests;
