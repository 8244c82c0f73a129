use proptest::prelude::*;
use serde_json::json;

use super::*;

fn at(text: &str) -> Timestamp {
    Timestamp(text.parse::<Zoned>().unwrap().timestamp().as_millisecond())
}

fn hours(zone: &str, from: &str, to: &str) -> CallingHours {
    CallingHours::read(&json!({ "from": from, "to": to }), zone).unwrap()
}

/// When it opens, on the wall of its own zone.
fn opens(hours: &CallingHours, now: &str) -> String {
    let open = hours.open_from(at(now)).unwrap();
    let zoned = Instant::from_millisecond(open.0).unwrap().to_zoned(hours.zone.clone());
    zoned.strftime("%a %Y-%m-%d %H:%M:%S %:z").to_string()
}

#[test]
fn the_usual_hours_are_from_eight_to_nine_in_the_zone_of_whoever_calls() {
    let usual = CallingHours::usual("Europe/Madrid").unwrap();
    for (now, open) in [
        ("2026-11-21T07:59:59+01:00[Europe/Madrid]", "Sat 2026-11-21 08:00:00 +01:00"),
        ("2026-11-21T08:00:00+01:00[Europe/Madrid]", "Sat 2026-11-21 08:00:00 +01:00"),
        ("2026-11-21T20:59:59+01:00[Europe/Madrid]", "Sat 2026-11-21 20:59:59 +01:00"),
        ("2026-11-21T21:00:00+01:00[Europe/Madrid]", "Sun 2026-11-22 08:00:00 +01:00"),
        ("2026-11-21T23:30:00+00:00[UTC]", "Sun 2026-11-22 08:00:00 +01:00"),
    ] {
        assert_eq!(opens(&usual, now), open, "{now}");
    }
}

#[test]
fn a_closed_day_is_skipped() {
    let weekdays = json!({
        "time_zone": "America/New_York", "from": "09:00", "to": "18:00",
        "days": ["monday", "tuesday", "wednesday", "thursday", "friday"],
    });
    let hours = CallingHours::read(&weekdays, "Europe/Madrid").unwrap();
    assert_eq!(
        opens(&hours, "2026-11-20T18:00:00-05:00[America/New_York]"),
        "Mon 2026-11-23 09:00:00 -05:00"
    );
    assert_eq!(
        opens(&hours, "2026-11-22T12:00:00-05:00[America/New_York]"),
        "Mon 2026-11-23 09:00:00 -05:00"
    );
    let monday = CallingHours::read(&json!({ "days": ["monday"] }), "UTC").unwrap();
    assert_eq!(opens(&monday, "2026-11-23T21:00:00+00:00[UTC]"), "Mon 2026-11-30 08:00:00 +00:00");
}

#[test]
fn hours_that_begin_in_the_skipped_hour_begin_after_it() {
    // In Madrid the clocks went from 02:00 to 03:00 on 29 March 2026.
    let hours = hours("Europe/Madrid", "02:30", "04:00");
    assert_eq!(opens(&hours, "2026-03-29T01:00:00+01:00[Europe/Madrid]"), "Sun 2026-03-29 03:00:00 +02:00");
    assert_eq!(opens(&hours, "2026-03-28T12:00:00+01:00[Europe/Madrid]"), "Sun 2026-03-29 03:00:00 +02:00");
}

#[test]
fn hours_that_lie_in_the_skipped_hour_do_not_hold_that_day() {
    let hours = hours("Europe/Madrid", "02:15", "02:45");
    assert_eq!(opens(&hours, "2026-03-29T01:00:00+01:00[Europe/Madrid]"), "Mon 2026-03-30 02:15:00 +02:00");
}

#[test]
fn hours_in_the_repeated_hour_hold_twice_and_not_between() {
    // In Madrid the clocks went from 03:00 back to 02:00 on 25 October 2026.
    let hours = hours("Europe/Madrid", "02:15", "02:45");
    for (now, open) in [
        ("2026-10-25T01:00:00+02:00[Europe/Madrid]", "Sun 2026-10-25 02:15:00 +02:00"),
        ("2026-10-25T02:50:00+02:00[Europe/Madrid]", "Sun 2026-10-25 02:15:00 +01:00"),
        ("2026-10-25T02:05:00+01:00[Europe/Madrid]", "Sun 2026-10-25 02:15:00 +01:00"),
        ("2026-10-25T02:30:00+01:00[Europe/Madrid]", "Sun 2026-10-25 02:30:00 +01:00"),
        ("2026-10-25T02:45:00+01:00[Europe/Madrid]", "Mon 2026-10-26 02:15:00 +01:00"),
    ] {
        assert_eq!(opens(&hours, now), open, "{now}");
    }
}

#[test]
fn the_last_hour_of_a_short_and_a_long_day_ends_by_the_wall_clock() {
    let hours = hours("America/New_York", "08:00", "21:00");
    for (now, open) in [
        ("2026-03-08T20:59:59-04:00[America/New_York]", "Sun 2026-03-08 20:59:59 -04:00"),
        ("2026-03-08T21:00:00-04:00[America/New_York]", "Mon 2026-03-09 08:00:00 -04:00"),
        ("2026-11-01T20:59:59-05:00[America/New_York]", "Sun 2026-11-01 20:59:59 -05:00"),
        ("2026-11-01T21:00:00-05:00[America/New_York]", "Mon 2026-11-02 08:00:00 -05:00"),
    ] {
        assert_eq!(opens(&hours, now), open, "{now}");
    }
}

#[test]
fn hours_over_midnight_belong_to_the_evening() {
    let night = json!({ "from": "22:00", "to": "02:00", "days": ["friday"] });
    let hours = CallingHours::read(&night, "UTC").unwrap();
    for (now, open) in [
        ("2026-11-20T21:00:00+00:00[UTC]", "Fri 2026-11-20 22:00:00 +00:00"),
        ("2026-11-21T01:59:00+00:00[UTC]", "Sat 2026-11-21 01:59:00 +00:00"),
        ("2026-11-21T02:00:00+00:00[UTC]", "Fri 2026-11-27 22:00:00 +00:00"),
        ("2026-11-21T22:30:00+00:00[UTC]", "Fri 2026-11-27 22:00:00 +00:00"),
        ("2026-11-20T01:00:00+00:00[UTC]", "Fri 2026-11-20 22:00:00 +00:00"),
    ] {
        assert_eq!(opens(&hours, now), open, "{now}");
    }
}

#[test]
fn a_whole_day_lasts_until_midnight() {
    let almost = CallingHours::read(&json!({ "from": "00:00", "to": "23:59" }), "UTC").unwrap();
    assert_eq!(opens(&almost, "2026-11-20T23:59:00+00:00[UTC]"), "Sat 2026-11-21 00:00:00 +00:00");
    let whole = json!({ "from": "00:00", "to": "24:00", "days": ["friday"] });
    let whole = CallingHours::read(&whole, "UTC").unwrap();
    assert_eq!(opens(&whole, "2026-11-20T00:00:00+00:00[UTC]"), "Fri 2026-11-20 00:00:00 +00:00");
    assert_eq!(opens(&whole, "2026-11-20T23:59:59+00:00[UTC]"), "Fri 2026-11-20 23:59:59 +00:00");
    assert_eq!(opens(&whole, "2026-11-21T00:00:00+00:00[UTC]"), "Fri 2026-11-27 00:00:00 +00:00");
    let to_midnight = CallingHours::read(&json!({ "from": "12:00", "to": "24:00" }), "UTC").unwrap();
    assert_eq!(opens(&to_midnight, "2026-11-20T23:59:59+00:00[UTC]"), "Fri 2026-11-20 23:59:59 +00:00");
    assert_eq!(opens(&to_midnight, "2026-11-21T00:00:00+00:00[UTC]"), "Sat 2026-11-21 12:00:00 +00:00");
}

#[test]
fn a_country_that_skipped_a_whole_day_has_hours_on_the_next() {
    // Samoa had no 30 December 2011, a Friday.
    let friday = CallingHours::read(&json!({ "days": ["friday"] }), "Pacific/Apia").unwrap();
    assert_eq!(opens(&friday, "2011-12-29T22:00:00-10:00[Pacific/Apia]"), "Fri 2012-01-06 08:00:00 +14:00");
}

#[test]
fn what_says_nothing_is_refused() {
    let read = |hours: Value| CallingHours::read(&hours, "UTC").unwrap_err();
    assert_eq!(read(json!("always")), InvalidHours::Shape);
    assert_eq!(read(json!({ "form": "09:00" })), InvalidHours::Shape);
    assert_eq!(read(json!({ "from": 9 })), InvalidHours::Shape);
    assert_eq!(read(json!({ "time_zone": "Mars/Olympus" })), InvalidHours::TimeZone);
    for time in ["9:00", "09:60", "25:00", "24:00", "0900", "09:00:00", "", "+9:00", "09:0a"] {
        assert_eq!(read(json!({ "from": time })), InvalidHours::Time, "{time}");
    }
    assert_eq!(read(json!({ "from": "09:00", "to": "09:00" })), InvalidHours::Time);
    assert_eq!(read(json!({ "from": "00:00", "to": "00:00" })), InvalidHours::Time);
    assert_eq!(read(json!({ "days": [] })), InvalidHours::Day);
    assert_eq!(read(json!({ "days": ["Monday"] })), InvalidHours::Day);
    assert_eq!(CallingHours::usual("nowhere").unwrap_err(), InvalidHours::TimeZone);
}

proptest! {
    /// The opening is the first open moment: none of the minutes before it is open.
    #[test]
    fn nothing_is_open_before_the_opening(
        zone in prop::sample::select(vec!["Europe/Madrid", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe", "Pacific/Apia"]),
        from in 0u32..1440, to in 0u32..1440, days in 1u8..128, now in 1_262_304_000i64..1_893_456_000,
    ) {
        prop_assume!(from != to);
        let clock = |minute: u32| format!("{:02}:{:02}", minute / 60, minute % 60);
        let days: Vec<&str> = WEEKDAYS.iter().enumerate().filter(|(index, _)| days >> index & 1 == 1).map(|(_, day)| *day).collect();
        let hours = CallingHours::read(&json!({ "from": clock(from), "to": clock(to), "days": days }), zone).unwrap();
        let now = Timestamp(now * 1000);
        let open = hours.open_from(now).unwrap();
        prop_assert!(now <= open && hours.is_open(Instant::from_millisecond(open.0).unwrap()));
        let mut minute = now.0;
        while minute < open.0 {
            prop_assert!(!hours.is_open(Instant::from_millisecond(minute).unwrap()), "open at {minute}, before {}", open.0);
            minute += 60_000;
        }
    }
}
