use call_state::EndReason;
use serde_json::json;
use store::{CallStatus, OrderState};

use super::super::lane::Lane as _;
use super::super::*;
use super::world::{NOON, UNKNOWN, World, leg, not_done};
use crate::order::Rules;
use crate::{Cause, Fault, Refusal};

const SECOND: Duration = Duration::from_secs(1);

async fn world(rules: Rules) -> (World, Orders) {
    let world = World::new(rules).await;
    let orders = Orders::new(world.shared.clone());
    (world, orders)
}

#[tokio::test]
async fn an_order_becomes_a_call_that_the_carrier_has_named() {
    let (world, orders) = world(Rules::twilio()).await;
    let call = world.order(world.new_order("one")).await;
    world.script().places.push_back(Ok(leg("CA1")));
    assert_eq!(world.work(&orders).await, 1);
    assert_eq!(world.state(&call).await, OrderState::Placed);
    let stored = world.shared.store.call(&world.tenant, &call).await.unwrap().unwrap();
    assert_eq!(stored.carrier_call_id.as_deref(), Some("CA1"));
    assert_eq!(world.work(&orders).await, 0);
}

#[tokio::test]
async fn a_refused_order_is_a_failed_call_with_its_reason() {
    let (world, orders) = world(Rules::twilio()).await;
    let call = world.order(world.new_order("one")).await;
    let reason = EndReason::InvalidDestination;
    let refusal = Refusal { status: 400, code: Some("21211".into()), reason };
    world.script().places.push_back(Err(Fault::Refused { refusal }));
    world.work(&orders).await;
    let order = world.stored(&call).await;
    assert_eq!((order.state, order.error.as_deref()), (OrderState::Failed, Some("status 400, code 21211")));
    let stored = world.shared.store.call(&world.tenant, &call).await.unwrap().unwrap();
    assert_eq!((stored.status, stored.end_reason.as_deref()), (CallStatus::Failed, Some(reason.code())));
}

#[tokio::test]
async fn what_was_certainly_not_placed_is_placed_later_under_another_name() {
    let (world, orders) = world(Rules::twilio()).await;
    let call = world.order(world.new_order("one")).await;
    world.script().places.extend([Err(not_done(7)), Ok(leg("CA1"))]);
    world.work(&orders).await;
    assert_eq!(world.state(&call).await, OrderState::Queued);
    world.pass(SECOND * 6);
    assert_eq!(world.work(&orders).await, 0);
    world.pass(SECOND);
    assert_eq!(world.work(&orders).await, 1);
    assert_eq!(world.state(&call).await, OrderState::Placed);
    let attempts = world.script().attempts.clone();
    assert!(attempts.len() == 2 && attempts[0] != attempts[1], "{attempts:?}");
}

#[tokio::test]
async fn a_carrier_that_does_nothing_four_times_has_lost_the_call() {
    let (world, orders) = world(Rules::twilio()).await;
    let call = world.order(world.new_order("one")).await;
    for _ in 0..4 {
        world.script().places.push_back(Err(not_done(1)));
        assert_eq!(world.work(&orders).await, 1);
        world.pass(SECOND * 60);
    }
    assert_eq!(world.state(&call).await, OrderState::Failed);
    assert_eq!(world.work(&orders).await, 0);
}

#[tokio::test]
async fn twilio_is_looked_through_after_a_lost_answer_and_other_calls_of_ours_are_passed_over() {
    let (world, orders) = world(Rules::twilio()).await;
    let other = world.order(world.new_order("other")).await;
    world.script().places.push_back(Ok(leg("CA_other")));
    world.work(&orders).await;
    let call = world.order(world.new_order("one")).await;
    world.script().places.push_back(Err(UNKNOWN));
    world.work(&orders).await;
    assert_eq!(world.state(&call).await, OrderState::Uncertain);
    world.pass(SECOND * 14);
    assert_eq!(world.work(&orders).await, 0);
    world.pass(SECOND);
    world.script().finds.push_back(Ok(vec![leg("CA_other"), leg("CA_lost")]));
    assert_eq!(world.work(&orders).await, 1);
    let stored = world.shared.store.call(&world.tenant, &call).await.unwrap().unwrap();
    assert_eq!(stored.carrier_call_id.as_deref(), Some("CA_lost"));
    assert_eq!(world.state(&call).await, OrderState::Placed);
    assert_eq!(world.state(&other).await, OrderState::Placed);
    assert_eq!(world.script().attempts.len(), 2);
}

#[tokio::test]
async fn an_order_is_not_placed_while_nobody_knows_of_another_between_the_same_numbers() {
    let (world, orders) = world(Rules::twilio()).await;
    let first = world.order(world.new_order("one")).await;
    world.script().places.push_back(Err(UNKNOWN));
    world.work(&orders).await;
    let mut twin = world.new_order("two");
    twin.to = world.new_order("one").to;
    let second = world.order(twin).await;
    assert_eq!(world.work(&orders).await, 1);
    assert_eq!(
        (world.state(&first).await, world.state(&second).await),
        (OrderState::Uncertain, OrderState::Queued)
    );
    assert_eq!(world.script().attempts.len(), 1);
    world.shared.store.order_placed(&world.tenant, &first, &leg("CA_one"), NOON).await.unwrap();
    world.pass(SECOND * 5);
    world.script().places.push_back(Ok(leg("CA_two")));
    assert_eq!(world.work(&orders).await, 1);
    assert_eq!(world.state(&second).await, OrderState::Placed);
}

#[tokio::test]
async fn orders_that_wait_for_another_take_nothing_of_the_lines_rate() {
    let world = World::with(Rules::twilio(), Settings::new("test"), USUAL_RATE).await;
    let orders = Orders::new(world.shared.clone());
    world.order(world.new_order("one")).await;
    world.script().places.push_back(Err(UNKNOWN));
    world.work(&orders).await;
    world.pass(SECOND * 2);
    for key in ["a", "b", "c"] {
        let mut twin = world.new_order(key);
        twin.to = world.new_order("one").to;
        world.order(twin).await;
    }
    assert_eq!(world.work(&orders).await, 3);
    let other = world.order(world.new_order("other")).await;
    world.script().places.push_back(Ok(leg("CA_other")));
    assert_eq!(world.work(&orders).await, 1);
    assert_eq!(world.state(&other).await, OrderState::Placed);
}

#[tokio::test]
async fn an_order_waits_for_another_twice_as_long_each_time_up_to_a_minute() {
    let (world, orders) = world(Rules::twilio()).await;
    let (store, tenant) = (&world.shared.store, &world.tenant);
    let first = world.order(world.new_order("one")).await;
    assert!(store.order_attempt(tenant, &first, "lost", NOON).await.unwrap());
    assert!(store.order_uncertain(tenant, &first, NOON.plus(SECOND * 3600), "timeout").await.unwrap());
    let mut twin = world.new_order("two");
    twin.to = world.new_order("one").to;
    let second = world.order(twin).await;
    let mut passed = 0;
    for due in [5, 10, 20, 40, 80, 140, 200] {
        assert_eq!(world.work(&orders).await, 1);
        assert_eq!(world.stored(&second).await.next_at, NOON.plus(SECOND * due));
        world.pass(SECOND * (due - passed));
        passed = due;
    }
    store.order_placed(tenant, &first, &leg("CA_one"), NOON).await.unwrap();
    world.script().places.push_back(Ok(leg("CA_two")));
    assert_eq!(world.work(&orders).await, 1);
    assert_eq!(world.state(&second).await, OrderState::Placed);
}

#[tokio::test]
async fn a_call_that_twilio_does_not_list_is_placed_once_more() {
    let (world, orders) = world(Rules::twilio()).await;
    let call = world.order(world.new_order("one")).await;
    world.script().places.extend([Err(UNKNOWN), Ok(leg("CA2"))]);
    world.script().finds.extend([Err(UNKNOWN), Ok(vec![])]);
    world.work(&orders).await;
    world.pass(SECOND * 15);
    world.work(&orders).await;
    assert_eq!(world.state(&call).await, OrderState::Uncertain, "a look-up that failed shows nothing");
    world.pass(SECOND * 15);
    world.work(&orders).await;
    assert_eq!(world.state(&call).await, OrderState::Queued);
    world.pass(SECOND * 2);
    world.work(&orders).await;
    assert_eq!(world.state(&call).await, OrderState::Placed);
}

#[tokio::test]
async fn a_webhook_that_names_the_call_settles_what_was_uncertain() {
    let (world, orders) = world(Rules::twilio()).await;
    let call = world.order(world.new_order("one")).await;
    world.script().places.push_back(Err(UNKNOWN));
    world.work(&orders).await;
    world.shared.store.name_call(&world.tenant, &call, &leg("CA1"), NOON).await.unwrap();
    world.pass(SECOND * 60);
    assert_eq!(world.work(&orders).await, 0);
    assert_eq!(world.state(&call).await, OrderState::Placed);
    assert_eq!(world.script().looked, 0);
}

#[tokio::test]
async fn telnyx_is_asked_again_under_the_same_name() {
    let (world, orders) = world(Rules::telnyx()).await;
    let call = world.order(world.new_order("one")).await;
    world.script().places.extend([Err(UNKNOWN), Err(not_done(1)), Ok(leg("v3:a"))]);
    for _ in 0..3 {
        assert_eq!(world.work(&orders).await, 1);
        world.pass(SECOND * 2);
    }
    assert_eq!(world.state(&call).await, OrderState::Placed);
    let attempts = world.script().attempts.clone();
    assert!(attempts.len() == 3 && attempts.iter().all(|one| *one == attempts[0]), "{attempts:?}");
    assert_eq!(world.stored(&call).await.attempts, 1);
}

#[tokio::test]
async fn telnyx_is_not_asked_again_after_it_forgot() {
    let (world, orders) = world(Rules::telnyx()).await;
    let (found, lost) =
        (world.order(world.new_order("one")).await, world.order(world.new_order("two")).await);
    world.script().places.extend([Err(UNKNOWN), Err(UNKNOWN)]);
    assert_eq!(world.work(&orders).await, 2);
    world.pass(SECOND * 50);
    world.script().finds.extend([Ok(vec![leg("v3:a")]), Ok(vec![])]);
    assert_eq!(world.work(&orders).await, 2);
    let states = [world.state(&found).await, world.state(&lost).await];
    assert!(states.contains(&OrderState::Placed) && states.contains(&OrderState::Failed), "{states:?}");
    assert_eq!(world.script().attempts.len(), 2);
}

#[tokio::test]
async fn a_process_that_died_while_placing_is_one_whose_answer_was_lost() {
    let (world, orders) = world(Rules::twilio()).await;
    let call = world.order(world.new_order("one")).await;
    let leased = orders.lease(1).await;
    assert_eq!(leased.len(), 1);
    assert!(world.shared.store.order_attempt(&world.tenant, &call, "died", NOON).await.unwrap());
    assert_eq!(world.work(&orders).await, 0, "the lease still runs");
    world.pass(SECOND * 60);
    world.script().finds.push_back(Ok(vec![leg("CA1")]));
    assert_eq!(world.work(&orders).await, 1);
    assert_eq!(world.state(&call).await, OrderState::Placed);
    assert!(world.script().attempts.is_empty());
}

#[tokio::test]
async fn whoever_comes_late_to_an_order_leaves_it() {
    let (world, orders) = world(Rules::twilio()).await;
    let call = world.order(world.new_order("one")).await;
    let leased = orders.lease(1).await;
    world.shared.store.cancel_order(&world.tenant, &call, NOON).await.unwrap();
    for order in leased {
        orders.run(order).await;
    }
    assert_eq!(world.state(&call).await, OrderState::Cancelled);
    assert!(world.script().attempts.is_empty());
}

#[tokio::test]
async fn a_process_that_slept_before_it_asked_does_not_ask() {
    let (world, orders) = world(Rules::twilio()).await;
    let call = world.order(world.new_order("one")).await;
    world.lag(SECOND * 5);
    world.work(&orders).await;
    assert!(
        world.script().attempts.is_empty(),
        "somebody else may have taken the order for one that was lost"
    );
    let stored = world.stored(&call).await;
    assert_eq!((stored.state, stored.attempts), (OrderState::Queued, 1));
}

#[tokio::test]
async fn nobody_is_called_outside_the_hours_of_the_tenants_zone() {
    let (world, orders) = world(Rules::twilio()).await;
    let mut late = world.new_order("late");
    late.hours = Some(json!({ "from": "14:00" }));
    let mut never = world.new_order("never");
    never.hours = Some(json!({ "days": ["monday"] }));
    let mut odd = world.new_order("odd");
    odd.hours = Some(json!({ "from": "noon" }));
    let (late, never, odd) = (world.order(late).await, world.order(never).await, world.order(odd).await);
    assert_eq!(world.work(&orders).await, 3);
    let states = [world.state(&late).await, world.state(&never).await, world.state(&odd).await];
    assert_eq!(states, [OrderState::Queued, OrderState::Failed, OrderState::Failed]);
    world.pass(SECOND * 3599);
    assert_eq!(world.work(&orders).await, 0);
    world.pass(SECOND);
    world.script().places.push_back(Ok(leg("CA1")));
    assert_eq!(world.work(&orders).await, 1);
    let stored = world.stored(&late).await;
    assert_eq!((stored.state, stored.attempts), (OrderState::Placed, 1));
}

#[tokio::test]
async fn one_call_a_second_is_placed_and_the_others_wait_unattempted() {
    let world = World::with(Rules::twilio(), Settings::new("test"), USUAL_RATE).await;
    let orders = Orders::new(world.shared.clone());
    let mut calls = Vec::new();
    for key in ["a", "b", "c"] {
        calls.push(world.order(world.new_order(key)).await);
    }
    for placed in 1..=3 {
        world.script().places.push_back(Ok(leg(&format!("CA{placed}"))));
        world.work(&orders).await;
        let attempts = world.script().attempts.len();
        assert_eq!(attempts, placed);
        world.pass(Duration::from_millis(1500));
    }
    for call in &calls {
        assert_eq!(world.stored(call).await.attempts, 1);
    }
}

#[tokio::test]
async fn those_who_wait_for_the_rate_come_back_one_by_one() {
    let world = World::with(Rules::twilio(), Settings::new("test"), USUAL_RATE).await;
    let orders = Orders::new(world.shared.clone());
    let mut calls = Vec::new();
    for key in 0..40 {
        calls.push(world.order(world.new_order(&key.to_string())).await);
    }
    world.script().places.push_back(Ok(leg("CA0")));
    assert_eq!(world.work(&orders).await, 40);
    let mut waits = Vec::new();
    for call in &calls {
        let order = world.stored(call).await;
        waits.extend((order.state == OrderState::Queued).then_some((order.next_at.0 - NOON.0) / 1000));
    }
    waits.sort_unstable();
    let expected: Vec<i64> = (1..=39).map(|place| place.min(30)).collect();
    assert_eq!(waits, expected);
    world.pass(SECOND);
    world.script().places.push_back(Ok(leg("CA1")));
    assert_eq!(world.work(&orders).await, 1);
    assert_eq!(world.script().attempts.len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_carrier_that_is_ill_is_left_alone_until_it_was_tried() {
    let (world, orders) = world(Rules::twilio()).await;
    let ill = || Err(Fault::NotDone { cause: Cause::Unreachable, retry_after: None });
    for key in ["a", "b", "c", "d", "e"] {
        world.order(world.new_order(key)).await;
        world.script().places.push_back(ill());
    }
    assert_eq!(world.work(&orders).await, 5);
    let waiting = world.order(world.new_order("f")).await;
    assert_eq!(world.work(&orders).await, 1);
    assert_eq!(world.script().attempts.len(), 5, "the breaker is open");
    let stored = world.stored(&waiting).await;
    assert_eq!((stored.state, stored.attempts), (OrderState::Queued, 0));
    assert!(stored.next_at > NOON.plus(SECOND * 7) && stored.next_at <= NOON.plus(SECOND * 10));
    tokio::time::advance(SECOND * 10).await;
    world.pass(SECOND * 10);
    world.script().places.push_back(Ok(leg("CA1")));
    world.script().places.extend((0..5).map(|n| Ok(leg(&format!("CB{n}")))));
    world.work(&orders).await;
    assert!(world.script().attempts.len() > 5, "a probe is let through");
}

#[tokio::test]
async fn an_order_for_a_carrier_that_is_not_set_up_fails() {
    let (world, orders) = world(Rules::twilio()).await;
    let mut new = world.new_order("one");
    new.carrier = "telnyx".into();
    let call = world.order(new).await;
    world.work(&orders).await;
    assert_eq!(world.state(&call).await, OrderState::Failed);
}
