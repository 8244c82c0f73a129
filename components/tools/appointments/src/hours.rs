//! When appointments can be made.

use jiff::ToSpan;
use jiff::civil::{Date, DateTime, Time, Weekday};
use serde::{Deserialize, Serialize};
use tool_sdk::Failure;

/// The tenant's hours for appointments.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Hours {
    /// The first slot begins at this local time.
    opens: Time,
    /// The last slot ends by this local time.
    closes: Time,
    /// How long a slot lasts, in minutes.
    minutes: u16,
    /// Days of the week, Monday is 1.
    weekdays: Vec<i8>,
}

impl Default for Hours {
    /// Office hours: an hour each, Monday to Friday from nine to five.
    fn default() -> Self {
        Self {
            opens: Time::constant(9, 0, 0, 0),
            closes: Time::constant(17, 0, 0, 0),
            minutes: 60,
            weekdays: vec![1, 2, 3, 4, 5],
        }
    }
}

impl Hours {
    /// Refuses what cannot be a day's hours.
    pub(crate) fn validate(self) -> Result<Self, Failure> {
        if self.minutes < 5 || self.opens >= self.closes {
            return Err(Failure::Other("the hours in `settings/appointments` are not a day's hours".into()));
        }
        Ok(self)
    }

    /// The slots of a day, in order.
    pub(crate) fn slots(&self, date: Date) -> Vec<DateTime> {
        if !self.weekdays.contains(&weekday(date)) {
            return Vec::new();
        }
        let close = date.to_datetime(self.closes);
        let mut slots = Vec::new();
        let mut start = date.to_datetime(self.opens);
        while let Some(end) = self.end(start).filter(|end| *end <= close) {
            slots.push(start);
            start = end;
        }
        slots
    }

    /// When the slot that begins at `start` ends.
    pub(crate) fn end(&self, start: DateTime) -> Option<DateTime> {
        start.checked_add(i64::from(self.minutes).minutes()).ok()
    }

    /// Whether a slot begins at `start`.
    pub(crate) fn is_slot(&self, start: DateTime) -> bool {
        self.slots(start.date()).contains(&start)
    }
}

fn weekday(date: Date) -> i8 {
    let weekday: Weekday = date.weekday();
    weekday.to_monday_one_offset()
}
