//! Random courses of calls: what carriers say in any order, with repeats, and what our log says in between.

use std::collections::BTreeSet;
use std::time::Duration;

use call_state::{
    AnsweredBy, CallState, Carrier, CarrierEvent, Cost, Direction, EndReason, Ending, EventKind, Ids, Moment,
    Recording,
};
use events::CallEvent;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use store::{Call, CallId, Named};

use crate::contract;
use crate::fixture::{Fixture, NOW, after};

contract! {
    a_stored_call_is_what_the_state_machine_alone_makes_of_it,
    log_and_carriers_may_be_heard_in_any_order,
}

/// Each in a database and with all its events in transactions of their own.
const CASES: usize = 60;

async fn a_stored_call_is_what_the_state_machine_alone_makes_of_it(store: &Fixture) {
    let mut runner = TestRunner::deterministic();
    let arrivals = arrivals();
    for number in 0..CASES {
        let case = arrivals.new_tree(&mut runner).unwrap().current();
        let leg = format!("v3:{number}");
        let call = begun(store, &leg).await;
        let events: Vec<CarrierEvent> = case.iter().map(|event| of_leg(event, &leg)).collect();
        let mut alone = CallState::new(Carrier::Telnyx, ids(&leg)).running(Direction::Outbound);
        for event in &events {
            let told = store.hear(&call, event).await;
            assert_eq!(told.applied, alone.apply(event), "{events:#?}");
            assert_eq!(told.state, alone, "{events:#?}");
            assert_shows(&told.call, &alone);
        }
        let mut seen = BTreeSet::new();
        let once: Vec<_> = events.iter().filter(|event| seen.insert(&event.id)).cloned().collect();
        let stored = store.carrier_state(&store.tenant, &call).await.unwrap();
        let recorded: Vec<_> = stored.record().iter().map(|recorded| recorded.event.clone()).collect();
        assert_eq!((recorded, stored), (once, alone));
    }
}

fn assert_shows(call: &Call, state: &CallState) {
    let (facts, leg) = (state.facts(), state.facts().first_leg());
    let at = |moment: Option<Moment>| moment.map(|moment| store::Timestamp(moment.as_millis()));
    assert_eq!(call.status.as_str(), facts.status());
    assert_eq!((call.answered_at, call.ended_at), (at(leg.answered_at()), at(leg.ended_at())));
    assert_eq!(call.duration_s.map(u64::from), leg.duration().map(|duration| duration.as_secs()));
    assert_eq!(call.end_reason.as_deref(), facts.end().map(|end| end.reason.code()));
    let fault = facts.end().map(|end| serde_json::to_value(end.fault).unwrap());
    assert_eq!(call.end_fault.clone().map(serde_json::Value::from), fault);
    assert_eq!(call.cost, facts.cost());
    let answered_by = leg.answered_by().map(|who| serde_json::to_value(who).unwrap());
    assert_eq!(call.answered_by.clone().map(serde_json::Value::from), answered_by);
}

/// Two calls are told the same by the log and by the carrier, each in its order, but mixed otherwise.
async fn log_and_carriers_may_be_heard_in_any_order(store: &Fixture) {
    let mut runner = TestRunner::deterministic();
    let story = (arrivals(), log(), proptest::collection::vec(any::<bool>(), 40));
    for number in 0..CASES {
        let (arrivals, log, mixture) = story.new_tree(&mut runner).unwrap().current();
        let mut calls = Vec::new();
        for (side, flip) in [("a", false), ("b", true)] {
            let leg = format!("v3:{number}{side}");
            let call = begun(store, &leg).await;
            let (mut heard, mut logged) = (arrivals.iter(), log.iter().zip(1..));
            // The mixture, and then whatever it left over; for the other call the other way round.
            for of_carrier in
                mixture.iter().map(|of_carrier| *of_carrier != flip).chain([true, false].repeat(40))
            {
                if of_carrier {
                    let Some(event) = heard.next() else { continue };
                    store.hear(&call, &of_leg(event, &leg)).await;
                } else if let Some((event, seconds)) = logged.next() {
                    store.append_event(&store.tenant, &call, event.clone(), after(seconds)).await.unwrap();
                }
            }
            assert!(heard.next().is_none() && logged.next().is_none());
            calls.push(store.seen(&call).await);
        }
        let shown = |call: &Call| Call {
            id: calls[0].id.clone(),
            carrier_call_id: None,
            carrier_session_id: None,
            ..call.clone()
        };
        assert_eq!(shown(&calls[0]), shown(&calls[1]), "{arrivals:#?} {log:#?} {mixture:?}");
    }
}

/// A call whose session is known, by which its later legs are.
async fn begun(store: &Fixture, leg: &str) -> CallId {
    let order = store::NewOrder { call: CallId::generate(NOW), ..store.new_order(leg) };
    let id = order.call.clone();
    store.order_call(&store.tenant, order, NOW).await.unwrap();
    assert_eq!(store.name_call(&store.tenant, &id, &ids(leg), NOW).await.unwrap(), Named::Now);
    id
}

fn ids(leg: &str) -> Ids {
    Ids { leg: Some(leg.into()), session: Some(format!("session of {leg}")), ..Ids::default() }
}

/// The same event, of a call whose first leg is `leg`.
fn of_leg(event: &CarrierEvent, leg: &str) -> CarrierEvent {
    let named =
        |id: &Option<String>| id.as_ref().map(|id| if id == "a" { leg.to_owned() } else { id.clone() });
    let session = event.ids.session.as_ref().map(|_| format!("session of {leg}"));
    CarrierEvent { ids: Ids { leg: named(&event.ids.leg), session, ..Ids::default() }, ..event.clone() }
}

/// What our log may say of a call, in an order in which it may say it.
fn log() -> impl Strategy<Value = Vec<CallEvent>> {
    use events::EndReason::{AgentHangup, CallerHangup, CarrierLost, Silence, Transferred};
    let connected = || CallEvent::MediaConnected { stream: "s".into() };
    let why = prop::sample::select(vec![AgentHangup, CallerHangup, CarrierLost, Silence, Transferred]);
    (any::<bool>(), any::<bool>(), prop::option::of(why)).prop_map(move |(begun, lost, why)| {
        let mut log = Vec::new();
        log.extend(begun.then(connected));
        if begun && lost {
            log.extend([CallEvent::Ended { reason: CarrierLost }, CallEvent::Recovered, connected()]);
        }
        log.extend(why.map(|reason| CallEvent::Ended { reason }));
        log
    })
}

/// Some of the events of a call, some of them more than once, in any order.
fn arrivals() -> impl Strategy<Value = Vec<CarrierEvent>> {
    let drawn = (
        kinds(),
        prop::option::of(0_u32..4),
        prop::option::of(0_u64..4),
        0_u64..4,
        0_usize..4,
        any::<bool>(),
    );
    proptest::collection::vec(drawn, 1..10).prop_flat_map(|drawn| {
        let events: Vec<_> = drawn
            .into_iter()
            .enumerate()
            .map(|(number, (kind, sequence, occurred, received, leg, ours))| {
                let carrier = if ours { Carrier::Platform } else { Carrier::Telnyx };
                let leg = [None, Some("b"), Some("a"), Some("a")][leg];
                CarrierEvent { carrier, ..event(number, kind, sequence, occurred, received, leg) }
            })
            .collect();
        let picks = proptest::collection::vec(any::<prop::sample::Index>(), 1..16);
        picks.prop_map(move |picks| picks.iter().map(|pick| pick.get(&events).clone()).collect())
    })
}

fn event(
    number: usize,
    kind: EventKind,
    sequence: Option<u32>,
    occurred: Option<u64>,
    received: u64,
    leg: Option<&str>,
) -> CarrierEvent {
    CarrierEvent {
        carrier: Carrier::Telnyx,
        id: number.to_string(),
        ids: Ids { leg: leg.map(str::to_owned), session: Some("s".into()), ..Ids::default() },
        direction: None,
        kind,
        sequence,
        occurred_at: occurred.map(|seconds| Moment::from_millis(after(seconds).0)),
        received_at: Moment::from_millis(after(received).0),
    }
}

fn kinds() -> impl Strategy<Value = EventKind> {
    let cost = |micros| Cost { micros, currency: None };
    let reasons = prop::sample::select(EndReason::ALL.to_vec());
    let ended = (reasons, prop::option::of(0_u64..3), prop::option::of(0_i64..3)).prop_map(
        move |(reason, seconds, micros)| {
            let duration = seconds.map(Duration::from_secs);
            EventKind::Ended(Ending { duration, cost: micros.map(cost), ..Ending::new(reason) })
        },
    );
    let recording = Recording { id: "r".into(), url: None, duration: None };
    let other = prop::sample::select(vec![
        EventKind::Queued,
        EventKind::Initiated,
        EventKind::Ringing,
        EventKind::Answered { by: None },
        EventKind::Answered { by: Some(AnsweredBy::Human) },
        EventKind::Forwarding,
        EventKind::Bridged,
        EventKind::AnsweredBy { who: AnsweredBy::Machine },
        EventKind::StreamStarted,
        EventKind::Key { digit: '1' },
        EventKind::RecordingSaved(recording),
        EventKind::Billed { cost: cost(7), duration: Some(Duration::from_secs(1)) },
    ]);
    prop_oneof![1 => ended, 2 => other]
}
