//! How orders are worked off, by several workers that may die at any moment.

use std::collections::BTreeMap;
use std::time::Duration;

use call_state::EndReason;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use store::{CallId, Named, NewOrder, Order, OrderState, Ordered};

use crate::contract;
use crate::fixture::{Fixture, NOW, after, named, number};

contract! {
    an_order_is_leased_when_it_is_due,
    an_attempt_is_one_however_many_try,
    an_order_waits_while_nobody_knows_of_another_between_the_same_numbers,
    only_an_order_through_one_carrier_between_the_same_numbers_is_waited_for,
    for_whom_an_order_has_to_wait_can_be_asked_beforehand,
    a_worker_that_dies_while_placing_leaves_an_attempt_to_look_for,
    an_answer_that_was_lost_is_looked_for_later,
    what_certainly_was_not_placed_is_attempted_anew,
    a_postponed_order_counts_no_attempt,
    whatever_is_said_of_an_order_ends_its_lease,
    a_worker_that_slept_settles_nobody_elses_attempt,
    a_webhook_that_names_the_call_settles_the_order,
    workers_at_once_attempt_each_order_once,
    no_course_of_events_places_a_call_twice,
}

const LEASE: Duration = Duration::from_secs(10);

async fn lease(store: &Fixture, seconds: u64) -> Vec<Order> {
    store.lease_orders("worker", after(seconds), LEASE, 100).await.unwrap()
}

async fn order(store: &Fixture, call: &CallId) -> Order {
    store.order(&store.tenant, call).await.unwrap().unwrap()
}

/// An order to a number that no other is to, so that it waits for none.
async fn ordered_to(store: &Fixture, index: usize) -> CallId {
    let to = number(&format!("+1555124{index:04}"));
    let new = NewOrder { to, ..store.new_order(&index.to_string()) };
    let call = new.call.clone();
    store.order_call(&store.tenant, new, NOW).await.unwrap();
    call
}

async fn an_order_is_leased_when_it_is_due(store: &Fixture) {
    let call = store.ordered("1").await;
    let scheduled = NewOrder { not_before: after(60), ..store.new_order("2") };
    let later = scheduled.call.clone();
    store.order_call(&store.tenant, scheduled, NOW).await.unwrap();
    let leased = lease(store, 0).await;
    assert_eq!(leased, [order(store, &call).await]);
    assert!(lease(store, 9).await.is_empty());
    assert_eq!(lease(store, 10).await.len(), 1);
    let both: Vec<_> = lease(store, 60).await.into_iter().map(|order| order.call).collect();
    assert!(both.contains(&call) && both.contains(&later) && both.len() == 2, "{both:?}");
    assert_eq!(store.lease_orders("worker", after(600), LEASE, 1).await.unwrap().len(), 1);
}

async fn an_attempt_is_one_however_many_try(store: &Fixture) {
    let call = store.ordered("k").await;
    let tasks = (0..10).map(|number| {
        let (store, tenant, call) = (store.store.clone(), store.tenant.clone(), call.clone());
        let attempt = format!("a{number}");
        tokio::spawn(async move {
            store.order_attempt(&tenant, &call, &attempt, NOW).await.unwrap().then_some(attempt)
        })
    });
    let mut made = Vec::new();
    for task in tasks.collect::<Vec<_>>() {
        made.extend(task.await.unwrap());
    }
    let order = order(store, &call).await;
    assert_eq!((order.state, order.attempts, order.attempted_at), (OrderState::Placing, 1, Some(NOW)));
    assert_eq!(made, Vec::from_iter(order.attempt_id));
    let nobody = "nobody".parse().unwrap();
    assert!(!store.order_attempt(&store.tenant, &nobody, "a", NOW).await.unwrap());
    assert!(!store.order_attempt(&store.stranger, &call, "a", NOW).await.unwrap());
}

async fn an_order_waits_while_nobody_knows_of_another_between_the_same_numbers(store: &Fixture) {
    let (first, second) = (store.ordered("1").await, store.ordered("2").await);
    let attempt = async |call, id: &'static str, at| {
        store.order_attempt(&store.tenant, call, id, after(at)).await.unwrap()
    };
    assert!(attempt(&first, "a", 0).await);
    assert!(!attempt(&second, "b", 0).await);
    store.order_uncertain(&store.tenant, &first, after(15), "timeout").await.unwrap();
    assert!(!attempt(&second, "b", 15).await);
    let waiting = order(store, &second).await;
    assert_eq!((waiting.state, waiting.attempts, waiting.attempt_id), (OrderState::Queued, 0, None));
    store.order_again(&store.tenant, &first, after(16), "none found").await.unwrap();
    assert!(attempt(&second, "b", 16).await);
    assert!(!attempt(&first, "c", 16).await);
    store.order_placed(&store.tenant, &second, &named("CA2"), after(17)).await.unwrap();
    assert!(attempt(&first, "c", 17).await);
}

async fn only_an_order_through_one_carrier_between_the_same_numbers_is_waited_for(store: &Fixture) {
    let first = store.ordered("1").await;
    assert!(store.order_attempt(&store.tenant, &first, "a", NOW).await.unwrap());
    let ours = number("+34910000001");
    assert!(store.put_number(&store.tenant, &ours, None, NOW).await.unwrap());
    for other in [
        NewOrder { carrier: "twilio".into(), ..store.new_order("2") },
        NewOrder { from: ours, ..store.new_order("3") },
        NewOrder { to: number("+15551230001"), ..store.new_order("4") },
    ] {
        let call = other.call.clone();
        let ordered = store.order_call(&store.tenant, other, NOW).await.unwrap();
        assert!(matches!(ordered, Ordered::New(_)), "{ordered:?}");
        assert!(store.order_attempt(&store.tenant, &call, "b", NOW).await.unwrap());
    }
    // What was left lying for longer than anybody looks for it holds nobody up.
    let last = store.ordered("5").await;
    assert!(!store.order_attempt(&store.tenant, &last, "c", after(899)).await.unwrap());
    assert!(store.order_attempt(&store.tenant, &last, "c", after(900)).await.unwrap());
}

async fn for_whom_an_order_has_to_wait_can_be_asked_beforehand(store: &Fixture) {
    let (first, second) = (store.ordered("1").await, store.ordered("2").await);
    let elsewhere = ordered_to(store, 3).await;
    let waits_for =
        async |call, at| store.order_waits_for(&order(store, call).await, after(at)).await.unwrap();
    assert_eq!(waits_for(&second, 3).await, None);
    assert!(store.order_attempt(&store.tenant, &first, "a", after(3)).await.unwrap());
    assert_eq!(waits_for(&second, 4).await, Some(after(3)));
    store.order_uncertain(&store.tenant, &first, after(15), "timeout").await.unwrap();
    assert_eq!(waits_for(&second, 902).await, Some(after(3)));
    assert_eq!(waits_for(&second, 903).await, None);
    assert_eq!((waits_for(&first, 4).await, waits_for(&elsewhere, 4).await), (None, None));
    store.order_placed(&store.tenant, &first, &named("CA1"), after(5)).await.unwrap();
    assert_eq!(waits_for(&second, 6).await, None);
}

async fn a_worker_that_dies_while_placing_leaves_an_attempt_to_look_for(store: &Fixture) {
    let call = store.ordered("k").await;
    lease(store, 0).await;
    assert!(store.order_attempt(&store.tenant, &call, "a", NOW).await.unwrap());
    assert!(lease(store, 5).await.is_empty());
    let found = lease(store, 10).await.remove(0);
    assert_eq!((found.state, found.attempts), (OrderState::Placing, 1));
    assert_eq!(found.attempt_id.as_deref(), Some("a"));
    // Nobody may attempt it while it is not certain what became of the first.
    assert!(!store.order_attempt(&store.tenant, &call, "b", after(10)).await.unwrap());
}

async fn an_answer_that_was_lost_is_looked_for_later(store: &Fixture) {
    let call = store.ordered("k").await;
    lease(store, 0).await;
    // Nothing is uncertain before an attempt.
    assert!(!store.order_uncertain(&store.tenant, &call, after(1), "timeout").await.unwrap());
    store.order_attempt(&store.tenant, &call, "a", NOW).await.unwrap();
    assert!(store.order_uncertain(&store.tenant, &call, after(15), "timeout").await.unwrap());
    assert!(lease(store, 14).await.is_empty());
    let found = lease(store, 15).await.remove(0);
    assert_eq!((found.state, found.attempt_id.as_deref()), (OrderState::Uncertain, Some("a")));
    assert_eq!((found.attempts, found.error.as_deref()), (1, Some("timeout")));
    assert!(!store.order_attempt(&store.tenant, &call, "b", after(15)).await.unwrap());
    assert_eq!(store.order_placed(&store.tenant, &call, &named("CA1"), after(16)).await.unwrap(), Named::Now);
    assert_eq!(order(store, &call).await.state, OrderState::Placed);
    let again = store.order_placed(&store.tenant, &call, &named("CA1"), after(17)).await.unwrap();
    assert_eq!(again, Named::Already);
    assert!(lease(store, 1000).await.is_empty());
}

async fn what_certainly_was_not_placed_is_attempted_anew(store: &Fixture) {
    let call = store.ordered("k").await;
    for number in 1..=3 {
        let at = 10 * u64::from(number);
        assert_eq!(lease(store, at).await.len(), 1);
        let attempt = format!("a{number}");
        assert!(store.order_attempt(&store.tenant, &call, &attempt, after(at)).await.unwrap());
        assert!(store.order_again(&store.tenant, &call, after(at + 5), "503").await.unwrap());
        let order = order(store, &call).await;
        assert_eq!((order.state, order.attempts, order.attempt_id), (OrderState::Queued, number, None));
        assert!(lease(store, at + 4).await.is_empty());
    }
    let logged = store.events(&store.tenant, &call, 0).await.unwrap();
    assert_eq!(logged.iter().filter(|event| event.kind == "call.attempted").count(), 3);
}

async fn a_postponed_order_counts_no_attempt(store: &Fixture) {
    let call = store.ordered("k").await;
    lease(store, 0).await;
    assert!(store.order_postponed(&store.tenant, &call, after(3)).await.unwrap());
    assert!(lease(store, 2).await.is_empty());
    assert_eq!(lease(store, 3).await[0].attempts, 0);
    store.order_attempt(&store.tenant, &call, "a", after(3)).await.unwrap();
    assert!(!store.order_postponed(&store.tenant, &call, after(9)).await.unwrap());
    assert_eq!(order(store, &call).await.state, OrderState::Placing);
}

async fn whatever_is_said_of_an_order_ends_its_lease(store: &Fixture) {
    let call = store.ordered("k").await;
    let leased = async |seconds| lease(store, seconds).await.len();
    assert_eq!(leased(0).await, 1);
    store.order_postponed(&store.tenant, &call, after(1)).await.unwrap();
    assert_eq!(leased(1).await, 1);
    store.order_attempt(&store.tenant, &call, "a", after(1)).await.unwrap();
    store.order_uncertain(&store.tenant, &call, after(2), "timeout").await.unwrap();
    assert_eq!(leased(2).await, 1);
    store.order_again(&store.tenant, &call, after(3), "none").await.unwrap();
    assert_eq!(leased(3).await, 1);
}

async fn a_worker_that_slept_settles_nobody_elses_attempt(store: &Fixture) {
    let call = store.ordered("k").await;
    let queued = lease(store, 0).await.remove(0);
    store.order_attempt(&store.tenant, &call, "a", NOW).await.unwrap();
    let first = order(store, &call).await;
    // It wakes up when another has found that nothing was placed, and asks the carrier again.
    lease(store, 10).await;
    assert!(store.order_again(&store.tenant, &first, after(10), "none found").await.unwrap());
    store.order_attempt(&store.tenant, &call, "b", after(11)).await.unwrap();
    let second = order(store, &call).await;
    for stale in [&queued, &first] {
        assert!(!store.order_again(&store.tenant, stale, after(12), "503").await.unwrap());
        assert!(!store.order_uncertain(&store.tenant, stale, after(12), "timeout").await.unwrap());
        let failed = store.order_failed(&store.tenant, stale, EndReason::Busy, "x", after(12)).await.unwrap();
        assert!(!failed);
    }
    assert_eq!(order(store, &call).await, second);
    assert!(store.order_uncertain(&store.tenant, &second, after(20), "timeout").await.unwrap());
    assert!(store.order_again(&store.tenant, &second, after(20), "none found").await.unwrap());
    let queued = order(store, &call).await;
    assert!(store.order_failed(&store.tenant, &queued, EndReason::Busy, "x", after(21)).await.unwrap());
}

async fn a_webhook_that_names_the_call_settles_the_order(store: &Fixture) {
    let call = store.ordered("k").await;
    lease(store, 0).await;
    store.order_attempt(&store.tenant, &call, "a", NOW).await.unwrap();
    store.name_call(&store.tenant, &call, &named("CA1"), after(1)).await.unwrap();
    // The worker's request ran into its timeout meanwhile.
    assert!(!store.order_uncertain(&store.tenant, &call, after(15), "timeout").await.unwrap());
    assert!(!store.order_again(&store.tenant, &call, after(15), "none found").await.unwrap());
    assert!(!store.order_failed(&store.tenant, &call, EndReason::DialFailed, "x", after(15)).await.unwrap());
    let settled = order(store, &call).await;
    assert_eq!((settled.state, settled.attempt_id.as_deref()), (OrderState::Placed, Some("a")));
    assert_eq!(store.seen(&call).await.end_reason, None);
    assert!(lease(store, 1000).await.is_empty());
}

async fn workers_at_once_attempt_each_order_once(store: &Fixture) {
    const ORDERS: usize = 30;
    for index in 0..ORDERS {
        ordered_to(store, index).await;
    }
    let tasks = (0..4).map(|worker| {
        let store = store.store.clone();
        tokio::spawn(async move {
            let mut made = Vec::new();
            // The leases run out at once, so that every worker is given every order.
            for round in 0..10 {
                let owner = format!("worker {worker}");
                for order in store.lease_orders(&owner, after(round), Duration::ZERO, 7).await.unwrap() {
                    let attempt = format!("{worker}/{round}/{}", order.call);
                    if store.order_attempt(&order.tenant, &order.call, &attempt, after(round)).await.unwrap()
                    {
                        made.push(order.call);
                    }
                }
            }
            made
        })
    });
    let mut made = Vec::new();
    for task in tasks.collect::<Vec<_>>() {
        made.extend(task.await.unwrap());
    }
    let attempts = made.len();
    made.sort();
    made.dedup();
    assert_eq!(attempts, made.len());
    for call in &made {
        assert_eq!(order(store, call).await.attempts, 1);
    }
}

/// What may happen to an order, at any time and any number of times.
#[derive(Clone, Copy, Debug)]
enum Step {
    Lease,
    /// Asks the carrier, if it may: the carrier places the call.
    Attempt,
    Lost,
    /// The carrier was looked up, and has no such call.
    NotFound,
    /// The carrier was looked up, or its webhook came.
    Found,
    Postpone,
    Cancel,
    Fail,
}

/// The carrier places a call for each attempt but when it says that it did not; it is told only by who may attempt.
async fn no_course_of_events_places_a_call_twice(store: &Fixture) {
    use Step::{Attempt, Cancel, Fail, Found, Lease, Lost, NotFound, Postpone};
    let kinds = vec![Lease, Attempt, Attempt, Lost, NotFound, Found, Postpone, Cancel, Fail];
    let steps = proptest::collection::vec((prop::sample::select(kinds), 0_u64..12), 1..25);
    let mut runner = TestRunner::deterministic();
    let mut ends = BTreeMap::<String, u32>::new();
    for case in 0..60 {
        let call = ordered_to(store, case).await;
        let (mut clock, mut placed) = (0, 0);
        let mut course = Vec::new();
        for (step, wait) in steps.new_tree(&mut runner).unwrap().current() {
            clock += wait;
            course.push(step);
            take(store, &call, step, clock, &mut placed).await;
            let order = order(store, &call).await;
            assert!(placed <= 1, "{course:?}");
            if placed == 1 {
                use OrderState::{Failed, Placed, Placing, Uncertain};
                assert!(matches!(order.state, Placing | Uncertain | Placed | Failed), "{course:?}");
            }
        }
        *ends.entry(format!("{:?}", order(store, &call).await.state)).or_default() += 1;
    }
    // Otherwise the courses would show little.
    assert!(ends.len() >= 4, "{ends:?}");
}

/// `placed` counts the carrier's calls.
async fn take(store: &Fixture, call: &CallId, step: Step, clock: u64, placed: &mut u32) {
    let (tenant, now) = (&store.tenant, after(clock));
    let open = matches!(order(store, call).await.state, OrderState::Placing | OrderState::Uncertain);
    match step {
        Step::Lease => {
            lease(store, clock).await;
        }
        Step::Attempt => {
            let attempt = format!("{call}-{clock}");
            *placed += u32::from(store.order_attempt(tenant, call, &attempt, now).await.unwrap());
        }
        Step::Lost => {
            store.order_uncertain(tenant, call, now, "timeout").await.unwrap();
        }
        // Only for what was attempted can a carrier say so, and then it has no such call.
        Step::NotFound if open && *placed == 1 => {
            *placed = 0;
            store.order_again(tenant, call, now, "none").await.unwrap();
        }
        Step::Found if *placed == 1 => {
            store.order_placed(tenant, call, &named(call.as_str()), now).await.unwrap();
        }
        Step::NotFound | Step::Found => {}
        Step::Postpone => {
            store.order_postponed(tenant, call, now).await.unwrap();
        }
        Step::Cancel => {
            store.cancel_order(tenant, call, now).await.unwrap();
        }
        Step::Fail => {
            store.order_failed(tenant, call, EndReason::DialFailed, "x", now).await.unwrap();
        }
    }
}
