use call_state::{Carrier, CarrierEvent, EventKind, Moment};
use serde_json::json;
use store::{CallFilter, Created, Direction, NewCall, NewCommand};

use super::super::lane::Lane as _;
use super::super::*;
use super::world::{NOON, UNKNOWN, World, leg, not_done};
use crate::order::Rules;
use crate::{Cause, Fault};
use store::{CallId, CallStatus};

async fn world(commands: &[(&str, &str)]) -> (World, Commands) {
    world_of(World::new(Rules::twilio()).await, commands).await
}

/// At a carrier that waits for commands.
async fn waiting_world(actions: &[&str]) -> (World, Commands) {
    let commands: Vec<_> = actions.iter().map(|action| (*action, "telnyx")).collect();
    world_of(World::named(Rules::telnyx(), "telnyx").await, &commands).await
}

async fn world_of(world: World, commands: &[(&str, &str)]) -> (World, Commands) {
    let new = NewCall {
        id: CallId::generate(NOON),
        carrier: "twilio".into(),
        carrier_call_id: "CA1".into(),
        from: "+15551230000".into(),
        to: "+34910000000".into(),
        direction: Direction::Inbound,
        agent: Some(world.agent.clone()),
        status: CallStatus::Ringing,
    };
    let Created::New(call) = world.shared.store.create_call(&world.tenant, new, &[], NOON).await.unwrap()
    else {
        panic!("the call was known")
    };
    let commands: Vec<NewCommand> = commands
        .iter()
        .map(|(action, carrier)| NewCommand {
            id: format!("{action}-id"),
            carrier: (*carrier).to_owned(),
            carrier_call_id: "CA1".into(),
            action: (*action).to_owned(),
            body: json!({}),
            expires_at: NOON.plus(Duration::from_secs(30)),
        })
        .collect();
    world.shared.store.enqueue_commands(&world.tenant, &call.id, &commands, NOON).await.unwrap();
    let lane = Commands::new(world.shared.clone());
    (world, lane)
}

#[tokio::test]
async fn the_commands_of_a_call_are_carried_out_in_their_order() {
    let (world, lane) = world(&[("answer", "twilio"), ("speak", "twilio")]).await;
    world.script().commands.extend([Ok(()), Ok(())]);
    for _ in 0..2 {
        assert_eq!(world.work(&lane).await, 1);
    }
    assert_eq!(world.work(&lane).await, 0);
    assert_eq!(world.script().told, ["answer answer-id", "speak speak-id"]);
}

#[tokio::test]
async fn a_command_whose_answer_was_lost_is_said_again_by_the_same_name_and_the_next_one_waits() {
    let (world, lane) = world(&[("answer", "twilio"), ("speak", "twilio")]).await;
    world.script().commands.extend([Err(UNKNOWN), Err(not_done(1)), Ok(()), Ok(())]);
    for _ in 0..4 {
        assert_eq!(world.work(&lane).await, 1);
        world.pass(Duration::from_secs(2));
    }
    assert_eq!(
        world.script().told,
        ["answer answer-id", "answer answer-id", "answer answer-id", "speak speak-id"]
    );
}

#[tokio::test]
async fn a_refused_command_is_over_and_the_next_one_goes_on() {
    let (world, lane) = world(&[("speak", "twilio"), ("hangup", "twilio")]).await;
    world.script().commands.extend([Err(Fault::unfit("x")), Ok(())]);
    assert_eq!((world.work(&lane).await, world.work(&lane).await, world.work(&lane).await), (1, 1, 0));
    assert_eq!(world.script().told, ["speak speak-id", "hangup hangup-id"]);
}

#[tokio::test]
async fn a_command_is_tried_four_times() {
    let (world, lane) = world(&[("answer", "twilio")]).await;
    for _ in 0..4 {
        world.script().commands.push_back(Err(UNKNOWN));
        assert_eq!(world.work(&lane).await, 1);
        world.pass(Duration::from_secs(4));
    }
    assert_eq!(world.work(&lane).await, 0);
}

#[tokio::test]
async fn a_command_that_would_come_too_late_is_not_said() {
    let (world, lane) = world(&[("answer", "twilio"), ("speak", "twilio")]).await;
    world
        .script()
        .commands
        .push_back(Err(Fault::NotDone { cause: Cause::TooMany, retry_after: Some(Duration::from_secs(31)) }));
    assert_eq!(world.work(&lane).await, 1);
    world.pass(Duration::from_secs(30));
    assert_eq!((world.work(&lane).await, world.work(&lane).await), (1, 0), "the other has expired, too");
    assert_eq!(world.script().told, ["answer answer-id"]);
}

#[tokio::test]
async fn a_command_that_expired_between_lease_and_work_is_not_said() {
    let (world, lane) = world(&[("answer", "twilio")]).await;
    let leased = lane.lease(1).await;
    world.pass(Duration::from_secs(30));
    for command in leased {
        lane.run(command).await;
    }
    assert!(world.script().told.is_empty());
}

#[tokio::test]
async fn a_command_for_nobody_does_not_block_the_others() {
    let (world, lane) = world(&[("answer", "nobody"), ("hangup", "twilio")]).await;
    world.script().commands.push_back(Ok(()));
    assert_eq!((world.work(&lane).await, world.work(&lane).await), (1, 1));
    assert_eq!(world.script().told, ["hangup hangup-id"]);
}

#[tokio::test]
async fn nobody_waits_in_silence_for_what_will_not_be_said() {
    let (world, lane) = waiting_world(&["speak"]).await;
    world.script().commands.extend([Err(Fault::unfit("x")), Ok(())]);
    assert_eq!((world.work(&lane).await, world.work(&lane).await, world.work(&lane).await), (1, 1, 0));
    assert_eq!(world.script().told, ["speak speak-id", "hangup speak-id-hangup"]);
}

#[tokio::test]
async fn nobody_waits_in_silence_for_what_expired_while_no_worker_lived() {
    let (world, lane) = waiting_world(&["speak", "speak-more"]).await;
    world.script().commands.push_back(Ok(()));
    world.pass(Duration::from_secs(30));
    while world.work(&lane).await > 0 {}
    assert_eq!(world.script().told, ["hangup speak-id-hangup"]);
}

#[tokio::test]
async fn a_call_whose_agent_is_heard_is_not_ended_for_a_command_that_failed() {
    let (world, lane) = waiting_world(&["speak"]).await;
    let filter = CallFilter::default();
    let known = world.shared.store.calls(&world.tenant, &filter, None, 1).await.unwrap();
    let call = known.calls[0].id.clone();
    let started = CarrierEvent {
        carrier: Carrier::Twilio,
        id: "started".into(),
        ids: leg("CA1"),
        direction: None,
        kind: EventKind::StreamStarted,
        sequence: None,
        occurred_at: None,
        received_at: Moment::from_millis(NOON.0),
    };
    world.shared.store.hear_carrier(&world.tenant, &call, &started, &[], NOON).await.unwrap();
    world.script().commands.push_back(Err(Fault::unfit("x")));
    assert_eq!((world.work(&lane).await, world.work(&lane).await), (1, 0));
    assert_eq!(world.script().told, ["speak speak-id"]);
}
