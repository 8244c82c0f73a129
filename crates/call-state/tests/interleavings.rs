//! Whatever order, repetition and loss carriers' events arrive in.
#![cfg(test)]

use std::collections::BTreeSet;
use std::time::Duration;

use call_state::{
    AnsweredBy, Applied, CallState, Carrier, CarrierEvent, Cost, Direction, EndReason, Ending, EventKind,
    Ids, Moment, Phase, Recording,
};
use proptest::prelude::*;

proptest! {
    #[test]
    fn an_end_is_final_and_its_reason_only_ever_says_more(arrivals in arrivals(events(EndReason::ALL.to_vec()))) {
        let mut call = call();
        let mut phase = Phase::Queued;
        let mut detail = None;
        for event in &arrivals {
            let before = call.facts().end().map(|end| end.reason);
            let applied = call.apply(event);
            prop_assert!(call.facts().phase() >= phase);
            phase = call.facts().phase();
            prop_assert_eq!(phase == Phase::Ended, call.facts().end().is_some());
            let raw = end_that_stands(&call);
            prop_assert!(raw.map(EndReason::detail) >= detail, "{:?} after {:?}", raw, before);
            detail = raw.map(EndReason::detail);
            prop_assert!(applied != Applied::Foreign && applied != Applied::Full);
        }
    }

    #[test]
    fn the_facts_do_not_depend_on_the_order_of_arrival(
        (first, second) in events(one_reason_of_each_detail()).prop_flat_map(|events| (shuffled(&events), shuffled(&events))),
    ) {
        let (first, second) = (told(&first), told(&second));
        prop_assert_eq!(first.facts(), second.facts());
        prop_assert_eq!(first.facts().status(), second.facts().status());
    }

    #[test]
    fn the_record_holds_every_event_once_and_replays_to_the_same_call(
        arrivals in arrivals(events(EndReason::ALL.to_vec())),
    ) {
        let call = told(&arrivals);
        let recorded: Vec<&CarrierEvent> = call.record().iter().map(|recorded| &recorded.event).collect();
        let mut seen = BTreeSet::new();
        let once: Vec<&CarrierEvent> = arrivals.iter().filter(|event| seen.insert(&event.id)).collect();
        prop_assert_eq!(&recorded, &once);
        prop_assert!(call.record().iter().all(|recorded| recorded.applied.is_kept()));
        let again = CallState::replay(call.carrier(), call.ids().clone(), recorded);
        prop_assert_eq!(&again, &call);
    }

    #[test]
    fn what_an_event_is_said_to_do_is_what_it_does(arrivals in arrivals(events(EndReason::ALL.to_vec()))) {
        let mut call = call();
        for event in &arrivals {
            let before = call.clone();
            match call.apply(event) {
                Applied::Duplicate => prop_assert_eq!(&call, &before),
                Applied::Noted | Applied::Stale | Applied::Late => {
                    prop_assert_eq!(call.facts().status(), before.facts().status());
                    let reason = |call: &CallState| call.facts().end().map(|end| end.reason);
                    prop_assert_eq!(reason(&call), reason(&before));
                    prop_assert_eq!(call.facts().recordings(), before.facts().recordings());
                    prop_assert_eq!(call.facts().cost(), before.facts().cost());
                }
                _ => {}
            }
        }
    }
}

fn call() -> CallState {
    let ids = Ids { leg: Some("a".into()), session: Some("s".into()), ..Ids::default() };
    CallState::new(Carrier::Telnyx, ids)
}

fn told(events: &[CarrierEvent]) -> CallState {
    let mut call = call();
    for event in events {
        call.apply(event);
    }
    call
}

/// The reason as it was said, not as it is seen from us: by the first recorded end of the greatest detail.
fn end_that_stands(call: &CallState) -> Option<EndReason> {
    let said = call.record().iter().filter_map(|recorded| match &recorded.event.kind {
        EventKind::Ended(ending) if recorded.event.ids.leg.as_deref() != Some("b") => Some(ending.reason),
        _ => None,
    });
    let standing = said.fold(None, |standing: Option<EndReason>, reason| match standing {
        Some(standing) if standing.detail() >= reason.detail() => Some(standing),
        _ => Some(reason),
    })?;
    let handed_over =
        call.facts().first_leg().bridged_at().is_some() || call.facts().first_leg().forwarding_at().is_some();
    let seen = standing.seen_from(call.facts().direction(), handed_over);
    assert_eq!(call.facts().end().map(|end| end.reason), Some(seen));
    Some(standing)
}

fn one_reason_of_each_detail() -> Vec<EndReason> {
    vec![EndReason::Unknown, EndReason::Completed, EndReason::CalleeHangup, EndReason::Silence]
}

/// Events of one call, each with its own id.
fn events(reasons: Vec<EndReason>) -> impl Strategy<Value = Vec<CarrierEvent>> {
    let event = (
        kinds(reasons),
        prop::option::of(0_u32..4),
        prop::option::of(0_i64..4),
        0_i64..4,
        0_usize..4,
        any::<bool>(),
    );
    proptest::collection::vec(event, 1..14).prop_map(|drawn| {
        let events = drawn.into_iter().enumerate();
        events
            .map(|(number, (kind, sequence, occurred_at, received_at, leg, ours))| CarrierEvent {
                carrier: if ours { Carrier::Platform } else { Carrier::Telnyx },
                id: number.to_string(),
                ids: ids(leg),
                direction: [None, Some(Direction::Inbound), Some(Direction::Outbound), None][leg],
                kind,
                sequence,
                occurred_at: occurred_at.map(Moment::from_millis),
                received_at: Moment::from_millis(received_at),
            })
            .collect()
    })
}

fn ids(leg: usize) -> Ids {
    let session = Some("s".to_owned());
    match leg {
        0 => Ids { session, ..Ids::default() },
        1 => Ids { leg: Some("b".into()), session, ..Ids::default() },
        _ => Ids { leg: Some("a".into()), ..Ids::default() },
    }
}

fn kinds(reasons: Vec<EndReason>) -> impl Strategy<Value = EventKind> {
    let cost = |micros| Cost { micros, currency: None };
    let ending = (
        prop::sample::select(reasons),
        prop::option::of(400_u16..404),
        prop::option::of(0_u64..3),
        prop::option::of(0_i64..3),
    );
    let ended = ending.prop_map(move |(reason, sip_status, seconds, micros)| {
        EventKind::Ended(Ending {
            sip_status,
            duration: seconds.map(Duration::from_secs),
            cost: micros.map(cost),
            ..Ending::new(reason)
        })
    });
    let other = prop::sample::select(vec![
        EventKind::Queued,
        EventKind::Initiated,
        EventKind::Ringing,
        EventKind::Answered { by: None },
        EventKind::Answered { by: Some(AnsweredBy::Human) },
        EventKind::Forwarding,
        EventKind::Bridged,
        EventKind::AnsweredBy { who: AnsweredBy::Machine },
        EventKind::GreetingEnded { beep: true },
        EventKind::Spoken { whole: true },
        EventKind::StreamStarted,
        EventKind::StreamStopped,
        EventKind::StreamFailed { cause: None },
        EventKind::Key { digit: '1' },
        EventKind::RecordingSaved(Recording { id: "r".into(), url: None, duration: None }),
        EventKind::RecordingFailed { cause: None },
        EventKind::Billed { cost: cost(7), duration: Some(Duration::from_secs(1)) },
    ]);
    prop_oneof![1 => ended, 3 => other]
}

fn shuffled(events: &[CarrierEvent]) -> impl Strategy<Value = Vec<CarrierEvent>> + use<> {
    Just(events.to_vec()).prop_shuffle()
}

/// Some of the events, some of them more than once, in any order.
fn arrivals(events: impl Strategy<Value = Vec<CarrierEvent>>) -> impl Strategy<Value = Vec<CarrierEvent>> {
    events.prop_flat_map(|events| {
        let picks = proptest::collection::vec(any::<prop::sample::Index>(), 1..30);
        picks.prop_map(move |picks| picks.iter().map(|pick| pick.get(&events).clone()).collect())
    })
}
