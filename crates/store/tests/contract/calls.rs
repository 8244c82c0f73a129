use std::time::Duration;

use events::CallEvent;
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::TestRunner;
use store::{Call, CallFilter, CallStatus, Created, Cursor, NewCall, StatusChange, StatusReport, Timestamp};

use crate::contract;
use crate::fixture::{Fixture, NOW};

contract! {
    a_call_that_the_carrier_offers_twice_is_stored_once,
    a_new_call_begins_with_its_events,
    a_call_of_an_unknown_tenant_leaves_nothing,
    another_tenant_does_not_see_a_call,
    pages_hold_every_call_once_and_the_newest_first,
    a_filter_leaves_only_what_fits,
    a_report_that_comes_twice_is_logged_once,
    a_late_report_is_logged_and_does_not_move_the_call,
    a_report_on_an_unknown_call_changes_nothing,
    the_order_of_reports_does_not_matter,
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
    apply(store, "CA2", CallStatus::Completed, Some(3)).await;
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

async fn a_report_that_comes_twice_is_logged_once(store: &Fixture) {
    let id = store.stored_call("CA1").await;
    assert_eq!(apply(store, "CA1", CallStatus::InProgress, Some(2)).await, StatusChange::Applied);
    assert_eq!(apply(store, "CA1", CallStatus::InProgress, Some(2)).await, StatusChange::Duplicate);
    assert_eq!(store.events(&store.tenant, &id, 0).await.unwrap().len(), 1);
}

async fn a_late_report_is_logged_and_does_not_move_the_call(store: &Fixture) {
    let id = store.stored_call("CA1").await;
    assert_eq!(apply(store, "CA1", CallStatus::Completed, Some(3)).await, StatusChange::Applied);
    assert_eq!(apply(store, "CA1", CallStatus::InProgress, Some(2)).await, StatusChange::Late);
    let call = store.call(&store.tenant, &id).await.unwrap().unwrap();
    assert_eq!(call.status, CallStatus::Completed);
    assert_eq!(call.duration_s, Some(42));
    assert_eq!(call.ended_at, Some(reported_at(CallStatus::Completed)));
    // The moment of answering is told by the late report, and is true all the same.
    assert_eq!(call.answered_at, Some(reported_at(CallStatus::InProgress)));
    // What did not move the call is not in its log, but in what the carrier said.
    assert_eq!(store.events(&store.tenant, &id, 0).await.unwrap().len(), 1);
    assert_eq!(store.carrier_state(&store.tenant, &id).await.unwrap().record().len(), 2);
}

async fn a_report_on_an_unknown_call_changes_nothing(store: &Fixture) {
    assert_eq!(apply(store, "CA404", CallStatus::Completed, Some(1)).await, StatusChange::UnknownCall);
    assert_eq!(store.call_by_carrier_id(&store.tenant, "twilio", "CA404").await.unwrap(), None);
}

async fn the_order_of_reports_does_not_matter(store: &Fixture) {
    let course = [
        (CallStatus::Initiated, Some(0)),
        (CallStatus::Ringing, Some(1)),
        (CallStatus::InProgress, Some(2)),
        (CallStatus::Completed, Some(3)),
    ];
    // Any reports of the course, in any order, with repeats.
    let reports = proptest::collection::vec(proptest::sample::select(course.to_vec()), 1..8);
    let mut runner = TestRunner::deterministic();
    for number in 0..40 {
        let case = reports.new_tree(&mut runner).unwrap().current();
        let id = format!("CA{number}");
        let call = store.stored_call(&id).await;
        for (status, sequence) in &case {
            apply(store, &id, *status, *sequence).await;
        }
        let stored = store.call(&store.tenant, &call).await.unwrap().unwrap();
        // It began to ring when it was stored.
        let begun = (CallStatus::Ringing, None);
        let expected = case.iter().chain([&begun]).max_by_key(|(status, _)| *status as u8).unwrap().0;
        assert_eq!(stored.status, expected, "{case:?}");
        let answered = case.iter().any(|(status, _)| *status == CallStatus::InProgress);
        assert_eq!(stored.answered_at.is_some(), answered, "{case:?}");
        let ended = case.iter().any(|(status, _)| *status == CallStatus::Completed);
        assert_eq!(stored.ended_at.is_some(), ended, "{case:?}");
        let mut distinct = case.clone();
        distinct.sort_by_key(|(_, sequence)| *sequence);
        distinct.dedup();
        let heard = store.carrier_state(&store.tenant, &call).await.unwrap();
        assert_eq!(heard.record().len(), distinct.len(), "{case:?}");
    }
}

async fn apply(
    store: &Fixture,
    carrier_call_id: &str,
    status: CallStatus,
    sequence: Option<u32>,
) -> StatusChange {
    let duration_s = status.is_terminal().then_some(42);
    let report = StatusReport { status, sequence, at: reported_at(status), duration_s };
    store.apply_status(&store.tenant, "twilio", carrier_call_id, &report, NOW).await.unwrap()
}

fn reported_at(status: CallStatus) -> Timestamp {
    NOW.plus(Duration::from_secs(status as u64))
}

fn received() -> CallEvent {
    CallEvent::Received { carrier: "twilio".into(), decision: "connect".into(), reason: "fallback".into() }
}
