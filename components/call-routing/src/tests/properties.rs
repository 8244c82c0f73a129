//! What holds for every table.

use super::*;
use proptest::prelude::*;

proptest! {
    #[test]
    fn the_answer_is_that_of_the_lowest_priority_that_applies_alone(table in any_table(), call in any_call()) {
        let answer = Component::route(call.clone(), table.clone()).unwrap();
        let alone = |rule: &Rule| {
            let table = Table { rules: vec![rule.clone()], ..table.clone() };
            Component::route(call.clone(), table).unwrap().reason == Reason::Rule(rule.id.clone())
        };
        let first = table.rules.iter().filter(|rule| alone(rule)).min_by_key(|rule| rule.priority);
        let expected = match first {
            Some(rule) => (rule.decision.clone(), Reason::Rule(rule.id.clone())),
            None => (table.fallback.clone(), Reason::Fallback),
        };
        prop_assert_eq!((answer.decision, answer.reason), expected);
    }

    #[test]
    fn shuffling_the_rules_changes_nothing((table, shuffled) in shuffled(any_table()), call in any_call()) {
        prop_assert_eq!(Component::route(call.clone(), table), Component::route(call, shuffled));
    }

    #[test]
    fn shuffling_faulty_rules_changes_no_fault((table, shuffled) in shuffled(any_faulty_table()), call in any_call()) {
        prop_assert_eq!(Component::route(call.clone(), table), Component::route(call, shuffled));
    }

    #[test]
    fn a_block_beats_every_rule(table in any_table(), call in any_call(), spare in any_patterns()) {
        let caller = if call.caller.is_empty() { "anonymous" } else { call.caller.as_str() };
        let mut table = table;
        table.blocked_callers = spare;
        table.blocked_callers.push(caller.to_owned());
        let answer = Component::route(call, table).unwrap();
        prop_assert_eq!(answer.decision, Decision::Reject(Rejection::Declined));
        prop_assert!(matches!(answer.reason, Reason::Blocked(_)));
    }

    #[test]
    fn a_rule_for_open_and_one_for_closed_never_both_apply(table in any_table(), call in any_call()) {
        let reason = |hours| {
            let table = Table { rules: vec![Rule { hours, ..rule("r", 0) }], ..table.clone() };
            Component::route(call.clone(), table).unwrap().reason
        };
        prop_assert_ne!(reason(HoursCondition::Open), reason(HoursCondition::Closed));
    }

    #[test]
    fn arbitrary_text_never_crashes(text in "\\PC{0,20}", at: u64) {
        let mut table = table();
        table.blocked_callers = vec![text.clone()];
        let call = Call { called: text.clone(), caller: text, at, ..call("") };
        let _: Result<Answer, Error> = Component::route(call, table);
    }
}

fn any_call() -> impl Strategy<Value = Call> {
    (any_number(), prop_oneof![Just(String::new()), any_number()], any_direction(), 0..4_000_000_000_000u64)
        .prop_map(|(called, caller, direction, at)| Call { called, caller, direction, at })
}

fn any_table() -> impl Strategy<Value = Table> {
    let rules = prop::collection::btree_map(-5..5i32, any_rule(), 0..8);
    (rules, any::<bool>()).prop_map(|(rules, has_hours)| {
        let rules =
            rules.into_iter().map(|(priority, rule)| Rule { id: format!("r{priority}"), priority, ..rule });
        let table = Table { rules: rules.collect(), ..table() };
        if has_hours { table } else { Table { hours: None, ..table } }
    })
}

/// Tables in which rules share ids or priorities, or break some other way.
fn any_faulty_table() -> impl Strategy<Value = Table> {
    let id = prop::sample::select(vec!["", "a", "b", "c"]);
    let decision = prop::sample::select(vec![
        forward("nowhere", 30),
        voicemail("x", 0),
        Decision::Connect("x".to_owned()),
    ]);
    let rule = (any_rule(), id, 0..6i32, decision).prop_map(|(rule, id, priority, decision)| Rule {
        id: id.to_owned(),
        priority,
        decision,
        ..rule
    });
    prop::collection::vec(rule, 0..5).prop_map(|rules| Table { rules, ..table() })
}

fn any_rule() -> impl Strategy<Value = Rule> {
    let hours = prop::sample::select(vec![HoursCondition::Any, HoursCondition::Open, HoursCondition::Closed]);
    (prop::option::of(any_direction()), any_patterns(), any_patterns(), hours, "[a-z]{1,3}").prop_map(
        |(direction, called, callers, hours, agent)| Rule {
            direction,
            called,
            callers,
            hours,
            decision: Decision::Connect(agent),
            ..rule("", 0)
        },
    )
}

fn any_direction() -> impl Strategy<Value = Direction> {
    prop::sample::select(vec![Direction::Inbound, Direction::Outbound])
}

/// Few enough numbers for patterns to meet them often.
fn any_number() -> impl Strategy<Value = String> {
    "\\+1555[0-2]{2}"
}

fn any_patterns() -> impl Strategy<Value = Vec<String>> {
    prop::collection::vec(
        prop_oneof![any_number(), any_number().prop_map(|number| format!("{}*", &number[..6]))],
        0..4,
    )
}

fn shuffled(tables: impl Strategy<Value = Table>) -> impl Strategy<Value = (Table, Table)> {
    tables.prop_flat_map(|table| {
        let rules = Just(table.rules.clone()).prop_shuffle();
        rules.prop_map(move |rules| (table.clone(), Table { rules, ..table.clone() }))
    })
}
