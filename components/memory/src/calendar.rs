//! Dates as people read them.

const DAYS: [&str; 7] = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];
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

/// The last millisecond of the year 9999, the last that is written with four digits.
pub const LAST_MILLISECOND: u64 = 253_402_300_799_999;

/// "Friday 20 November 2026" for milliseconds since the Unix epoch, in UTC.
pub fn date_of(unix_ms: u64) -> String {
    let days = i64::try_from(unix_ms / 86_400_000).unwrap_or(0);
    let (year, month, day) = civil(days);
    date_text(year, month, day)
}

/// "Tuesday 24 November 2026 at 15:00" for a time in ISO 8601, with " UTC" or
/// " (UTC+01:00)" where it says so; nothing for anything else.
pub fn spoken(iso: &str) -> Option<String> {
    let iso = iso.trim();
    let (date, time) = match iso.split_once(['T', 't', ' ']) {
        Some((date, time)) => (date, Some(time)),
        None => (iso, None),
    };
    let mut parts = date.split('-');
    let (year, month, day) =
        (digits(parts.next()?, 4)?, digits(parts.next()?, 2)?, digits(parts.next()?, 2)?);
    if parts.next().is_some() || !(1..=12).contains(&month) || !(1..=month_length(year, month)).contains(&day)
    {
        return None;
    }
    let date = date_text(year, month, day);
    let Some(time) = time else { return Some(date) };
    let (clock, zone) = clock_and_zone(time)?;
    Some(format!("{date} at {clock}{zone}"))
}

fn clock_and_zone(time: &str) -> Option<(String, String)> {
    let zone_at = time.find(['Z', 'z', '+', '-']).unwrap_or(time.len());
    let (clock, zone) = time.split_at_checked(zone_at)?;
    let mut parts = clock.splitn(3, ':');
    let (hour, minute) = (digits(parts.next()?, 2)?, digits(parts.next()?, 2)?);
    let seconds_fit = parts
        .next()
        .is_none_or(|rest| rest.len() >= 2 && rest.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.'));
    if hour > 23 || minute > 59 || !seconds_fit {
        return None;
    }
    let zone = match zone {
        "" => String::new(),
        "Z" | "z" | "+00:00" | "-00:00" => " UTC".to_owned(),
        offset if offset.len() == 6 && offset.get(3..4) == Some(":") => {
            let (hours, minutes) = (digits(offset.get(1..3)?, 2)?, digits(offset.get(4..6)?, 2)?);
            if hours > 23 || minutes > 59 {
                return None;
            }
            format!(" (UTC{offset})")
        }
        _ => return None,
    };
    Some((format!("{hour:02}:{minute:02}"), zone))
}

fn digits(text: &str, length: usize) -> Option<i64> {
    (text.len() == length && text.bytes().all(|byte| byte.is_ascii_digit())).then(|| text.parse().ok())?
}

fn date_text(year: i64, month: i64, day: i64) -> String {
    let weekday = usize::try_from((days_since_epoch(year, month, day) + 3).rem_euclid(7)).unwrap_or(0);
    let month_name = usize::try_from(month - 1).ok().and_then(|index| MONTHS.get(index)).unwrap_or(&"");
    format!("{} {day} {month_name} {year}", DAYS.get(weekday).unwrap_or(&""))
}

fn month_length(year: i64, month: i64) -> i64 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days from 1970-01-01, in the proleptic Gregorian calendar. Years begin in
/// March here, so that the leap day is the last of its year.
fn days_since_epoch(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    365 * year + year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400) + day_of_year - 719_468
}

/// The date `days` after 1970-01-01: the inverse of [`days_since_epoch`].
fn civil(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month, day_of_year - (153 * shifted + 2) / 5 + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn iso_times_are_spoken() {
        for (iso, expected) in [
            ("2026-11-24T15:00", "Tuesday 24 November 2026 at 15:00"),
            ("2026-11-24 09:05:00", "Tuesday 24 November 2026 at 09:05"),
            ("2026-11-24T15:00:00.250Z", "Tuesday 24 November 2026 at 15:00 UTC"),
            ("2026-11-24T15:00:00+01:00", "Tuesday 24 November 2026 at 15:00 (UTC+01:00)"),
            ("2028-02-29", "Tuesday 29 February 2028"),
            ("1970-01-01", "Thursday 1 January 1970"),
            ("1900-03-01", "Thursday 1 March 1900"),
        ] {
            assert_eq!(spoken(iso).as_deref(), Some(expected), "{iso}");
        }
    }

    #[test]
    fn what_is_no_time_is_not_spoken() {
        for text in [
            "",
            "tomorrow",
            "2026-02-29",
            "2026-13-01",
            "2026-11-24T24:00",
            "2026-11-24T1:00",
            "26-11-24",
            "2026-11-24T15:00+1",
            "2026-11-24T15:00:xx",
            "\u{661}\u{661}-11-24",
        ] {
            assert_eq!(spoken(text), None, "{text}");
        }
    }

    #[test]
    fn every_day_of_eight_centuries_converts_back() {
        for days in -146_097..146_097 {
            let (year, month, day) = civil(days);
            assert_eq!(days_since_epoch(year, month, day), days);
            assert!((1..=month_length(year, month)).contains(&day));
        }
        assert_eq!(date_of(1_795_392_000_000), "Monday 23 November 2026");
    }
}
