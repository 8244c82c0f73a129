use std::time::Duration;

use super::*;
use crate::{AnsweredBy, Ending, Streaming};

#[test]
fn a_call_goes_through_its_phases_and_skips_what_was_not_said() {
    let mut call = call();
    for (kind, applied, status) in [
        (EventKind::Queued, Applied::Noted, "queued"),
        (EventKind::Initiated, Applied::Changed, "initiated"),
        (EventKind::Answered { by: None }, Applied::Changed, "in-progress"),
        (EventKind::Ringing, Applied::Stale, "in-progress"),
        (ended(EndReason::Completed), Applied::Changed, "completed"),
    ] {
        assert_eq!(call.apply(&event(kind)), applied);
        assert_eq!(call.facts().status(), status);
    }
    assert!(call.facts().first_leg().ringing_at().is_some(), "when it rang is known all the same");
}

#[test]
fn an_end_without_an_answer_is_an_end() {
    let mut call = call();
    assert_eq!(call.apply(&event(ended(EndReason::NoAnswer))), Applied::Changed);
    assert_eq!(call.facts().status(), "no-answer");
    assert_eq!(call.apply(&event(EventKind::Ringing)), Applied::Late);
    assert_eq!(call.facts().phase(), Phase::Ended);
}

#[test]
fn what_a_call_lasted_and_cost_may_be_said_after_its_end() {
    let mut call = call();
    call.apply(&event(ended(EndReason::CallerHangup)));
    let cost = Cost { micros: 5_500, currency: None };
    let billed = EventKind::Billed { cost: cost.clone(), duration: Some(Duration::from_secs(60)) };
    assert_eq!(call.apply(&event(billed)), Applied::Changed);
    let recording = Recording { id: "RE1".into(), url: None, duration: None };
    let saved = CarrierEvent {
        ids: Ids { session: Some("s".into()), ..Ids::default() },
        ..event(EventKind::RecordingSaved(recording.clone()))
    };
    assert_eq!(call.apply(&saved), Applied::Changed);
    let facts = call.facts();
    assert_eq!(facts.first_leg().duration(), Some(Duration::from_secs(60)));
    assert_eq!((facts.cost(), facts.recordings().first()), (Some(cost), Some(&recording)));
    assert_eq!(facts.end().unwrap().reason, EndReason::CallerHangup);
}

#[test]
fn a_reason_gives_way_only_to_one_that_says_more() {
    let mut call = call();
    for (said, applied, stands) in [
        (EndReason::Completed, Applied::Changed, EndReason::Completed),
        (EndReason::Unknown, Applied::Late, EndReason::Completed),
        (EndReason::CallerHangup, Applied::Changed, EndReason::CallerHangup),
        (EndReason::CalleeHangup, Applied::Contradiction, EndReason::CallerHangup),
        (EndReason::SttFailed, Applied::Changed, EndReason::SttFailed),
        (EndReason::Completed, Applied::Late, EndReason::SttFailed),
    ] {
        let end = CarrierEvent { carrier: Carrier::Platform, ..event(ended(said)) };
        assert_eq!(call.apply(&end), applied, "{said:?}");
        assert_eq!(call.facts().end().unwrap().reason, stands);
    }
    assert_eq!(call.contradictions().count(), 1);
    assert_eq!(call.facts().end().unwrap().fault, Fault::Vendor);
}

#[test]
fn an_answer_to_a_call_that_nobody_answered_is_a_contradiction_whichever_comes_first() {
    let answered = event(EventKind::Answered { by: Some(AnsweredBy::Human) });
    let busy = event(ended(EndReason::Busy));
    for order in [[&answered, &busy], [&busy, &answered]] {
        let mut call = call();
        assert_eq!(call.apply(order[0]), Applied::Changed);
        assert_eq!(call.apply(order[1]), Applied::Contradiction);
        assert_eq!((call.facts().status(), call.record().len()), ("busy", 2));
    }
}

#[test]
fn the_last_said_fact_is_true_by_number_and_then_by_time() {
    let stream = |kind, sequence, at| CarrierEvent {
        sequence,
        occurred_at: Some(Moment::from_millis(at)),
        ..event(kind)
    };
    let mut call = call();
    assert_eq!(call.apply(&stream(EventKind::StreamStopped, None, 20)), Applied::Changed);
    assert_eq!(call.apply(&stream(EventKind::StreamStarted, None, 10)), Applied::Stale);
    assert_eq!(call.facts().first_leg().streaming(), Some(Streaming::Stopped));
    assert_eq!(call.apply(&stream(EventKind::StreamStarted, Some(1), 5)), Applied::Changed);
    assert_eq!(call.facts().first_leg().streaming(), Some(Streaming::Started));
}

#[test]
fn the_carriers_clock_is_preferred_to_ours() {
    let mut call = call();
    let received =
        |millis| CarrierEvent { received_at: Moment::from_millis(millis), ..event(EventKind::Ringing) };
    call.apply(&received(100));
    call.apply(&CarrierEvent { occurred_at: Some(Moment::from_millis(300)), ..received(400) });
    call.apply(&received(50));
    assert_eq!(call.facts().first_leg().ringing_at(), Some(Moment::from_millis(300)));
}

#[test]
fn a_leg_that_was_dialled_ends_without_ending_the_call() {
    let mut call = call();
    call.apply(&event(EventKind::Answered { by: None }));
    let ids = |leg: &str| Ids { leg: Some(leg.into()), parent: Some("a".into()), ..Ids::default() };
    let declined = CarrierEvent { ids: ids("b"), ..event(ended(EndReason::Declined)) };
    assert_eq!(call.apply(&declined), Applied::Changed);
    assert_eq!(call.facts().status(), "in-progress");
    assert_eq!(call.facts().further_legs()["b"].phase(), Phase::Ended);
    for leg in 1..LEGS_MAX {
        let ringing = CarrierEvent { ids: ids(&format!("b{leg}")), ..event(EventKind::Ringing) };
        assert_eq!(call.apply(&ringing), Applied::Changed);
    }
    let one_more = CarrierEvent { ids: ids("one more"), ..event(EventKind::Ringing) };
    assert_eq!(call.apply(&one_more), Applied::Full);
}

#[test]
fn who_hung_up_is_seen_from_our_side_and_after_a_handover_from_the_others() {
    let hung_up = event(ended(EndReason::CalleeHangup));
    let mut plain = call();
    plain.apply(&hung_up);
    assert_eq!(plain.facts().end().unwrap().reason, EndReason::AgentHangup);
    let mut handed_over = call();
    handed_over.apply(&hung_up);
    assert_eq!(handed_over.apply(&event(EventKind::Bridged)), Applied::Changed);
    assert_eq!(handed_over.facts().end().unwrap().fault, Fault::Callee);
    let mut outbound = call();
    outbound.apply(&CarrierEvent { direction: Some(Direction::Outbound), ..hung_up });
    assert_eq!(outbound.facts().end().unwrap().fault, Fault::Callee);
}

#[test]
fn what_names_another_call_or_carrier_is_not_taken() {
    let mut call = call();
    let other = Ids { leg: Some("z".into()), session: Some("t".into()), ..Ids::default() };
    assert_eq!(call.apply(&CarrierEvent { ids: other, ..event(EventKind::Ringing) }), Applied::Foreign);
    let nameless = CarrierEvent { ids: Ids::default(), ..event(EventKind::Ringing) };
    assert_eq!(call.apply(&nameless), Applied::Foreign);
    let twilio = CarrierEvent { carrier: Carrier::Twilio, ..event(EventKind::Ringing) };
    assert_eq!(call.apply(&twilio), Applied::Foreign);
    assert!(call.record().is_empty());
}

#[test]
fn keys_cannot_take_the_room_of_the_end() {
    let mut call = call();
    let keys = (0..EVENTS_MAX)
        .map(|number| CarrierEvent { id: number.to_string(), ..event(EventKind::Key { digit: '1' }) });
    let kept = keys.filter(|key| call.apply(key) == Applied::Noted).count();
    assert_eq!(kept, EVENTS_MAX - RESERVED);
    assert_eq!(call.apply(&event(ended(EndReason::CallerHangup))), Applied::Changed);
}

#[test]
fn what_we_know_of_the_direction_goes_before_what_carriers_say() {
    let hangup = event(ended(EndReason::CalleeHangup));
    for (known, reason, fault) in [
        (None, EndReason::AgentHangup, Fault::Agent),
        (Some(Direction::Inbound), EndReason::AgentHangup, Fault::Agent),
        (Some(Direction::Outbound), EndReason::CalleeHangup, Fault::Callee),
    ] {
        let mut call = known.map_or_else(call, |direction| call().running(direction));
        call.apply(&hangup);
        let end = call.facts().end().unwrap();
        assert_eq!((end.reason, end.fault), (reason, fault), "{known:?}");
    }
}

#[test]
fn a_call_survives_storage() {
    let mut call = call();
    call.apply(&event(EventKind::Answered { by: Some(AnsweredBy::Machine) }));
    call.apply(&event(ended(EndReason::VoicemailReached)));
    let stored = serde_json::to_string(&call).unwrap();
    assert_eq!(serde_json::from_str::<CallState>(&stored).unwrap(), call);
}

fn call() -> CallState {
    CallState::new(
        Carrier::Telnyx,
        Ids { leg: Some("a".into()), session: Some("s".into()), ..Ids::default() },
    )
}

fn ended(reason: EndReason) -> EventKind {
    EventKind::Ended(Ending::new(reason))
}

/// An event with an id of its own.
fn event(kind: EventKind) -> CarrierEvent {
    use std::sync::atomic::{AtomicU64, Ordering};
    static NEXT: AtomicU64 = AtomicU64::new(0);
    CarrierEvent {
        carrier: Carrier::Telnyx,
        id: format!("event {}", NEXT.fetch_add(1, Ordering::Relaxed)),
        ids: Ids { leg: Some("a".into()), ..Ids::default() },
        direction: None,
        kind,
        sequence: None,
        occurred_at: None,
        received_at: Moment::from_millis(1000),
    }
}
