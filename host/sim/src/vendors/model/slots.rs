//! Free times: saying them, and understanding which one a caller means.

use jiff::civil::{DateTime, Weekday};

pub(super) const WEEKDAYS: [&str; 7] =
    ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];
const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
const ORDINALS: [&str; 6] = ["first", "second", "third", "fourth", "fifth", "sixth"];
const NUMBERS: [&str; 12] =
    ["one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"];

/// A practice opens at eight: "at three" is in the afternoon.
const EARLIEST_HOUR: i8 = 8;

/// A time that can be booked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Slot {
    pub(super) raw: String,
    time: DateTime,
}

impl Slot {
    pub(super) fn parse(raw: &str) -> Option<Self> {
        let time = raw.contains('T').then(|| raw.parse().ok()).flatten()?;
        Some(Self { raw: raw.to_owned(), time })
    }

    /// For example "Tuesday 24 November at 15:00".
    pub(super) fn spoken(&self) -> String {
        let name = |names: &[&'static str], index: i8| {
            usize::try_from(index - 1).ok().and_then(|index| names.get(index).copied()).unwrap_or_default()
        };
        let (date, time) = (self.time.date(), self.time.time());
        format!(
            "{} {} {} at {:02}:{:02}",
            name(&WEEKDAYS, date.weekday().to_monday_one_offset()),
            date.day(),
            name(&MONTHS, date.month()),
            time.hour(),
            time.minute()
        )
    }
}

/// What a caller said about when.
#[derive(Debug, Default, PartialEq, Eq)]
struct Wish {
    place: Option<usize>,
    last: bool,
    weekday: Option<Weekday>,
    day: Option<i8>,
    clock: Option<(i8, i8)>,
}

/// The slot that `said` picks, if it picks exactly one.
pub(super) fn picked<'a>(said: &str, slots: &'a [Slot]) -> Option<&'a Slot> {
    let wish = Wish::read(said);
    if wish == Wish::default() {
        return None;
    }
    if wish.last {
        return slots.last();
    }
    if let (Some(place), None, None) = (wish.place, wish.weekday, wish.clock) {
        return slots.get(place);
    }
    let mut fitting = slots.iter().filter(|slot| wish.fits(slot));
    let first = fitting.next()?;
    // A day with several free times is a choice only with a time of day.
    (fitting.next().is_none() || wish.clock.is_some()).then_some(first)
}

/// Whether `said` names both a day and a time of day.
pub(super) fn is_exact(said: &str) -> bool {
    let wish = Wish::read(said);
    wish.clock.is_some() && (wish.weekday.is_some() || wish.day.is_some())
}

/// The next date, after the first of `slots`, of a weekday that `said` names and none of `slots` has.
pub(super) fn day_beyond(said: &str, slots: &[Slot]) -> Option<String> {
    let weekday = Wish::read(said).weekday?;
    if slots.iter().any(|slot| slot.time.date().weekday() == weekday) {
        return None;
    }
    let first = slots.first()?.time.date();
    first.nth_weekday(1, weekday).ok().map(|date| date.to_string())
}

impl Wish {
    fn read(said: &str) -> Self {
        let lower = said.to_lowercase();
        let is_mark =
            |character: char| !character.is_ascii_alphanumeric() && character != ':' && character != '\'';
        let words: Vec<&str> =
            lower.split(is_mark).map(|word| word.trim_matches(':')).filter(|word| !word.is_empty()).collect();
        let mut wish = Self { last: words.contains(&"last"), ..Self::default() };
        for (index, word) in words.iter().enumerate() {
            let before = index.checked_sub(1).and_then(|index| words.get(index)).copied().unwrap_or_default();
            let after = words.get(index + 1).copied().unwrap_or_default();
            if let Some(weekday) = weekday(word) {
                wish.weekday = Some(weekday);
            }
            if let Some(place) = ORDINALS.iter().position(|ordinal| ordinal == word) {
                wish.place = Some(place);
            }
            if let Some(day) = day_of_month(word, before, after) {
                wish.day = Some(day);
            } else if let Some(clock) = clock(word, before, after) {
                wish.clock = Some(clock);
            }
        }
        wish
    }

    fn fits(&self, slot: &Slot) -> bool {
        let (date, time) = (slot.time.date(), slot.time.time());
        self.weekday.is_none_or(|weekday| weekday == date.weekday())
            && self.day.is_none_or(|day| day == date.day())
            && self.clock.is_none_or(|(hour, minute)| (hour, minute) == (time.hour(), time.minute()))
    }
}

fn weekday(word: &str) -> Option<Weekday> {
    let index = WEEKDAYS.iter().position(|day| {
        let day = day.to_lowercase();
        word == day || word.strip_suffix("'s") == Some(&day) || word.strip_suffix('s') == Some(&day)
    })?;
    Weekday::from_monday_zero_offset(i8::try_from(index).ok()?).ok()
}

/// "24th", or "24" beside a month.
fn day_of_month(word: &str, before: &str, after: &str) -> Option<i8> {
    let bare = ["st", "nd", "rd", "th"].iter().find_map(|suffix| word.strip_suffix(suffix));
    let is_month = |word: &str| MONTHS.iter().any(|month| month.eq_ignore_ascii_case(word));
    let day = match bare {
        Some(bare) => bare,
        None if is_month(before) || is_month(after) => word,
        None => return None,
    };
    day.parse().ok().filter(|day| (1..=31).contains(day))
}

/// "15:00", "3 pm", "at three", "ten o'clock", "half past ten", "three thirty".
fn clock(word: &str, before: &str, after: &str) -> Option<(i8, i8)> {
    if let Some((hour, minute)) = word.split_once(':') {
        let hour = hour.parse::<i8>().ok().filter(|hour| (0..24).contains(hour))?;
        let minute = minute.parse::<i8>().ok().filter(|minute| (0..60).contains(minute))?;
        return Some((hour, minute));
    }
    let suffixed = ["am", "pm"].iter().find_map(|suffix| Some((word.strip_suffix(suffix)?, *suffix)));
    let (number, half_day) = match suffixed {
        Some((number, suffix)) => (number, Some(suffix)),
        None => (word, ["am", "pm"].into_iter().find(|suffix| *suffix == after)),
    };
    let hour = number
        .parse::<i8>()
        .ok()
        .or_else(|| {
            NUMBERS.iter().position(|name| *name == number).and_then(|index| i8::try_from(index + 1).ok())
        })
        .filter(|hour| (1..24).contains(hour))?;
    let minute = match (before, after) {
        ("past", _) => 30,
        (_, "thirty") => 30,
        _ => 0,
    };
    let told = half_day.is_some() || after == "o'clock" || matches!(before, "at" | "past") || minute == 30;
    let hour = match half_day {
        Some("pm") if hour < 12 => hour + 12,
        Some(_) => hour % 24,
        None if hour < EARLIEST_HOUR => hour + 12,
        None => hour,
    };
    told.then_some((hour, minute))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn callers_pick_in_many_ways() {
        let raw = ["2026-11-23T10:00", "2026-11-24T10:00", "2026-11-24T15:00", "2026-11-27T09:30"];
        let slots: Vec<Slot> = raw.iter().filter_map(|raw| Slot::parse(raw)).collect();
        for (said, expected) in [
            ("The second one, please.", Some(1)),
            ("Tuesday at three.", Some(2)),
            ("15:00 is fine", Some(2)),
            ("the one at 3 pm", Some(2)),
            ("Tuesday at ten o'clock", Some(1)),
            ("Could I have Friday?", Some(3)),
            ("Friday at half past nine", Some(3)),
            ("the 27th", Some(3)),
            ("November 23 would be good", Some(0)),
            ("the last one", Some(3)),
            ("Tuesday", None),
            ("I want an appointment", None),
            ("No, one moment", None),
            ("Thursday at ten", None),
        ] {
            assert_eq!(picked(said, &slots), expected.map(|index| &slots[index]), "{said}");
        }
        assert_eq!(slots[2].spoken(), "Tuesday 24 November at 15:00");
    }

    #[test]
    fn an_exact_wish_has_day_and_time() {
        assert!(is_exact("Please move it to Thursday at ten."));
        assert!(!is_exact("Please move it to Thursday."));
    }
}
