//! The component as its callers see it.

mod properties;

use crate::Component;
use crate::contract::{
    Answer, Call, Decision, Direction, Error, Forwarding, Guest as _, HoursCondition, Opening, OpeningHours,
    Reason, Rejection, Rule, Table, Voicemail, Weekday,
};

/// Monday 5 January 2026, 12:00 UTC.
const MONDAY_NOON: u64 = 1_767_614_400_000;

#[test]
fn the_first_rule_by_priority_whose_conditions_hold_decides() {
    let table = Table {
        rules: vec![
            Rule { callers: patterns(&["+34*"]), ..rule("spanish", 20) },
            Rule { called: patterns(&["+15559870001"]), ..rule("sales", 10) },
            Rule { direction: Some(Direction::Outbound), ..rule("outbound", -5) },
            Rule { hours: HoursCondition::Closed, ..rule("night", 5) },
        ],
        ..table()
    };
    for (called, caller, direction, at, decided) in [
        ("+15559870001", "+34911234567", Direction::Inbound, MONDAY_NOON, Some("sales")),
        ("+1 (555) 987-0001", "", Direction::Inbound, MONDAY_NOON, Some("sales")),
        ("+15559870002", "0034911234567", Direction::Inbound, MONDAY_NOON, Some("spanish")),
        ("+15559870002", "+15551230000", Direction::Inbound, MONDAY_NOON, None),
        ("+15559870001", "+34911234567", Direction::Inbound, MONDAY_NOON + 8 * HOUR, Some("night")),
        ("+15559870001", "+34911234567", Direction::Outbound, MONDAY_NOON + 8 * HOUR, Some("outbound")),
    ] {
        let call = Call { called: called.to_owned(), caller: caller.to_owned(), direction, at };
        let answer = Component::route(call.clone(), table.clone()).unwrap();
        let expected = match decided {
            Some(id) => (Decision::Connect(format!("agent of {id}")), Reason::Rule(id.to_owned())),
            None => (table.fallback.clone(), Reason::Fallback),
        };
        assert_eq!((answer.decision, answer.reason), expected, "{call:?}");
        assert_eq!(answer.open, Some(at == MONDAY_NOON), "{call:?}");
    }
}

#[test]
fn a_blocked_caller_is_turned_down_with_the_pattern_as_written() {
    let table = Table {
        blocked_callers: patterns(&["anonymous", "+1 (555) *"]),
        rules: vec![rule("everyone", i32::MIN)],
        ..table()
    };
    for (caller, reason) in [
        ("+15551230000", Reason::Blocked("+1 (555) *".to_owned())),
        ("", Reason::Blocked("anonymous".to_owned())),
        ("+266696687", Reason::Blocked("anonymous".to_owned())),
        ("+34911234567", Reason::Rule("everyone".to_owned())),
    ] {
        let answer = Component::route(call(caller), table.clone()).unwrap();
        let is_rejected = answer.decision == Decision::Reject(Rejection::Declined);
        assert_eq!(is_rejected, matches!(reason, Reason::Blocked(_)));
        assert_eq!(answer.reason, reason, "{caller}");
    }
}

#[test]
fn without_opening_hours_it_is_always_open_and_never_closed() {
    let always = |hours| Table { hours: None, rules: vec![Rule { hours, ..rule("r", 0) }], ..table() };
    for (hours, reason) in [
        (HoursCondition::Open, Reason::Rule("r".to_owned())),
        (HoursCondition::Any, Reason::Rule("r".to_owned())),
        (HoursCondition::Closed, Reason::Fallback),
    ] {
        let answer = Component::route(call("+15551230000"), always(hours)).unwrap();
        assert_eq!((answer.reason, answer.open), (reason, None), "{hours:?}");
    }
}

#[test]
fn every_fault_of_a_table_is_found_before_any_rule_is_tried() {
    // The rule that applies comes first, so a fault behind it would not be met by chance.
    for (fault, change) in FAULTS {
        let mut table = Table { rules: vec![rule("first", 0), rule("second", 1)], ..table() };
        change(&mut table);
        match Component::route(call("+15551230000"), table) {
            Err(Error::Invalid(text)) => assert!(text.starts_with(fault), "{text:?} is not about {fault:?}"),
            other => panic!("{fault}: {other:?}"),
        }
    }
}

#[test]
fn two_rules_never_share_an_id_or_a_priority() {
    let mut table = Table { rules: vec![rule("a", 7), rule("b", 7)], ..table() };
    assert_eq!(Component::route(call(""), table.clone()), Err(Error::DuplicatePriority(7)));
    table.rules[1] = rule("a", 8);
    assert_eq!(Component::route(call(""), table.clone()), Err(Error::DuplicateRule("a".to_owned())));
    table.rules[1] = rule("b", 8);
    assert!(Component::route(call(""), table.clone()).is_ok());
    table.hours.as_mut().unwrap().time_zone = "Mars/Olympus".to_owned();
    assert_eq!(Component::route(call(""), table), Err(Error::UnknownTimeZone("Mars/Olympus".to_owned())));
}

#[test]
fn bounds_are_part_of_what_is_allowed() {
    for (ring_seconds, max_seconds) in [(5, 1), (600, 3_600)] {
        let mut table = table();
        table.fallback =
            Decision::Forward(Forwarding { to: "sip:desk@example.test".to_owned(), ring_seconds });
        assert!(Component::route(call(""), table.clone()).is_ok());
        table.fallback = Decision::Voicemail(Voicemail { greeting: "Speak".to_owned(), max_seconds });
        assert!(Component::route(call(""), table).is_ok());
    }
}

#[test]
fn a_call_without_a_called_number_or_out_of_time_is_invalid() {
    for (call, place) in [
        (Call { called: " ".to_owned(), ..call("") }, "call.called"),
        (Call { at: u64::MAX, ..call("") }, "call.at"),
        (Call { at: i64::MAX.unsigned_abs(), ..call("") }, "call.at"),
    ] {
        match Component::route(call, table()) {
            Err(Error::Invalid(text)) => assert!(text.starts_with(place), "{text}"),
            other => panic!("{place}: {other:?}"),
        }
    }
}

type Change = fn(&mut Table);

const FAULTS: [(&str, Change); 14] = [
    ("blocked-callers: \"nobody\"", |table| table.blocked_callers = patterns(&["+1555*", "nobody"])),
    ("rule \"second\", called: \"5551230000\"", |table| table.rules[1].called = patterns(&["5551230000"])),
    ("rule \"second\", called: a called number", |table| table.rules[1].called = patterns(&["anonymous"])),
    ("rule \"second\", callers: \"\"", |table| table.rules[1].callers = patterns(&[""])),
    ("the rule with priority 1 has a blank id", |table| table.rules[1].id = " ".to_owned()),
    ("rule \"second\", connect is blank", |table| table.rules[1].decision = Decision::Connect(String::new())),
    ("rule \"second\", message is blank", |table| {
        table.rules[1].decision = Decision::Message("\n".to_owned())
    }),
    ("rule \"second\", forward: cannot dial", |table| table.rules[1].decision = forward("5551230000", 30)),
    ("rule \"second\", forward: ring-seconds is 4", |table| {
        table.rules[1].decision = forward("+15551230000", 4)
    }),
    ("rule \"second\", forward: ring-seconds is 601", |table| {
        table.rules[1].decision = forward("+15551230000", 601)
    }),
    ("fallback, voicemail: greeting is blank", |table| table.fallback = voicemail("", 60)),
    ("fallback, voicemail: max-seconds is 0", |table| table.fallback = voicemail("Speak", 0)),
    ("fallback, voicemail: max-seconds is 3601", |table| table.fallback = voicemail("Speak", 3_601)),
    ("hours.weekly[0]", |table| table.hours.as_mut().unwrap().weekly[0].opens = 1_440),
];

const HOUR: u64 = 3_600_000;

fn forward(to: &str, ring_seconds: u16) -> Decision {
    Decision::Forward(Forwarding { to: to.to_owned(), ring_seconds })
}

fn voicemail(greeting: &str, max_seconds: u16) -> Decision {
    Decision::Voicemail(Voicemail { greeting: greeting.to_owned(), max_seconds })
}

/// Open on Mondays from nine to five, no rules.
fn table() -> Table {
    Table {
        blocked_callers: vec![],
        hours: Some(OpeningHours {
            time_zone: "UTC".to_owned(),
            weekly: vec![Opening { day: Weekday::Monday, opens: 9 * 60, closes: 17 * 60 }],
            special_days: vec![],
        }),
        rules: vec![],
        fallback: Decision::Message("We are closed.".to_owned()),
    }
}

fn rule(id: &str, priority: i32) -> Rule {
    Rule {
        id: id.to_owned(),
        priority,
        direction: None,
        called: vec![],
        callers: vec![],
        hours: HoursCondition::Any,
        decision: Decision::Connect(format!("agent of {id}")),
    }
}

fn call(caller: &str) -> Call {
    Call {
        called: "+15559870001".to_owned(),
        caller: caller.to_owned(),
        direction: Direction::Inbound,
        at: MONDAY_NOON,
    }
}

fn patterns(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}
