use std::time::Duration;

use call_state::{EndReason, Ending, EventKind, Recording as Offered};
use store::{Created, NewCall, Recording, RecordingState};

use crate::contract;
use crate::fixture::{Fixture, NOW, after, said};

contract! {
    recordings_follow_from_what_the_carrier_said,
    a_recording_is_fetched_or_fails,
    a_new_address_gives_a_failed_recording_another_chance,
    recordings_are_their_tenants,
    recordings_to_fetch_are_those_of_all_tenants_that_nobody_has,
    a_tenant_with_many_recordings_keeps_no_other_from_its_turn,
}

fn offered(id: &str, url: Option<&str>, seconds: Option<u64>) -> Offered {
    let duration = seconds.map(Duration::from_secs);
    Offered { id: id.into(), url: url.map(str::to_owned), duration }
}

async fn with_recording(store: &Fixture, event: &str, offered: Offered) -> store::CallId {
    let call = store.stored_call("CA1").await;
    store.hear(&call, &said("CA1", event, EventKind::RecordingSaved(offered), 9)).await;
    call
}

async fn recordings_follow_from_what_the_carrier_said(store: &Fixture) {
    let call = with_recording(store, "1", offered("RE1", Some("https://one"), None)).await;
    with_recording(store, "2", offered("RE1", None, Some(7))).await;
    let ending = Ending { recording: Some(offered("RE2", None, None)), ..Ending::new(EndReason::Completed) };
    store.hear(&call, &said("CA1", "3", EventKind::Ended(ending), 9)).await;
    let known = |id: &str, url: Option<&str>, duration| Recording {
        id: id.into(),
        url: url.map(str::to_owned),
        duration,
        state: RecordingState::Known,
        bytes: None,
        sha256: None,
        fetched_at: None,
        error: None,
    };
    let expected =
        [known("RE1", Some("https://one"), Some(Duration::from_secs(7))), known("RE2", None, None)];
    assert_eq!(store.recordings(&store.tenant, &call).await.unwrap(), expected);
}

async fn a_recording_is_fetched_or_fails(store: &Fixture) {
    let call = with_recording(store, "1", offered("RE1", Some("https://one"), None)).await;
    let failed = async |id| store.recording_failed(&store.tenant, &call, id, "404").await.unwrap();
    let fetched =
        async |id| store.recording_fetched(&store.tenant, &call, id, 320_044, "ab", after(3)).await.unwrap();
    let stored = async || store.recordings(&store.tenant, &call).await.unwrap().remove(0);
    assert_eq!((failed("RE9").await, fetched("RE9").await), (false, false));
    assert!(failed("RE1").await);
    assert_eq!(
        (stored().await.state, stored().await.error.as_deref()),
        (RecordingState::Failed, Some("404"))
    );
    assert!(fetched("RE1").await);
    assert!(!failed("RE1").await);
    let seen = stored().await;
    assert_eq!((seen.state, seen.error, seen.bytes), (RecordingState::Fetched, None, Some(320_044)));
    assert_eq!((seen.sha256.as_deref(), seen.fetched_at), (Some("ab"), Some(after(3))));
    // What the carrier says of it afterwards does not send us for it again.
    with_recording(store, "2", offered("RE1", Some("https://two"), None)).await;
    assert_eq!(stored().await.state, RecordingState::Fetched);
}

async fn a_new_address_gives_a_failed_recording_another_chance(store: &Fixture) {
    let call = with_recording(store, "1", offered("RE1", Some("https://one"), None)).await;
    store.recording_failed(&store.tenant, &call, "RE1", "403: expired").await.unwrap();
    let stored = async || store.recordings(&store.tenant, &call).await.unwrap().remove(0);
    with_recording(store, "2", offered("RE1", None, Some(1))).await;
    assert_eq!(stored().await.state, RecordingState::Failed);
    with_recording(store, "3", offered("RE1", Some("https://two"), None)).await;
    assert_eq!(
        (stored().await.state, stored().await.url.as_deref()),
        (RecordingState::Known, Some("https://two"))
    );
}

async fn recordings_are_their_tenants(store: &Fixture) {
    let call = with_recording(store, "1", offered("RE1", None, None)).await;
    assert!(store.recordings(&store.stranger, &call).await.unwrap().is_empty());
    assert!(!store.recording_failed(&store.stranger, &call, "RE1", "x").await.unwrap());
    assert!(!store.recording_fetched(&store.stranger, &call, "RE1", 1, "x", NOW).await.unwrap());
}

async fn recordings_to_fetch_are_those_of_all_tenants_that_nobody_has(store: &Fixture) {
    let call = store.stored_call("CA1").await;
    for (event, id, at) in [("1", "RE1", 1), ("2", "RE2", 2), ("3", "RE3", 3), ("4", "RE4", 4)] {
        let told = said("CA1", event, EventKind::RecordingSaved(offered(id, Some("https://one"), None)), 9);
        store.hear_carrier(&store.tenant, &call, &told, &[], after(at)).await.unwrap();
    }
    assert!(store.recording_fetched(&store.tenant, &call, "RE2", 1, "ab", after(5)).await.unwrap());
    assert!(store.recording_failed(&store.tenant, &call, "RE3", "403").await.unwrap());
    let due = store.recordings_due(10, 10).await.unwrap();
    let ids: Vec<&str> = due.iter().map(|due| due.recording.id.as_str()).collect();
    assert_eq!(ids, ["RE4", "RE1"]);
    assert_eq!((&due[0].tenant, &due[0].call), (&store.tenant, &call));
    assert_eq!((due[0].carrier.as_str(), due[0].known_at), ("twilio", after(4)));
    assert_eq!(store.recordings_due(10, 1).await.unwrap().len(), 1);
}

async fn a_tenant_with_many_recordings_keeps_no_other_from_its_turn(store: &Fixture) {
    let saved = |id: &str| EventKind::RecordingSaved(offered(id, None, None));
    let other = NewCall { agent: None, ..store.new_call("CA2") };
    let other = match store.create_call(&store.stranger, other, &[], NOW).await.unwrap() {
        Created::New(call) | Created::Existing(call) => call.id,
    };
    store
        .hear_carrier(&store.stranger, &other, &said("CA2", "1", saved("old"), 9), &[], after(1))
        .await
        .unwrap();
    let call = store.stored_call("CA1").await;
    for (id, at) in [("RE1", 2), ("RE2", 3), ("RE3", 4)] {
        store
            .hear_carrier(&store.tenant, &call, &said("CA1", id, saved(id), 9), &[], after(at))
            .await
            .unwrap();
    }
    let due = async |each, limit| {
        let due = store.recordings_due(each, limit).await.unwrap();
        due.into_iter().map(|due| due.recording.id).collect::<Vec<_>>()
    };
    assert_eq!(due(10, 10).await, ["RE3", "old", "RE2", "RE1"]);
    assert_eq!(due(10, 2).await, ["RE3", "old"]);
    assert_eq!(due(2, 10).await, ["RE3", "old", "RE2"]);
}
