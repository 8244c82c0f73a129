//! Orders through the real clients to simulated carriers that fail in every way: the telephone rings once.

use serde_json::json;
use sim::carrier::{Callee, Config, Operation, RestFault, RestTrouble};
use sim::telnyx as telnyx_sim;
use store::{CallId, OrderState};
use url::Url;

use super::super::*;
use super::world::World;
use crate::twilio::Account;
use crate::{Secret, Timeouts};

const ACCOUNT: &str = "ACaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
const CALLED: &str = "+34600000000";
/// Nobody listens there: what the carrier reports is lost, so that the worker has to find out by itself.
const PLATFORM: &str = "http://127.0.0.1:9";

const QUICK: Timeouts = Timeouts {
    connect: Duration::from_secs(1),
    request: Duration::from_secs(2),
    recording: Duration::from_secs(10),
};

async fn twilio(faults: &[(Operation, RestTrouble)]) -> (World, sim::carrier::Twilio) {
    let mut config = Config::new(ACCOUNT, "token", PLATFORM).unwrap();
    config.connect_patience = Duration::ZERO;
    let simulated = sim::carrier::Twilio::start(config).await.unwrap();
    simulated.set_callee(CALLED, Callee::busy());
    for (operation, trouble) in faults {
        simulated.add_rest_fault(RestFault::new(*operation, *trouble));
    }
    let account = Account { sid: ACCOUNT.into(), api_key: None, secret: Secret::new("token") };
    let base = Url::parse(&simulated.api_url()).unwrap();
    let rest = crate::twilio::Rest::new(account, Some(base), QUICK).unwrap();
    let carrier = Twilio::new(rest, PLATFORM);
    let world = World::around(carrier, "twilio", Timestamp::now(), Settings::new("test"), RATE).await;
    (world, simulated)
}

async fn telnyx(trouble: Option<RestTrouble>) -> (World, telnyx_sim::Telnyx) {
    let mut config = telnyx_sim::Config::new("KEY0123", "1494404757140276705", PLATFORM).unwrap();
    config.connect_patience = Duration::ZERO;
    let simulated = telnyx_sim::Telnyx::start(config).await.unwrap();
    simulated.set_callee(CALLED, Callee::no_answer());
    if let Some(trouble) = trouble {
        simulated.add_rest_fault(telnyx_sim::RestFault::new("dial", trouble));
    }
    let base = Url::parse(&simulated.api_url()).unwrap();
    let rest =
        crate::telnyx::Rest::new(Secret::new("KEY0123"), "1494404757140276705", Some(base), QUICK).unwrap();
    let carrier = Telnyx::new(rest, PLATFORM);
    let world = World::around(carrier, "telnyx", Timestamp::now(), Settings::new("test"), RATE).await;
    (world, simulated)
}

const RATE: Rate = Rate { count: 1000, per: Duration::from_secs(1) };

async fn order(world: &World, carrier: &str, key: &str) -> CallId {
    let mut new = world.new_order(key);
    new.carrier = carrier.into();
    new.to = CALLED.parse().unwrap();
    new.hours = Some(json!({ "from": "00:00", "to": "24:00" }));
    world.order(new).await
}

/// Works until every order is settled, for at most ten minutes of the worker's clock.
async fn settle(world: &World, calls: &[CallId], step: Duration) {
    let orders = Orders::new(world.shared.clone());
    for _ in 0..600 / step.as_secs() {
        world.work(&orders).await;
        let mut open = 0;
        for call in calls {
            open += usize::from(!matches!(world.state(call).await, OrderState::Placed | OrderState::Failed));
        }
        if open == 0 {
            return;
        }
        world.pass(step);
    }
}

async fn name(world: &World, call: &CallId) -> Option<String> {
    world.shared.store.call(&world.tenant, call).await.unwrap().unwrap().carrier_call_id
}

#[tokio::test]
async fn whatever_twilio_does_to_a_request_the_telephone_rings_once() {
    use Operation::{CreateCall, ListCalls};
    let wait = RestTrouble::TooMany { retry_after: Duration::from_secs(2) };
    let late = RestTrouble::AnswerLate(Duration::from_secs(6));
    for faults in [
        vec![],
        vec![(CreateCall, wait)],
        vec![(CreateCall, RestTrouble::ServerError)],
        vec![(CreateCall, RestTrouble::Unavailable)],
        vec![(CreateCall, RestTrouble::Dropped)],
        vec![(CreateCall, RestTrouble::AnswerLost)],
        vec![(CreateCall, RestTrouble::ServerErrorAfter)],
        vec![(CreateCall, late)],
        vec![(CreateCall, RestTrouble::AnswerLost), (ListCalls, RestTrouble::ServerError)],
        vec![(CreateCall, RestTrouble::AnswerLost), (ListCalls, RestTrouble::Dropped), (ListCalls, wait)],
        vec![(CreateCall, RestTrouble::Dropped), (CreateCall, RestTrouble::AnswerLost)],
    ] {
        let (world, simulated) = twilio(&faults).await;
        let call = order(&world, "twilio", "one").await;
        settle(&world, std::slice::from_ref(&call), Duration::from_secs(15)).await;
        assert_eq!(world.state(&call).await, OrderState::Placed, "{faults:?}");
        assert_eq!(simulated.placed(CALLED), 1, "{faults:?}");
        assert!(name(&world, &call).await.unwrap().starts_with("CA"), "{faults:?}");
    }
}

#[tokio::test]
async fn two_calls_to_one_number_whose_answers_were_lost_are_told_apart() {
    let lost = (Operation::CreateCall, RestTrouble::AnswerLost);
    let (world, simulated) = twilio(&[lost, lost]).await;
    let calls = [order(&world, "twilio", "one").await, order(&world, "twilio", "two").await];
    settle(&world, &calls, Duration::from_secs(15)).await;
    let names = [name(&world, &calls[0]).await, name(&world, &calls[1]).await];
    assert!(names[0].is_some() && names[1].is_some() && names[0] != names[1], "{names:?}");
    assert_eq!(simulated.placed(CALLED), 2);
}

#[tokio::test]
async fn a_carrier_that_always_fails_is_not_asked_for_ever() {
    let faults = vec![(Operation::CreateCall, RestTrouble::ServerError); 10];
    let (world, simulated) = twilio(&faults).await;
    let call = order(&world, "twilio", "one").await;
    settle(&world, std::slice::from_ref(&call), Duration::from_secs(15)).await;
    assert_eq!((world.state(&call).await, world.stored(&call).await.attempts), (OrderState::Failed, 4));
    assert_eq!(simulated.placed(CALLED), 0);
}

#[tokio::test]
async fn whatever_telnyx_does_to_a_request_the_telephone_rings_once() {
    let wait = RestTrouble::TooMany { retry_after: Duration::from_secs(2) };
    for trouble in [
        None,
        Some(wait),
        Some(RestTrouble::ServerError),
        Some(RestTrouble::ServerErrorAfter),
        Some(RestTrouble::Unavailable),
        Some(RestTrouble::Dropped),
        Some(RestTrouble::AnswerLost),
        Some(RestTrouble::AnswerLate(Duration::from_secs(6))),
    ] {
        let (world, simulated) = telnyx(trouble).await;
        let call = order(&world, "telnyx", "one").await;
        settle(&world, std::slice::from_ref(&call), Duration::from_secs(3)).await;
        assert_eq!(world.state(&call).await, OrderState::Placed, "{trouble:?}");
        assert_eq!(simulated.placed(CALLED), 1, "{trouble:?}");
        let leg = name(&world, &call).await.unwrap();
        let state = simulated.client_state(&leg).unwrap();
        assert_eq!(::telnyx::ClientState::read(&state).unwrap().call(), call.as_str());
    }
}
