//! Opening hours around midnight, special days and clock changes.

use super::*;
use proptest::prelude::*;

#[test]
fn a_stretch_includes_its_first_minute_and_excludes_its_last() {
    let hours = week("Europe/Madrid", &[(Weekday::Monday, 9 * 60, 17 * 60 + 30)]);
    for (at, open) in [
        ("2026-01-05T07:59:59Z", false),
        ("2026-01-05T08:00:00Z", true),
        ("2026-01-05T16:29:59.999Z", true),
        ("2026-01-05T16:30:00Z", false),
        ("2026-01-06T12:00:00Z", false),
        ("2026-07-06T07:00:00Z", true),
        ("2026-07-06T15:30:00Z", false),
    ] {
        assert_eq!(open_at(&hours, at), open, "{at}");
    }
}

#[test]
fn a_stretch_past_midnight_belongs_to_the_day_it_began() {
    let hours = week("UTC", &[(Weekday::Friday, 20 * 60, 2 * 60), (Weekday::Sunday, 0, 0)]);
    for (at, open) in [
        ("2026-01-09T01:00:00Z", false),
        ("2026-01-09T19:59:00Z", false),
        ("2026-01-09T20:00:00Z", true),
        ("2026-01-09T23:59:59Z", true),
        ("2026-01-10T00:00:00Z", true),
        ("2026-01-10T01:59:59Z", true),
        ("2026-01-10T02:00:00Z", false),
        ("2026-01-10T20:00:00Z", false),
        ("2026-01-11T00:00:00Z", true),
        ("2026-01-11T23:59:59Z", true),
        ("2026-01-12T00:00:00Z", false),
    ] {
        assert_eq!(open_at(&hours, at), open, "{at}");
    }
}

#[test]
fn a_special_day_replaces_the_hours_that_begin_or_run_on_it() {
    let mut hours = week("UTC", &[(Weekday::Thursday, 20 * 60, 2 * 60), (Weekday::Friday, 20 * 60, 2 * 60)]);
    hours.special_days = vec![special("2026-12-25", &[(600, 660), (1_380, 1_440)])];
    for (at, open) in [
        ("2026-12-24T23:59:00Z", true),
        ("2026-12-25T00:30:00Z", false),
        ("2026-12-25T10:00:00Z", true),
        ("2026-12-25T11:00:00Z", false),
        ("2026-12-25T21:00:00Z", false),
        ("2026-12-25T23:59:59Z", true),
        ("2026-12-26T00:30:00Z", false),
        ("2027-01-01T21:00:00Z", true),
        ("2027-01-02T00:30:00Z", true),
    ] {
        assert_eq!(open_at(&hours, at), open, "{at}");
    }
    hours.special_days = vec![special("2026-12-25", &[])];
    assert!(!open_at(&hours, "2026-12-25T10:00:00Z"));
}

#[test]
fn the_hour_that_spring_skips_is_never_open() {
    // Madrid's clocks go from 02:00 to 03:00 at 01:00 UTC.
    let begins_inside = week("Europe/Madrid", &[(Weekday::Sunday, 150, 240)]);
    assert!(!open_at(&begins_inside, "2026-03-29T00:59:59Z"));
    assert!(open_at(&begins_inside, "2026-03-29T01:00:00Z"));
    assert!(open_at(&begins_inside, "2026-03-29T01:59:59Z"));
    assert!(!open_at(&begins_inside, "2026-03-29T02:00:00Z"));

    let ends_inside = week("Europe/Madrid", &[(Weekday::Sunday, 60, 150)]);
    assert!(open_at(&ends_inside, "2026-03-29T00:59:59Z"));
    assert!(!open_at(&ends_inside, "2026-03-29T01:00:00Z"));

    let wholly_inside = week("Europe/Madrid", &[(Weekday::Sunday, 125, 175)]);
    assert!((0..1_440).all(|minute| !open_at_minute(&wholly_inside, "2026-03-28T23:00:00Z", minute)));
}

#[test]
fn both_passes_of_the_hour_that_autumn_repeats_count_alike() {
    // Madrid's clocks go from 03:00 back to 02:00 at 01:00 UTC.
    let around = week("Europe/Madrid", &[(Weekday::Sunday, 120, 180)]);
    let open = (0..1_500).filter(|minute| open_at_minute(&around, "2026-10-24T22:00:00Z", *minute));
    assert_eq!(open.collect::<Vec<_>>(), (120..240).collect::<Vec<_>>());

    let inside = week("Europe/Madrid", &[(Weekday::Sunday, 150, 165)]);
    let open = (0..1_500).filter(|minute| open_at_minute(&inside, "2026-10-24T22:00:00Z", *minute));
    assert_eq!(open.collect::<Vec<_>>(), (150..165).chain(210..225).collect::<Vec<_>>());
}

#[test]
fn a_night_shift_across_a_clock_change_ends_by_the_clock() {
    let hours = week("America/New_York", &[(Weekday::Saturday, 22 * 60, 6 * 60)]);
    assert!(open_at(&hours, "2026-03-08T03:00:00Z"));
    assert!(open_at(&hours, "2026-03-08T09:59:59Z"));
    assert!(!open_at(&hours, "2026-03-08T10:00:00Z"));
    assert!(open_at(&hours, "2026-11-01T10:59:59Z"));
    assert!(!open_at(&hours, "2026-11-01T11:00:00Z"));
}

#[test]
fn odd_zones_are_right() {
    // Half-hour offset; a day that begins at 01:00; a date that never was.
    let kolkata = week("Asia/Kolkata", &[(Weekday::Monday, 0, 30)]);
    assert!(open_at(&kolkata, "2026-01-04T18:30:00Z"));
    assert!(!open_at(&kolkata, "2026-01-04T19:00:00Z"));
    let sao_paulo = week("America/Sao_Paulo", &[(Weekday::Sunday, 0, 90)]);
    assert!(!open_at(&sao_paulo, "2018-11-04T02:59:59Z"));
    assert!(open_at(&sao_paulo, "2018-11-04T03:00:00Z"));
    assert!(!open_at(&sao_paulo, "2018-11-04T03:30:00Z"));
    let apia = week("Pacific/Apia", &[(Weekday::Friday, 0, 1_440)]);
    assert!((0..2_880).all(|minute| !open_at_minute(&apia, "2011-12-29T12:00:00Z", minute)));
}

#[test]
fn zones_are_iana_names_in_any_case_and_nothing_else() {
    for zone in ["Europe/Madrid", "europe/madrid", "UTC", "Etc/GMT+5", "US/Pacific"] {
        assert!(Hours::new(&week(zone, &[])).is_ok(), "{zone}");
    }
    for zone in ["", "Europe/Atlantis", "CET-1CEST", "+01:00", "Etc/Unknown", "../etc/localtime"] {
        let error = Hours::new(&week(zone, &[])).unwrap_err();
        assert_eq!(error, Error::UnknownTimeZone(zone.to_owned()), "{zone}");
    }
}

#[test]
fn faults_name_their_place() {
    let faulty = |change: fn(&mut OpeningHours)| {
        let mut hours = week("UTC", &[(Weekday::Monday, 0, 60), (Weekday::Tuesday, 0, 60)]);
        hours.special_days = vec![special("2026-12-24", &[]), special("2026-12-25", &[(0, 60)])];
        change(&mut hours);
        match Hours::new(&hours) {
            Err(Error::Invalid(text)) => text,
            other => panic!("{other:?}"),
        }
    };
    assert!(faulty(|hours| hours.weekly[1].opens = 1_440).starts_with("hours.weekly[1]: opens is 1440"));
    assert!(faulty(|hours| hours.weekly[0].closes = 1_441).starts_with("hours.weekly[0]: closes is 1441"));
    for openings in [(60, 60), (61, 60), (0, 1_441)] {
        let mut hours = week("UTC", &[]);
        hours.special_days = vec![special("2026-12-25", &[(0, 1), openings])];
        let error = Hours::new(&hours).unwrap_err();
        assert!(
            matches!(&error, Error::Invalid(text) if text.starts_with("hours.special-days[0]: opening")),
            "{error:?}"
        );
    }
    let twice = faulty(|hours| hours.special_days[1].date = "2026-12-24".to_owned());
    assert_eq!(twice, "hours.special-days[1]: date 2026-12-24 occurs twice");
    for date in ["", "2026-02-29", "2026-2-1", "20261225", "2026-12-25T00:00", "12/25/2026", " 2026-12-25"] {
        let mut hours = week("UTC", &[]);
        hours.special_days = vec![special(date, &[])];
        assert!(
            matches!(Hours::new(&hours), Err(Error::Invalid(text)) if text.contains("YYYY-MM-DD")),
            "{date}"
        );
    }
}

proptest! {
    #[test]
    fn a_stretch_past_midnight_equals_its_two_halves(zone in any_zone(), at in any_instant(), opens in 0u16..1_440, closes in 0u16..1_440, day in 0usize..7) {
        prop_assume!(closes <= opens);
        let [first, second] = [DAYS[day], DAYS[(day + 1) % 7]];
        let whole = week(zone, &[(first, opens, closes)]);
        let halves = match closes {
            0 => week(zone, &[(first, opens, 1_440)]),
            _ => week(zone, &[(first, opens, 1_440), (second, 0, closes)]),
        };
        prop_assert_eq!(Hours::new(&whole).unwrap().are_open(at), Hours::new(&halves).unwrap().are_open(at));
    }

    #[test]
    fn a_stretch_and_what_it_leaves_share_every_instant(zone in any_zone(), at in any_instant(), cut in 1u16..1_440, day in 0usize..7) {
        let before = week(zone, &[(DAYS[day], 0, cut)]);
        let mut rest: Vec<_> = DAYS.iter().filter(|other| **other != DAYS[day]).map(|other| (*other, 0, 1_440)).collect();
        rest.push((DAYS[day], cut, 1_440));
        let after = week(zone, &rest);
        prop_assert_ne!(Hours::new(&before).unwrap().are_open(at), Hours::new(&after).unwrap().are_open(at));
    }

    #[test]
    fn special_days_that_repeat_the_weekly_hours_change_nothing(zone in any_zone(), at in any_instant(), opens in 0u16..1_439, day in 0usize..7) {
        let plain = week(zone, &[(DAYS[day], opens, opens + 1)]);
        let zoned = at.to_zoned(TimeZoneDatabase::bundled().get(zone).unwrap());
        let openings = if weekday(zoned.date()) == DAYS[day] { vec![(opens, opens + 1)] } else { vec![] };
        let repeated = OpeningHours { special_days: vec![special(&zoned.date().to_string(), &openings)], ..plain.clone() };
        prop_assert_eq!(Hours::new(&plain).unwrap().are_open(at), Hours::new(&repeated).unwrap().are_open(at));
    }
}

const DAYS: [Weekday; 7] = [
    Weekday::Monday,
    Weekday::Tuesday,
    Weekday::Wednesday,
    Weekday::Thursday,
    Weekday::Friday,
    Weekday::Saturday,
    Weekday::Sunday,
];

fn any_zone() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "UTC",
        "Europe/Madrid",
        "America/New_York",
        "Australia/Lord_Howe",
        "Asia/Kathmandu",
        "Pacific/Apia",
    ])
}

fn any_instant() -> impl Strategy<Value = Timestamp> {
    (0i64..4_000_000_000).prop_map(|second| Timestamp::from_second(second).unwrap())
}

fn week(zone: &str, openings: &[(Weekday, u16, u16)]) -> OpeningHours {
    let weekly =
        openings.iter().map(|(day, opens, closes)| Opening { day: *day, opens: *opens, closes: *closes });
    OpeningHours { time_zone: zone.to_owned(), weekly: weekly.collect(), special_days: vec![] }
}

fn special(date: &str, openings: &[(u16, u16)]) -> SpecialDay {
    SpecialDay { date: date.to_owned(), openings: openings.to_vec() }
}

fn open_at(hours: &OpeningHours, at: &str) -> bool {
    Hours::new(hours).unwrap().are_open(at.parse().unwrap())
}

fn open_at_minute(hours: &OpeningHours, from: &str, minute: i64) -> bool {
    let from: Timestamp = from.parse().unwrap();
    Hours::new(hours).unwrap().are_open(Timestamp::from_second(from.as_second() + minute * 60).unwrap())
}
