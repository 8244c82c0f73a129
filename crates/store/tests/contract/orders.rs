use std::time::Duration;

use call_state::EndReason;
use events::CallEvent;
use store::{CallStatus, Cancelled, LIVE_MAX, NewOrder, Order, OrderState, Ordered};

use crate::contract;
use crate::fixture::{Fixture, NOW, after, number};

contract! {
    an_order_makes_a_call_that_waits,
    the_same_request_again_finds_its_call,
    another_request_with_the_same_key_is_refused,
    what_the_tenant_does_not_have_is_not_ordered,
    the_limit_counts_what_is_ordered_and_what_rings,
    a_call_that_was_ordered_long_ago_counts_when_it_is_placed,
    of_the_same_request_at_once_one_orders,
    an_order_is_called_off_until_the_carrier_is_asked,
    a_call_that_is_called_off_is_canceled,
    an_order_that_fails_takes_its_call_along,
}

async fn an_order_makes_a_call_that_waits(store: &Fixture) {
    let new = NewOrder {
        not_before: after(60),
        hours: Some(serde_json::json!({ "from": "09:00" })),
        max_live: Some(3),
        ..store.new_order("k")
    };
    let ordered = store.order_call(&store.tenant, new.clone(), NOW).await.unwrap();
    let Ordered::New(call) = ordered else { panic!("{ordered:?}") };
    assert_eq!(call, store.seen(&new.call).await);
    assert_eq!((call.status, call.direction), (CallStatus::Queued, store::Direction::Outbound));
    assert_eq!((call.carrier_call_id, &call.variables), (None, &new.variables));
    let order = store.order(&store.tenant, &new.call).await.unwrap().unwrap();
    let expected = Order {
        tenant: store.tenant.clone(),
        call: new.call,
        key: new.key,
        fingerprint: new.fingerprint,
        carrier: new.carrier,
        agent: new.agent,
        from: new.from,
        to: new.to,
        variables: new.variables,
        not_before: new.not_before,
        not_after: new.not_after,
        hours: new.hours,
        detect_machine: new.detect_machine,
        record: new.record,
        ring: new.ring,
        max_live: new.max_live,
        state: OrderState::Queued,
        attempts: 0,
        attempt_id: None,
        attempted_at: None,
        next_at: after(60),
        error: None,
    };
    assert_eq!(order, expected);
    let logged = store.events(&store.tenant, &call.id, 0).await.unwrap();
    let ordered = CallEvent::Ordered { carrier: "telnyx".into(), agent: "receptionist".into() };
    assert_eq!(logged[0].event(), Some(ordered));
    assert_eq!(store.order(&store.stranger, &call.id).await.unwrap(), None);
}

async fn the_same_request_again_finds_its_call(store: &Fixture) {
    let call = store.ordered("k").await;
    let again = async || store.order_call(&store.tenant, store.new_order("k"), after(1)).await.unwrap();
    assert_eq!(again().await, Ordered::Existing(store.seen(&call).await));
    // Also when it is long over, and when the limit would refuse it now.
    store.order_failed(&store.tenant, &call, EndReason::Busy, "busy", NOW).await.unwrap();
    assert_eq!(again().await, Ordered::Existing(store.seen(&call).await));
    let limited = NewOrder { max_live: Some(0), ..store.new_order("k") };
    let limited = store.order_call(&store.tenant, limited, NOW).await.unwrap();
    assert_eq!(limited, Ordered::Existing(store.seen(&call).await));
}

async fn another_request_with_the_same_key_is_refused(store: &Fixture) {
    let call = store.ordered("k").await;
    let other = NewOrder { fingerprint: "g".into(), ..store.new_order("k") };
    let id = other.call.clone();
    assert_eq!(store.order_call(&store.tenant, other, NOW).await.unwrap(), Ordered::KeyReused);
    assert_eq!(store.call(&store.tenant, &id).await.unwrap(), None);
    assert_eq!(store.seen(&call).await.status, CallStatus::Queued);
}

async fn what_the_tenant_does_not_have_is_not_ordered(store: &Fixture) {
    let nobody = NewOrder { agent: "nobody".parse().unwrap(), ..store.new_order("k") };
    let elsewhere = NewOrder { from: number("+34910000001"), ..store.new_order("k") };
    for (tenant, order, expected) in [
        (&store.tenant, nobody, Ordered::NoSuchAgent),
        (&store.tenant, elsewhere, Ordered::NumberNotOwned),
        (&store.stranger, store.new_order("k"), Ordered::NoSuchAgent),
    ] {
        let id = order.call.clone();
        assert_eq!(store.order_call(tenant, order, NOW).await.unwrap(), expected);
        assert_eq!(store.call(tenant, &id).await.unwrap(), None);
    }
    // The key is still free.
    store.ordered("k").await;
}

async fn the_limit_counts_what_is_ordered_and_what_rings(store: &Fixture) {
    store.stored_call("CA1").await;
    let first = NewOrder { max_live: Some(2), ..store.new_order("1") };
    let call = first.call.clone();
    assert!(matches!(store.order_call(&store.tenant, first, NOW).await.unwrap(), Ordered::New(_)));
    let second = || NewOrder { max_live: Some(2), ..store.new_order("2") };
    assert_eq!(store.order_call(&store.tenant, second(), NOW).await.unwrap(), Ordered::TooMany);
    store.cancel_order(&store.tenant, &call, NOW).await.unwrap();
    assert!(matches!(store.order_call(&store.tenant, second(), NOW).await.unwrap(), Ordered::New(_)));
}

async fn a_call_that_was_ordered_long_ago_counts_when_it_is_placed(store: &Fixture) {
    let call = store.ordered("1").await;
    let later = NOW.plus(LIVE_MAX).plus(Duration::from_secs(60));
    let limited = |key: &str| NewOrder { max_live: Some(1), ..store.new_order(key) };
    assert!(store.order_attempt(&store.tenant, &call, "a", later).await.unwrap());
    assert_eq!(store.order_call(&store.tenant, limited("2"), later).await.unwrap(), Ordered::TooMany);
    let far = later.plus(LIVE_MAX);
    assert!(matches!(store.order_call(&store.tenant, limited("2"), far).await.unwrap(), Ordered::New(_)));
}

async fn of_the_same_request_at_once_one_orders(store: &Fixture) {
    let tasks = (0..20).map(|_| {
        let (new, store, tenant) = (store.new_order("k"), store.store.clone(), store.tenant.clone());
        tokio::spawn(async move { store.order_call(&tenant, new, NOW).await.unwrap() })
    });
    let (mut new, mut ids) = (0, Vec::new());
    for task in tasks.collect::<Vec<_>>() {
        match task.await.unwrap() {
            Ordered::New(call) => {
                new += 1;
                ids.push(call.id);
            }
            Ordered::Existing(call) => ids.push(call.id),
            other => panic!("{other:?}"),
        }
    }
    ids.dedup();
    assert_eq!((new, ids.len()), (1, 1));
}

async fn an_order_is_called_off_until_the_carrier_is_asked(store: &Fixture) {
    let (early, late) = (store.ordered("1").await, store.ordered("2").await);
    // A worker has it, but has not asked yet.
    store.lease_orders("worker", NOW, Duration::from_secs(10), 10).await.unwrap();
    let cancel = async |call| store.cancel_order(&store.tenant, call, NOW).await.unwrap();
    assert_eq!((cancel(&early).await, cancel(&early).await), (Cancelled::Now, Cancelled::Now));
    assert!(!store.order_attempt(&store.tenant, &early, "a", NOW).await.unwrap());
    assert!(store.order_attempt(&store.tenant, &late, "b", NOW).await.unwrap());
    assert_eq!(cancel(&late).await, Cancelled::TooLate);
    assert_eq!(store.seen(&late).await.status, CallStatus::Queued);
    assert_eq!(store.cancel_order(&store.stranger, &late, NOW).await.unwrap(), Cancelled::NoSuchCall);
    let inbound = store.stored_call("CA1").await;
    assert_eq!(cancel(&inbound).await, Cancelled::NoSuchCall);
    assert!(
        store.lease_orders("worker", after(100), Duration::from_secs(10), 10).await.unwrap()[0].call == late
    );
}

async fn a_call_that_is_called_off_is_canceled(store: &Fixture) {
    let call = store.ordered("k").await;
    store.cancel_order(&store.tenant, &call, after(5)).await.unwrap();
    let seen = store.seen(&call).await;
    assert_eq!((seen.status, seen.ended_at), (CallStatus::Canceled, Some(after(5))));
    assert_eq!((seen.end_reason.as_deref(), seen.end_fault.as_deref()), (Some("stopped"), Some("tenant")));
    let logged = store.events(&store.tenant, &call, 1).await.unwrap();
    assert_eq!(logged.iter().map(|event| event.event()).collect::<Vec<_>>(), [Some(CallEvent::Cancelled)]);
}

async fn an_order_that_fails_takes_its_call_along(store: &Fixture) {
    let call = store.ordered("k").await;
    let fail = async || {
        let reason = EndReason::CarrierRefused;
        store.order_failed(&store.tenant, &call, reason, "21210: not verified", after(5)).await.unwrap()
    };
    assert_eq!((fail().await, fail().await), (true, false));
    let seen = store.seen(&call).await;
    assert_eq!((seen.status, seen.ended_at), (CallStatus::Failed, Some(after(5))));
    assert_eq!(seen.end_reason.as_deref(), Some("carrier-refused"));
    assert_eq!(seen.end_fault.as_deref(), Some("carrier"));
    let order = store.order(&store.tenant, &call).await.unwrap().unwrap();
    assert_eq!((order.state, order.error.as_deref()), (OrderState::Failed, Some("21210: not verified")));
    let logged = store.events(&store.tenant, &call, 1).await.unwrap();
    let expected =
        CallEvent::NotPlaced { reason: "carrier-refused".into(), message: "21210: not verified".into() };
    assert_eq!(logged.iter().map(|event| event.event()).collect::<Vec<_>>(), [Some(expected)]);
}
