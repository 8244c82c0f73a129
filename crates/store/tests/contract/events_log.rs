use std::time::Duration;

use events::transcript::Transcript;
use events::{CallEvent, EndReason, Latency};
use store::{Appended, CallStatus, StoreError};

use crate::contract;
use crate::fixture::{Fixture, NOW};

contract! {
    numbers_follow_each_other,
    an_append_that_expects_another_end_changes_nothing,
    events_of_an_unknown_call_are_refused,
    turns_say_what_the_log_says,
    turns_can_be_rebuilt,
    the_media_socket_answers_the_call_and_its_end_ends_it,
    a_lost_carrier_does_not_end_the_call,
    a_caller_who_was_handed_over_talks_on,
    a_call_is_recovered_no_more_often_than_allowed,
}

async fn numbers_follow_each_other(store: &Fixture) {
    let call = store.stored_call("CA1").await;
    let appended = store.append_events(&store.tenant, &call, &timed(&conversation()), None).await.unwrap();
    assert_eq!(appended, Appended::UpTo(conversation().len() as u64));
    assert_eq!(store.append_event(&store.tenant, &call, CallEvent::Recovered, NOW).await.unwrap(), 8);
    let seqs: Vec<_> =
        store.events(&store.tenant, &call, 5).await.unwrap().iter().map(|event| event.seq).collect();
    assert_eq!(seqs, [6, 7, 8]);
    let last =
        async |kind| store.last_event(&store.tenant, &call, kind).await.unwrap().map(|event| event.seq);
    assert_eq!(last("turn.finished").await, Some(6));
    assert_eq!(last("call.ended").await, None);
}

async fn an_append_that_expects_another_end_changes_nothing(store: &Fixture) {
    let call = store.stored_call("CA1").await;
    let events = timed(&[CallEvent::MediaDisconnected, CallEvent::Recovered]);
    let append =
        async |expected| store.append_events(&store.tenant, &call, &events, Some(expected)).await.unwrap();
    assert_eq!(append(0).await, Appended::UpTo(2));
    assert_eq!(append(0).await, Appended::Moved);
    assert_eq!(append(3).await, Appended::Moved);
    assert_eq!(append(2).await, Appended::UpTo(4));
    assert_eq!(store.events(&store.tenant, &call, 0).await.unwrap().len(), 4);
}

async fn events_of_an_unknown_call_are_refused(store: &Fixture) {
    let nobody = "nobody".parse().unwrap();
    let result = store.append_event(&store.tenant, &nobody, CallEvent::MediaDisconnected, NOW).await;
    assert!(matches!(result, Err(StoreError::NoSuchCall)), "{result:?}");
}

async fn turns_say_what_the_log_says(store: &Fixture) {
    let call = store.stored_call("CA1").await;
    store.append_events(&store.tenant, &call, &timed(&conversation()), None).await.unwrap();
    let turns = store.turns(&store.tenant, &call).await.unwrap();
    let transcript = Transcript::project(&conversation());
    assert_eq!(turns.len(), transcript.turns.len());
    for (stored, told) in turns.iter().zip(&transcript.turns) {
        assert_eq!(
            (stored.turn, &stored.caller, &stored.said, &stored.heard, stored.interrupted),
            (told.turn, &told.caller, &told.said, &told.heard, told.interrupted)
        );
        let mood = stored.sentiment.as_ref().map(|(label, score)| (label.clone(), *score as f32));
        assert_eq!(mood, told.sentiment.as_ref().map(|mood| (mood.label.clone(), mood.score)));
        let latency =
            stored.latency_json.as_deref().map(|json| serde_json::from_str::<Latency>(json).unwrap());
        assert_eq!(latency, told.latency_ms);
    }
    assert_eq!(turns[0].began_at, NOW.plus(Duration::from_secs(1)));
}

async fn turns_can_be_rebuilt(store: &Fixture) {
    let call = store.stored_call("CA1").await;
    store.append_events(&store.tenant, &call, &timed(&conversation()), None).await.unwrap();
    let before = store.turns(&store.tenant, &call).await.unwrap();
    store.rebuild_turns(&store.tenant, &call).await.unwrap();
    assert_eq!(store.turns(&store.tenant, &call).await.unwrap(), before);
}

async fn the_media_socket_answers_the_call_and_its_end_ends_it(store: &Fixture) {
    let call = store.stored_call("CA1").await;
    let connected = CallEvent::MediaConnected { stream: "MZ1".into() };
    store.append_event(&store.tenant, &call, connected, NOW).await.unwrap();
    let answered = store.call(&store.tenant, &call).await.unwrap().unwrap();
    assert_eq!((answered.status, answered.answered_at), (CallStatus::InProgress, Some(NOW)));

    let later = NOW.plus(Duration::from_secs(9));
    let ended = CallEvent::Ended { reason: EndReason::AgentHangup };
    store.append_event(&store.tenant, &call, ended, later).await.unwrap();
    let over = store.call(&store.tenant, &call).await.unwrap().unwrap();
    assert_eq!((over.status, over.ended_at), (CallStatus::Completed, Some(later)));
    assert_eq!(over.end_reason.as_deref(), Some("agent-hangup"));
}

async fn a_lost_carrier_does_not_end_the_call(store: &Fixture) {
    let call = store.stored_call("CA1").await;
    let lost = CallEvent::Ended { reason: EndReason::CarrierLost };
    store.append_event(&store.tenant, &call, lost, NOW).await.unwrap();
    let stored = store.call(&store.tenant, &call).await.unwrap().unwrap();
    assert_eq!((stored.status, stored.ended_at), (CallStatus::Ringing, None));
    assert_eq!(stored.end_reason.as_deref(), Some("carrier-lost"));
    assert!(store.recover_call(&store.tenant, &call, 3, NOW).await.unwrap());
    assert_eq!(store.call(&store.tenant, &call).await.unwrap().unwrap().end_reason, None);
}

async fn a_caller_who_was_handed_over_talks_on(store: &Fixture) {
    let call = store.stored_call("CA1").await;
    let transferred = CallEvent::Ended { reason: EndReason::Transferred };
    store.append_event(&store.tenant, &call, transferred, NOW).await.unwrap();
    let stored = store.call(&store.tenant, &call).await.unwrap().unwrap();
    assert_eq!((stored.status, stored.ended_at), (CallStatus::Ringing, None));
    assert_eq!(stored.end_reason.as_deref(), Some("transferred"));
}

async fn a_call_is_recovered_no_more_often_than_allowed(store: &Fixture) {
    let call = store.stored_call("CA1").await;
    for expected in [true, true, true, false, false] {
        assert_eq!(store.recover_call(&store.tenant, &call, 3, NOW).await.unwrap(), expected);
    }
    assert_eq!(store.events(&store.tenant, &call, 0).await.unwrap().len(), 3);
    assert!(!store.recover_call(&store.stranger, &call, 3, NOW).await.unwrap());
}

fn conversation() -> Vec<CallEvent> {
    let latency = Latency { endpoint_wait: 300.0, total: 300.0, ..Latency::default() };
    vec![
        CallEvent::TurnCommitted { turn: 1, text: "Do you have a slot?".into() },
        CallEvent::SentimentAssessed {
            turn: 1,
            label: "neutral".into(),
            score: 0.125,
            confidence: 0.5,
            tone: "even".into(),
            pace: "normal".into(),
            escalate: false,
        },
        CallEvent::TurnInterrupted { turn: 1, heard: "On".into() },
        CallEvent::TurnFinished {
            turn: 1,
            said: "On Monday.".into(),
            heard: "On".into(),
            interrupted: true,
            latency: Some(latency),
        },
        CallEvent::TurnCommitted { turn: 2, text: "Wait, Tuesday?".into() },
        CallEvent::TurnFinished {
            turn: 2,
            said: "Yes.".into(),
            heard: "Yes.".into(),
            interrupted: false,
            latency: None,
        },
        CallEvent::MediaDisconnected,
    ]
}

fn timed(events: &[CallEvent]) -> Vec<(store::Timestamp, CallEvent)> {
    let at = |index: usize| NOW.plus(Duration::from_secs(index as u64 + 1));
    events.iter().cloned().enumerate().map(|(index, event)| (at(index), event)).collect()
}
