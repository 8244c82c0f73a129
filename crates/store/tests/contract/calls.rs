use std::time::Duration;

use call_state::{Applied, EndReason, Ending, EventKind};
use events::CallEvent;
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::TestRunner;
use store::{Call, CallFilter, CallId, CallStatus, Created, Cursor, NewCall, Timestamp};

use crate::contract;
use crate::fixture::{Fixture, NOW, after, said};

contract! {
    a_call_that_the_carrier_offers_twice_is_stored_once,
    a_new_call_begins_with_its_events,
    a_call_of_an_unknown_tenant_leaves_nothing,
    another_tenant_does_not_see_a_call,
    pages_hold_every_call_once_and_the_newest_first,
    a_filter_leaves_only_what_fits,
    a_late_word_is_kept_and_does_not_move_the_call,
    the_order_of_the_carriers_words_does_not_matter,
}

async fn a_call_that_the_carrier_offers_twice_is_stored_once(store: &Fixture) {
    let first = store.create_call(&store.tenant, store.new_call("CA1"), &[received()], NOW).await.unwrap();
    let second = store.create_call(&store.tenant, store.new_call("CA1"), &[received()], NOW).await.unwrap();
    let Created::New(call) = first else { panic!("{first:?}") };
    assert_eq!(second, Created::Existing(call.clone()));
    assert_eq!(store.events(&store.tenant, &call.id, 0).await.unwrap().len(), 1);
    assert_eq!(store.call(&store.tenant, &call.id).await.unwrap(), Some(call));
}

async fn a_new_call_begins_with_its_events(store: &Fixture) {
    let new = store.new_call("CA1");
    let id = new.id.clone();
    store.create_call(&store.tenant, new, &[received(), CallEvent::Recovered], NOW).await.unwrap();
    let events = store.events(&store.tenant, &id, 0).await.unwrap();
    assert_eq!(events.iter().map(|event| event.seq).collect::<Vec<_>>(), [1, 2]);
    assert_eq!(events[0].event(), Some(received()));
    assert_eq!(events[0].at, NOW);
}

async fn a_call_of_an_unknown_tenant_leaves_nothing(store: &Fixture) {
    let nobody = "nobody".parse().unwrap();
    let new = NewCall { agent: None, ..store.new_call("CA1") };
    assert!(store.create_call(&nobody, new, &[received()], NOW).await.is_err());
    assert_eq!(store.call_by_carrier_id(&nobody, "twilio", "CA1").await.unwrap(), None);
}

async fn another_tenant_does_not_see_a_call(store: &Fixture) {
    let id = store.stored_call("CA1").await;
    store.append_event(&store.tenant, &id, received(), NOW).await.unwrap();
    assert_eq!(store.call(&store.stranger, &id).await.unwrap(), None);
    assert_eq!(store.call_by_carrier_id(&store.stranger, "twilio", "CA1").await.unwrap(), None);
    assert!(store.events(&store.stranger, &id, 0).await.unwrap().is_empty());
    let page = store.calls(&store.stranger, &CallFilter::default(), None, 10).await.unwrap();
    assert!(page.calls.is_empty());
    assert!(store.append_event(&store.stranger, &id, received(), NOW).await.is_err());
}

async fn pages_hold_every_call_once_and_the_newest_first(store: &Fixture) {
    for number in 0..7 {
        // Pairs share their time, so the id must decide between them.
        let at = NOW.plus(Duration::from_secs(number / 2));
        let new = store.new_call(&format!("CA{number}"));
        store.create_call(&store.tenant, new, &[], at).await.unwrap();
    }
    let all = store.calls(&store.tenant, &CallFilter::default(), None, 100).await.unwrap();
    assert_eq!((all.calls.len(), &all.next), (7, &None));
    assert!(
        all.calls
            .windows(2)
            .all(|pair| (pair[0].started_at, &pair[0].id) > (pair[1].started_at, &pair[1].id))
    );
    for limit in [1, 2, 3, 7] {
        assert_eq!(paged(store, limit).await, all.calls, "pages of {limit}");
    }
}

async fn paged(store: &Fixture, limit: u32) -> Vec<Call> {
    let (mut calls, mut after) = (Vec::new(), None::<Cursor>);
    loop {
        let page = store.calls(&store.tenant, &CallFilter::default(), after.as_ref(), limit).await.unwrap();
        assert!(page.calls.len() <= limit as usize);
        calls.extend(page.calls);
        match page.next {
            Some(next) => after = Some(next.to_string().parse().unwrap()),
            None => return calls,
        }
    }
}

async fn a_filter_leaves_only_what_fits(store: &Fixture) {
    store.stored_call("CA1").await;
    let other = NewCall { from: "+15559990000".into(), ..store.new_call("CA2") };
    store.create_call(&store.tenant, other, &[], NOW).await.unwrap();
    let over = store.call_by_carrier_id(&store.tenant, "twilio", "CA2").await.unwrap().unwrap().id;
    tell(store, &over, "CA2", CallStatus::Completed).await;
    for (status, from, expected) in [
        (Some(CallStatus::Completed), None, vec!["CA2"]),
        (Some(CallStatus::Ringing), None, vec!["CA1"]),
        (None, Some("+15551230000"), vec!["CA1"]),
        (Some(CallStatus::Ringing), Some("+15559990000"), vec![]),
    ] {
        let filter = CallFilter { status, from: from.map(str::to_owned) };
        let page = store.calls(&store.tenant, &filter, None, 10).await.unwrap();
        let found: Vec<_> = page.calls.iter().map(|call| call.carrier_call_id.as_deref().unwrap()).collect();
        assert_eq!(found, expected, "{filter:?}");
    }
}

async fn a_late_word_is_kept_and_does_not_move_the_call(store: &Fixture) {
    let call = store.stored_call("CA1").await;
    assert_eq!(tell(store, &call, "CA1", CallStatus::Completed).await, Applied::Changed);
    // The moment of answering is told by the late word, and is true all the same.
    assert_eq!(tell(store, &call, "CA1", CallStatus::InProgress).await, Applied::Late);
    let seen = store.seen(&call).await;
    assert_eq!((seen.status, seen.duration_s), (CallStatus::Completed, Some(42)));
    assert_eq!(seen.ended_at, Some(reported_at(CallStatus::Completed)));
    assert_eq!(seen.answered_at, Some(reported_at(CallStatus::InProgress)));
    // What did not move the call is not in its log, but in what the carrier said.
    assert_eq!(store.events(&store.tenant, &call, 0).await.unwrap().len(), 1);
    assert_eq!(store.carrier_state(&store.tenant, &call).await.unwrap().record().len(), 2);
}

async fn the_order_of_the_carriers_words_does_not_matter(store: &Fixture) {
    let course =
        vec![CallStatus::Initiated, CallStatus::Ringing, CallStatus::InProgress, CallStatus::Completed];
    // Any words of the course, in any order, with repeats.
    let words = proptest::collection::vec(proptest::sample::select(course), 1..8);
    let mut runner = TestRunner::deterministic();
    for number in 0..40 {
        let case = words.new_tree(&mut runner).unwrap().current();
        let leg = format!("CA{number}");
        let call = store.stored_call(&leg).await;
        for status in &case {
            tell(store, &call, &leg, *status).await;
        }
        let seen = store.seen(&call).await;
        // It began to ring when it was stored.
        let expected = case.iter().chain([&CallStatus::Ringing]).max_by_key(|status| **status as u8);
        assert_eq!(Some(&seen.status), expected, "{case:?}");
        assert_eq!(seen.answered_at.is_some(), case.contains(&CallStatus::InProgress), "{case:?}");
        assert_eq!(seen.ended_at.is_some(), case.contains(&CallStatus::Completed), "{case:?}");
        let mut distinct = case.clone();
        distinct.sort_by_key(|status| *status as u8);
        distinct.dedup();
        let heard = store.carrier_state(&store.tenant, &call).await.unwrap();
        assert_eq!(heard.record().len(), distinct.len(), "{case:?}");
    }
}

/// The carrier says once, however often it is asked to, that its call `leg` has this status.
async fn tell(store: &Fixture, call: &CallId, leg: &str, status: CallStatus) -> Applied {
    let kind = match status {
        CallStatus::Initiated => EventKind::Initiated,
        CallStatus::Ringing => EventKind::Ringing,
        CallStatus::InProgress => EventKind::Answered { by: None },
        _ => {
            let duration = Some(Duration::from_secs(42));
            EventKind::Ended(Ending { duration, ..Ending::new(EndReason::Completed) })
        }
    };
    store.hear(call, &said(leg, status.as_str(), kind, status as u64)).await.applied
}

fn reported_at(status: CallStatus) -> Timestamp {
    after(status as u64)
}

fn received() -> CallEvent {
    CallEvent::Received { carrier: "twilio".into(), decision: "connect".into(), reason: "fallback".into() }
}
