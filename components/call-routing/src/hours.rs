//! Opening hours, as the clock on the wall shows them.
//!
//! Whether a minute is open depends only on the local date and time that a clock
//! shows then. So a stretch that begins in the hour that spring skips begins when
//! the clock has jumped, one that lies wholly inside it does not happen, and in
//! autumn both passes of the repeated hour count alike.

use crate::contract::{Error, Opening, OpeningHours, SpecialDay, Weekday};
use jiff::civil::Date;
use jiff::tz::{TimeZone, TimeZoneDatabase};
use jiff::{Timestamp, civil};
use std::collections::BTreeMap;

/// Opening hours that make sense.
#[derive(Debug)]
pub(crate) struct Hours<'a> {
    zone: TimeZone,
    weekly: &'a [Opening],
    special: BTreeMap<Date, &'a [(u16, u16)]>,
}

impl<'a> Hours<'a> {
    /// Checks every part of `hours`.
    pub(crate) fn new(hours: &'a OpeningHours) -> Result<Self, Error> {
        let zone = TimeZoneDatabase::bundled().get(&hours.time_zone).ok().filter(|zone| !zone.is_unknown());
        let zone = zone.ok_or_else(|| Error::UnknownTimeZone(hours.time_zone.clone()))?;
        for (position, opening) in hours.weekly.iter().enumerate() {
            check_opening(opening).map_err(|fault| invalid("weekly", position, &fault))?;
        }
        let mut special = BTreeMap::new();
        for (position, day) in hours.special_days.iter().enumerate() {
            let date = check_special_day(day).map_err(|fault| invalid("special-days", position, &fault))?;
            if special.insert(date, day.openings.as_slice()).is_some() {
                return Err(invalid("special-days", position, &format!("date {date} occurs twice")));
            }
        }
        Ok(Self { zone, weekly: &hours.weekly, special })
    }

    /// Whether the tenant is open at `at`.
    pub(crate) fn are_open(&self, at: Timestamp) -> bool {
        let local = self.zone.to_datetime(at);
        let minute = minute_of_day(local.time());
        let today = local.date();
        match self.special.get(&today) {
            Some(openings) => openings.iter().any(|(opens, closes)| (*opens..*closes).contains(&minute)),
            None => self.began_today(today, minute) || self.began_yesterday(today, minute),
        }
    }

    fn began_today(&self, today: Date, minute: u16) -> bool {
        let day = weekday(today);
        let mut openings = self.weekly.iter().filter(|opening| opening.day == day);
        openings.any(|opening| opening.opens <= minute && (is_overnight(opening) || minute < opening.closes))
    }

    fn began_yesterday(&self, today: Date, minute: u16) -> bool {
        let Ok(yesterday) = today.yesterday() else {
            return false;
        };
        // A special day's weekly hours never began, so nothing of them is left the day after.
        if self.special.contains_key(&yesterday) {
            return false;
        }
        let day = weekday(yesterday);
        let mut openings = self.weekly.iter().filter(|opening| opening.day == day);
        openings.any(|opening| is_overnight(opening) && minute < opening.closes)
    }
}

fn is_overnight(opening: &Opening) -> bool {
    opening.closes <= opening.opens
}

fn check_opening(opening: &Opening) -> Result<(), String> {
    let Opening { opens, closes, .. } = opening;
    if *opens >= DAY_MINUTES {
        return Err(format!("opens is {opens}, expected 0 to 1439 minutes after midnight"));
    }
    if *closes > DAY_MINUTES {
        return Err(format!("closes is {closes}, expected 0 to 1440 minutes after midnight"));
    }
    Ok(())
}

fn check_special_day(day: &SpecialDay) -> Result<Date, String> {
    for (opens, closes) in &day.openings {
        if opens >= closes || *closes > DAY_MINUTES {
            return Err(format!(
                "opening {opens} to {closes} is not within the day, expected a start before an end of at most 1440"
            ));
        }
    }
    // The parser also takes other ISO 8601 forms and whole date-times.
    let date = day.date.parse::<Date>().ok().filter(|date| date.to_string() == day.date);
    date.ok_or_else(|| format!("date {:?} is no date, expected YYYY-MM-DD", day.date))
}

fn invalid(list: &str, position: usize, fault: &str) -> Error {
    Error::Invalid(format!("hours.{list}[{position}]: {fault}"))
}

fn minute_of_day(time: civil::Time) -> u16 {
    let minutes = i16::from(time.hour()) * 60 + i16::from(time.minute());
    minutes.unsigned_abs()
}

fn weekday(date: Date) -> Weekday {
    match date.weekday() {
        civil::Weekday::Monday => Weekday::Monday,
        civil::Weekday::Tuesday => Weekday::Tuesday,
        civil::Weekday::Wednesday => Weekday::Wednesday,
        civil::Weekday::Thursday => Weekday::Thursday,
        civil::Weekday::Friday => Weekday::Friday,
        civil::Weekday::Saturday => Weekday::Saturday,
        civil::Weekday::Sunday => Weekday::Sunday,
    }
}

/// Minutes that a clock shows in a day, whatever the day's real length.
const DAY_MINUTES: u16 = 1_440;

#[cfg(test)]
mod tests;
