use call_state::{CarrierEvent, EventKind, Ids, Moment, Recording};
use store::{CallId, CallStatus, Created, Direction, NewCall, RecordingState, TenantId};

use super::super::lane::Lane as _;
use super::super::*;
use super::world::{NOON, UNKNOWN, World};
use crate::order::Rules;
use crate::{Fault, FetchError, Fetched, Refusal};

async fn world(ids: &[&str]) -> (World, CallId, Recordings) {
    let settings = Settings { recordings_folder: Some("/records".into()), ..Settings::new("test") };
    let world = World::with(Rules::twilio(), settings, USUAL_RATE).await;
    let new = new_call("CA1");
    let Created::New(call) = world.shared.store.create_call(&world.tenant, new, &[], NOON).await.unwrap()
    else {
        panic!("the call was known")
    };
    for id in ids {
        hear(&world, &world.tenant, &call.id, saved("CA1", id)).await;
    }
    let lane = Recordings::new(world.shared.clone());
    (world, call.id, lane)
}

fn new_call(carrier_call_id: &str) -> NewCall {
    NewCall {
        id: CallId::generate(NOON),
        carrier: "twilio".into(),
        carrier_call_id: carrier_call_id.into(),
        from: "+15551230000".into(),
        to: "+34910000000".into(),
        direction: Direction::Inbound,
        agent: None,
        status: CallStatus::InProgress,
    }
}

async fn hear(world: &World, tenant: &TenantId, call: &CallId, event: CarrierEvent) {
    world.shared.store.hear_carrier(tenant, call, &event, &[], NOON).await.unwrap().unwrap();
}

fn saved(leg: &str, id: &str) -> CarrierEvent {
    CarrierEvent {
        carrier: call_state::Carrier::Twilio,
        id: id.to_owned(),
        ids: Ids { leg: Some(leg.to_owned()), ..Ids::default() },
        direction: None,
        kind: EventKind::RecordingSaved(Recording { id: id.to_owned(), url: None, duration: None }),
        sequence: None,
        occurred_at: None,
        received_at: Moment::from_millis(NOON.0),
    }
}

async fn state(world: &World, call: &CallId) -> RecordingState {
    world.shared.store.recordings(&world.tenant, call).await.unwrap()[0].state
}

fn refused(status: u16) -> FetchError {
    let refusal = Refusal { status, code: None, reason: call_state::EndReason::DialFailed };
    Fault::Refused { refusal }.into()
}

#[tokio::test]
async fn a_recording_is_fetched_once_into_a_file_of_its_call() {
    let (world, call, lane) = world(&["RE1"]).await;
    world.script().fetches.push_back(Ok(Fetched { bytes: 44, sha256: "ab".into() }));
    assert_eq!((world.work(&lane).await, world.work(&lane).await), (1, 0));
    let stored = &world.shared.store.recordings(&world.tenant, &call).await.unwrap()[0];
    assert_eq!((stored.state, stored.bytes), (RecordingState::Fetched, Some(44)));
    let expected = PathBuf::from(format!("/records/{}/{call}/RE1.wav", world.tenant));
    assert_eq!(world.script().files, [expected]);
}

#[tokio::test]
async fn a_recording_that_is_not_there_yet_is_fetched_later() {
    let (world, call, lane) = world(&["RE1"]).await;
    world.script().fetches.extend([
        Err(refused(404)),
        Err(UNKNOWN.into()),
        Ok(Fetched { bytes: 1, sha256: "ab".into() }),
    ]);
    assert_eq!((world.work(&lane).await, world.work(&lane).await), (1, 0));
    world.pass(Duration::from_secs(1));
    assert_eq!((world.work(&lane).await, world.work(&lane).await), (1, 0));
    world.pass(Duration::from_secs(2));
    assert_eq!((world.work(&lane).await, world.work(&lane).await), (1, 0));
    assert_eq!(state(&world, &call).await, RecordingState::Fetched);
}

#[tokio::test]
async fn a_recording_whose_link_died_is_given_up() {
    let (world, call, lane) = world(&["RE1"]).await;
    world.script().fetches.push_back(Err(refused(403)));
    assert_eq!((world.work(&lane).await, world.work(&lane).await), (1, 0));
    assert_eq!(state(&world, &call).await, RecordingState::Failed);
}

#[tokio::test]
async fn a_recording_that_never_comes_is_given_up() {
    let (world, call, lane) = world(&["RE1"]).await;
    for _ in 0..10 {
        world.script().fetches.push_back(Err(refused(404)));
        assert_eq!(world.work(&lane).await, 1);
        world.pass(Duration::from_secs(90));
    }
    assert_eq!(world.work(&lane).await, 0);
    assert_eq!(state(&world, &call).await, RecordingState::Failed);
}

#[tokio::test]
async fn what_is_being_fetched_is_not_taken_again_and_others_do_not_wait_for_it() {
    let (_world, _call, lane) = world(&["RE1", "RE2", "RE3"]).await;
    let first = lane.lease(2).await;
    let second = lane.lease(2).await;
    let third = lane.lease(2).await;
    assert_eq!((first.len(), second.len(), third.len()), (2, 1, 0));
}

#[tokio::test]
async fn however_many_recordings_a_tenant_has_another_finds_a_place() {
    let (world, _, lane) = world(&["RE1", "RE2", "RE3", "RE4", "RE5"]).await;
    assert_eq!(
        (world.shared.settings.recordings, lane.lease(4).await.len(), lane.lease(1).await.len()),
        (4, 3, 0)
    );
    let (store, other) = (&world.shared.store, "other".parse().unwrap());
    store.put_tenant(&other, "Other", "Europe/Madrid", NOON).await.unwrap();
    let Created::New(call) = store.create_call(&other, new_call("CA2"), &[], NOON).await.unwrap() else {
        panic!("the call was known")
    };
    hear(&world, &other, &call.id, saved("CA2", "other")).await;
    let taken = lane.lease(1).await;
    assert_eq!((taken.len(), &taken[0].tenant), (1, &other));
}
