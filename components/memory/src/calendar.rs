//! Dates as people read them.

use std::str::FromStr;
use std::time::Duration;

use jiff::civil::Date;

const EPOCH: Date = Date::constant(1970, 1, 1);

/// The last millisecond of the year 9999, the last that is written with four digits.
pub const LAST_MILLISECOND: u64 = 253_402_300_799_999;

/// "Friday 20 November 2026" for milliseconds since the Unix epoch, in UTC.
pub fn date_of(unix_ms: u64) -> String {
    date_text(EPOCH.saturating_add(Duration::from_millis(unix_ms)))
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
    if parts.next().is_some() {
        return None;
    }
    let date = date_text(Date::new(year, month, day).ok()?);
    let Some(time) = time else { return Some(date) };
    let (clock, zone) = clock_and_zone(time)?;
    Some(format!("{date} at {clock}{zone}"))
}

fn clock_and_zone(time: &str) -> Option<(String, String)> {
    let zone_at = time.find(['Z', 'z', '+', '-']).unwrap_or(time.len());
    let (clock, zone) = time.split_at_checked(zone_at)?;
    let mut parts = clock.splitn(3, ':');
    let (hour, minute): (u8, u8) = (digits(parts.next()?, 2)?, digits(parts.next()?, 2)?);
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
            let (hours, minutes): (u8, u8) = (digits(offset.get(1..3)?, 2)?, digits(offset.get(4..6)?, 2)?);
            if hours > 23 || minutes > 59 {
                return None;
            }
            format!(" (UTC{offset})")
        }
        _ => return None,
    };
    Some((format!("{hour:02}:{minute:02}"), zone))
}

fn digits<N: FromStr>(text: &str, length: usize) -> Option<N> {
    (text.len() == length && text.bytes().all(|byte| byte.is_ascii_digit())).then(|| text.parse().ok())?
}

fn date_text(date: Date) -> String {
    date.strftime("%A %-d %B %-Y").to_string()
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
    fn milliseconds_are_dated_in_utc() {
        for (unix_ms, expected) in [
            (0, "Thursday 1 January 1970"),
            (86_399_999, "Thursday 1 January 1970"),
            (1_709_164_800_000, "Thursday 29 February 2024"),
            (1_795_392_000_000, "Monday 23 November 2026"),
            (LAST_MILLISECOND, "Friday 31 December 9999"),
        ] {
            assert_eq!(date_of(unix_ms), expected, "{unix_ms}");
        }
    }
}
