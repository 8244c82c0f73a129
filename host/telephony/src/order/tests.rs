use std::collections::BTreeSet;

use super::*;
use crate::Cause;

const T0: Timestamp = Timestamp(1_800_000_000_000);

fn order(state: OrderState, attempts: u32, attempted_at: Option<Timestamp>) -> Order {
    Order {
        tenant: "t".parse().unwrap(),
        call: "c".parse().unwrap(),
        key: "k".into(),
        fingerprint: "f".into(),
        carrier: "any".into(),
        agent: "a".parse().unwrap(),
        from: "+15550100000".parse().unwrap(),
        to: "+34910000000".parse().unwrap(),
        variables: serde_json::Map::new(),
        not_before: T0,
        not_after: after(3600),
        hours: None,
        detect_machine: false,
        record: false,
        ring: Duration::from_secs(30),
        max_live: None,
        state,
        attempts,
        attempt_id: attempted_at.map(|_| "attempt".into()),
        attempted_at,
        next_at: T0,
        error: None,
    }
}

fn after(seconds: u64) -> Timestamp {
    T0.plus(Duration::from_secs(seconds))
}

fn due(open_from: Timestamp) -> Outcome {
    Outcome::Due { open_from: Ok(Some(open_from)) }
}

fn refusal() -> Refusal {
    Refusal { status: 400, code: Some("21211".into()), reason: EndReason::InvalidDestination }
}

fn not_done(retry_after: Option<u64>) -> Fault {
    Fault::NotDone { cause: Cause::TooMany, retry_after: retry_after.map(Duration::from_secs) }
}

const UNKNOWN: Fault = Fault::Unknown { cause: Cause::TimedOut };

#[test]
fn an_order_is_placed_in_its_hours_and_before_its_time_is_over() {
    let queued = order(OrderState::Queued, 0, None);
    let step = |now, outcome| next(&queued, outcome, &Rules::twilio(), now, 0.0);
    assert_eq!(step(T0, due(T0)), Step::Place);
    assert_eq!(step(after(3600), due(after(3600))), Step::Place);
    assert_eq!(step(T0, due(after(60))), Step::Postpone { at: after(60) });
    let expired = |step| matches!(step, Step::Fail { reason: EndReason::RegistrationExpired, .. });
    assert!(expired(step(after(3601), due(after(3601)))));
    assert!(expired(step(T0, due(after(3601)))));
    assert!(expired(step(T0, Outcome::Due { open_from: Ok(None) })));
    let invalid = step(T0, Outcome::Due { open_from: Err(InvalidHours::TimeZone) });
    assert!(matches!(invalid, Step::Fail { reason: EndReason::PlatformError, .. }));
}

#[test]
fn a_settled_order_is_left_alone() {
    for state in [OrderState::Placed, OrderState::Failed, OrderState::Cancelled] {
        for rules in [Rules::twilio(), Rules::telnyx()] {
            assert_eq!(next(&order(state, 1, Some(T0)), due(T0), &rules, T0, 0.5), Step::Leave);
        }
    }
}

#[test]
fn what_was_certainly_not_done_is_done_again_later_four_times() {
    let step = |attempts, fault| {
        let placing = order(OrderState::Placing, attempts, Some(T0));
        next(&placing, Outcome::Faulty { fault, is_first: true }, &Rules::twilio(), T0, 1.0)
    };
    for (attempts, at) in [(1, after(2)), (2, after(4)), (3, after(8))] {
        assert!(matches!(step(attempts, not_done(None)), Step::Again { at: then, .. } if then == at));
    }
    assert!(matches!(step(1, not_done(Some(30))), Step::Again { at, .. } if at == after(30)));
    for (attempts, fault) in [(4, not_done(None)), (9, not_done(None)), (1, not_done(Some(3601)))] {
        let failed = step(attempts, fault);
        assert!(matches!(failed, Step::Fail { reason: EndReason::CarrierUnavailable, .. }), "{failed:?}");
    }
}

#[test]
fn a_refusal_is_final_and_says_whose_fault_it_was() {
    for rules in [Rules::twilio(), Rules::telnyx()] {
        let placing = order(OrderState::Placing, 1, Some(T0));
        let outcome = Outcome::Faulty { fault: Fault::Refused { refusal: refusal() }, is_first: true };
        let why = "status 400, code 21211".to_owned();
        let expected = Step::Fail { reason: EndReason::InvalidDestination, why };
        assert_eq!(next(&placing, outcome, &rules, T0, 0.5), expected);
    }
}

#[test]
fn twilio_is_asked_what_it_placed_once_that_must_be_listed() {
    let placing = order(OrderState::Placing, 1, Some(T0));
    let outcome = || Outcome::Faulty { fault: UNKNOWN, is_first: true };
    let at = |step| match step {
        Step::Uncertain { at, .. } => at,
        other => panic!("{other:?}"),
    };
    let rules = Rules::twilio();
    assert_eq!(at(next(&placing, outcome(), &rules, after(1), 0.5)), after(15));
    // A request that lasted long is not older than its last byte.
    assert_eq!(at(next(&placing, outcome(), &rules, after(14), 0.5)), after(19));
    let uncertain = order(OrderState::Uncertain, 1, Some(T0));
    assert_eq!(at(next(&uncertain, due(after(14)), &rules, after(14), 0.5)), after(15));
    for state in [OrderState::Uncertain, OrderState::Placing] {
        let step = next(&order(state, 1, Some(T0)), due(after(15)), &rules, after(15), 0.5);
        assert_eq!(step, Step::LookUp { refused: None });
    }
    let absent = Outcome::Absent { refused: None };
    assert!(
        matches!(next(&uncertain, absent, &rules, after(15), 0.5), Step::Again { at, .. } if at == after(16))
    );
    let ids = Ids { leg: Some("CA1".into()), ..Ids::default() };
    assert_eq!(next(&uncertain, Outcome::Found(ids.clone()), &rules, after(15), 0.5), Step::Placed(ids));
}

#[test]
fn telnyx_is_asked_by_the_same_name_while_it_remembers_and_the_hours_last() {
    let rules = Rules::telnyx();
    let uncertain = order(OrderState::Uncertain, 1, Some(T0));
    let step = |now, outcome| next(&uncertain, outcome, &rules, now, 0.5);
    assert_eq!(step(after(49), due(after(49))), Step::PlaceAgain);
    for (now, outcome) in [
        (after(50), due(after(50))),
        (after(10), due(after(11))),
        (after(10), Outcome::Due { open_from: Ok(None) }),
        (after(10), Outcome::Due { open_from: Err(InvalidHours::Time) }),
    ] {
        assert_eq!(step(now, outcome), Step::LookUp { refused: None });
    }
    let mut late = uncertain.clone();
    late.not_after = after(9);
    assert_eq!(next(&late, due(after(10)), &rules, after(10), 0.5), Step::LookUp { refused: None });
}

#[test]
fn nothing_that_telnyx_says_the_second_time_unmakes_the_first() {
    let rules = Rules::telnyx();
    let uncertain = order(OrderState::Uncertain, 1, Some(T0));
    let step = |fault| next(&uncertain, Outcome::Faulty { fault, is_first: false }, &rules, after(10), 0.0);
    assert!(matches!(step(UNKNOWN), Step::Uncertain { at, .. } if at == Timestamp(after(10).0 + 500)));
    assert!(matches!(step(not_done(Some(7))), Step::Uncertain { at, .. } if at == after(17)));
    let refused = step(Fault::Refused { refusal: refusal() });
    assert_eq!(refused, Step::LookUp { refused: Some(refusal()) });
    let absent = next(&uncertain, Outcome::Absent { refused: Some(refusal()) }, &rules, after(10), 0.0);
    assert!(matches!(absent, Step::Fail { reason: EndReason::InvalidDestination, .. }));
    // Its list has only calls that go on.
    let absent = next(&uncertain, Outcome::Absent { refused: None }, &rules, after(60), 0.0);
    assert!(matches!(absent, Step::Fail { reason: EndReason::CarrierUnavailable, .. }));
}

#[test]
fn looking_has_an_end() {
    let uncertain = order(OrderState::Uncertain, 1, Some(T0));
    let step = |now, share| next(&uncertain, Outcome::NotLooked, &Rules::twilio(), now, share);
    let at = |step| match step {
        Step::Uncertain { at, .. } => at,
        other => panic!("{other:?}"),
    };
    assert_eq!(at(step(after(15), 1.0)), Timestamp(after(15).0 + 7500));
    assert_eq!(at(step(after(300), 1.0)), after(360));
    assert_eq!(at(step(after(300), 0.0)), after(330));
    assert!(matches!(step(after(600), 0.0), Step::Fail { reason: EndReason::CarrierUnavailable, .. }));
    let undated = order(OrderState::Uncertain, 1, None);
    assert!(matches!(next(&undated, due(T0), &Rules::twilio(), T0, 0.0), Step::Fail { .. }));
}

/// Every state, attempt, age and outcome: a call is asked for only where nothing can have been placed before.
#[test]
fn no_order_that_may_be_placed_is_placed_anew() {
    let outcomes = [
        due(T0),
        due(after(3600)),
        Outcome::Due { open_from: Ok(None) },
        Outcome::Faulty { fault: UNKNOWN, is_first: true },
        Outcome::Faulty { fault: UNKNOWN, is_first: false },
        Outcome::Faulty { fault: not_done(None), is_first: true },
        Outcome::Faulty { fault: not_done(None), is_first: false },
        Outcome::Faulty { fault: Fault::Refused { refusal: refusal() }, is_first: true },
        Outcome::Faulty { fault: Fault::Refused { refusal: refusal() }, is_first: false },
        Outcome::Absent { refused: None },
        Outcome::Absent { refused: Some(refusal()) },
        Outcome::NotLooked,
    ];
    let mut seen = BTreeSet::new();
    for state in [OrderState::Queued, OrderState::Placing, OrderState::Uncertain, OrderState::Placed] {
        for rules in [Rules::twilio(), Rules::telnyx()] {
            for attempts in 0..6 {
                for age in [0, 1, 14, 15, 49, 50, 599, 600, 4000] {
                    for outcome in &outcomes {
                        let order = order(state, attempts, (state != OrderState::Queued).then_some(T0));
                        let step = next(&order, outcome.clone(), &rules, after(age), 0.5);
                        let is_due = matches!(outcome, Outcome::Due { .. });
                        match step {
                            Step::Place => assert!(state == OrderState::Queued && is_due),
                            Step::PlaceAgain => assert!(rules.is_idempotent && is_due && age < 50),
                            Step::Again { .. } => assert!(match outcome {
                                Outcome::Faulty { fault: Fault::NotDone { .. }, is_first } => *is_first,
                                Outcome::Absent { refused: None } => !rules.is_idempotent,
                                _ => false,
                            }),
                            Step::Postpone { .. } => assert_eq!(state, OrderState::Queued),
                            _ => {}
                        }
                        seen.insert(format!("{step:?}").split([' ', '(']).next().unwrap().to_owned());
                    }
                }
            }
        }
    }
    let expected = ["Again", "Fail", "Leave", "LookUp", "Place", "PlaceAgain", "Postpone", "Uncertain"];
    assert_eq!(seen.into_iter().collect::<Vec<_>>(), expected);
}

mod life;
