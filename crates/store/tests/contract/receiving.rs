use std::time::Duration;

use call_state::{Applied, EndReason, EventKind};
use events::CallEvent;
use store::{CallAccount, LIVE_MAX, Limit, NewCall, OfferedBy, Rate, Receipt, Received, StoreError};

use crate::contract;
use crate::fixture::{Fixture, NOW, command, ended, said};

contract! {
    a_call_is_received_with_all_that_goes_with_it,
    a_call_that_is_offered_again_brings_nothing,
    a_call_over_the_limit_leaves_nothing,
    a_caller_who_calls_too_often_leaves_nothing,
    only_calls_that_are_stored_count_for_their_caller,
    calls_that_are_over_or_forgotten_leave_room,
    the_limit_holds_when_calls_come_at_once,
    an_event_about_another_call_offers_none,
    our_own_placeholder_is_no_carriers_id,
}

fn received() -> CallEvent {
    CallEvent::Received { carrier: "twilio".into(), decision: "connect".into(), reason: "fallback".into() }
}

async fn a_call_is_received_with_all_that_goes_with_it(store: &Fixture) {
    let (events, commands) = ([received()], [command("c1"), command("c2")]);
    let mut ringing = said("CA1", "0", EventKind::Ringing, 0);
    ringing.ids.session = Some("s".into());
    let receipt = Receipt {
        events: &events,
        carrier_event: Some(&ringing),
        commands: &commands,
        caller: None,
        max_live: Some(1),
        decision: Some(serde_json::json!({ "connect": "receptionist" })),
        offered_by: Some(OfferedBy::Platform),
    };
    let new = store.new_call("CA1");
    let received = store.receive_call(&store.tenant, new.clone(), receipt, NOW).await.unwrap();
    let Received::New(call) = received else { panic!("{received:?}") };
    assert_eq!(call, store.seen(&new.id).await);
    assert_eq!(call.decision, Some(serde_json::json!({ "connect": "receptionist" })));
    assert_eq!(call.carrier_session_id.as_deref(), Some("s"));
    assert_eq!(call.carrier_account, Some(CallAccount::Platform));
    let logged = store.events(&store.tenant, &call.id, 0).await.unwrap();
    assert_eq!(logged.iter().map(|event| event.kind.as_str()).collect::<Vec<_>>(), ["call.received"]);
    let leased = store.lease_commands("w", NOW, Duration::from_secs(1), 10).await.unwrap();
    assert_eq!(leased.iter().map(|command| command.id.as_str()).collect::<Vec<_>>(), ["c1"]);
    assert_eq!(store.hear(&call.id, &ringing).await.applied, Applied::Duplicate);
}

async fn a_call_that_is_offered_again_brings_nothing(store: &Fixture) {
    let call = store.stored_call("CA1").await;
    let (events, commands) = ([received()], [command("c1")]);
    let ringing = said("CA1", "0", EventKind::Ringing, 0);
    let receipt = || Receipt {
        events: &events,
        carrier_event: Some(&ringing),
        commands: &commands,
        caller: None,
        // The call that exists is no further one, whatever the limit.
        max_live: Some(1),
        decision: Some(serde_json::json!("other")),
        offered_by: Some(OfferedBy::Platform),
    };
    let again = store.receive_call(&store.tenant, store.new_call("CA1"), receipt(), NOW).await.unwrap();
    assert_eq!(again, Received::Existing(store.seen(&call).await));
    assert_eq!(store.seen(&call).await.decision, None);
    assert_eq!(store.seen(&call).await.carrier_account, None);
    assert!(store.events(&store.tenant, &call, 0).await.unwrap().is_empty());
    assert!(store.lease_commands("w", NOW, Duration::from_secs(1), 10).await.unwrap().is_empty());
}

async fn a_call_over_the_limit_leaves_nothing(store: &Fixture) {
    store.stored_call("CA1").await;
    let (events, commands) = ([received()], [command("c1")]);
    let new = store.new_call("CA2");
    let receipt =
        |most| Receipt { events: &events, commands: &commands, max_live: Some(most), ..Receipt::default() };
    let refused = store.receive_call(&store.tenant, new.clone(), receipt(1), NOW).await.unwrap();
    assert_eq!(refused, Received::TooMany);
    assert_eq!(store.call(&store.tenant, &new.id).await.unwrap(), None);
    assert!(store.lease_commands("w", NOW, Duration::from_secs(1), 10).await.unwrap().is_empty());
    let allowed = store.receive_call(&store.tenant, new.clone(), receipt(2), NOW).await.unwrap();
    assert!(matches!(allowed, Received::New(_)), "{allowed:?}");
    // Other tenants' calls do not count.
    let theirs = NewCall { agent: None, ..store.new_call("CA3") };
    let theirs = store.receive_call(&store.stranger, theirs, receipt(1), NOW).await.unwrap();
    assert!(matches!(theirs, Received::New(_)), "{theirs:?}");
}

const CALLER: Limit<'static> =
    Limit { scope: "calls", key: "+15551230000", rate: Rate { count: 2, per: Duration::from_secs(60) } };

async fn receive_of(store: &Fixture, leg: &str, max_live: Option<u32>, caller: Limit<'_>) -> Received {
    let (events, commands) = ([received()], [command(leg)]);
    let ringing = said(leg, "0", EventKind::Ringing, 0);
    let receipt = Receipt {
        events: &events,
        commands: &commands,
        carrier_event: Some(&ringing),
        caller: Some(caller),
        max_live,
        ..Receipt::default()
    };
    store.receive_call(&store.tenant, store.new_call(leg), receipt, NOW).await.unwrap()
}

async fn a_caller_who_calls_too_often_leaves_nothing(store: &Fixture) {
    for leg in ["CA1", "CA2"] {
        assert!(matches!(receive_of(store, leg, None, CALLER).await, Received::New(_)));
    }
    assert_eq!(receive_of(store, "CA3", Some(9), CALLER).await, Received::TooOften);
    assert_eq!(store.call_by_carrier_id(&store.tenant, "twilio", "CA3").await.unwrap(), None);
    // A call that is known is none more, and others are not concerned.
    assert!(matches!(receive_of(store, "CA1", None, CALLER).await, Received::Existing(_)));
    let other = Limit { key: "+15551230001", ..CALLER };
    assert!(matches!(receive_of(store, "CA3", None, other).await, Received::New(_)));
    let never = Limit { rate: Rate { count: 0, ..CALLER.rate }, ..CALLER };
    assert_eq!(receive_of(store, "CA4", None, never).await, Received::TooOften);
    assert!(matches!(receive_of(store, "CA3", None, never).await, Received::Existing(_)));
}

async fn only_calls_that_are_stored_count_for_their_caller(store: &Fixture) {
    for _ in 0..5 {
        assert_eq!(receive_of(store, "CA1", Some(0), CALLER).await, Received::TooMany);
    }
    for _ in 0..5 {
        let received = receive_of(store, "CA1", None, CALLER).await;
        assert!(!matches!(received, Received::TooOften | Received::TooMany), "{received:?}");
    }
    assert!(matches!(receive_of(store, "CA2", None, CALLER).await, Received::New(_)));
    assert_eq!(receive_of(store, "CA3", None, CALLER).await, Received::TooOften);
}

async fn calls_that_are_over_or_forgotten_leave_room(store: &Fixture) {
    let receive = async |leg: &str, at| {
        let receipt = Receipt { max_live: Some(1), ..Receipt::default() };
        store.receive_call(&store.tenant, store.new_call(leg), receipt, at).await.unwrap()
    };
    let first = store.stored_call("CA1").await;
    assert_eq!(receive("CA2", NOW).await, Received::TooMany);
    store.hear(&first, &said("CA1", "0", EventKind::Answered { by: None }, 1)).await;
    assert_eq!(receive("CA2", NOW).await, Received::TooMany);
    store.hear(&first, &said("CA1", "1", ended(EndReason::Completed), 1)).await;
    assert!(matches!(receive("CA2", NOW).await, Received::New(_)));
    assert_eq!(receive("CA3", NOW.plus(LIVE_MAX).minus(Duration::from_millis(1))).await, Received::TooMany);
    assert!(matches!(receive("CA3", NOW.plus(LIVE_MAX)).await, Received::New(_)));
}

async fn the_limit_holds_when_calls_come_at_once(store: &Fixture) {
    let tasks = (0..20).map(|number| {
        let (new, store, tenant) =
            (store.new_call(&format!("CA{number}")), store.store.clone(), store.tenant.clone());
        tokio::spawn(async move {
            let receipt = Receipt { max_live: Some(7), ..Receipt::default() };
            store.receive_call(&tenant, new, receipt, NOW).await.unwrap()
        })
    });
    let mut taken = 0;
    for task in tasks.collect::<Vec<_>>() {
        taken += usize::from(matches!(task.await.unwrap(), Received::New(_)));
    }
    assert_eq!(taken, 7);
}

async fn an_event_about_another_call_offers_none(store: &Fixture) {
    let other = said("CA2", "0", EventKind::Ringing, 0);
    let receipt = Receipt { carrier_event: Some(&other), ..Receipt::default() };
    let result = store.receive_call(&store.tenant, store.new_call("CA1"), receipt, NOW).await;
    assert!(matches!(result, Err(StoreError::Refused(_))), "{result:?}");
    assert_eq!(store.call_by_carrier_id(&store.tenant, "twilio", "CA1").await.unwrap(), None);
}

async fn our_own_placeholder_is_no_carriers_id(store: &Fixture) {
    let ordered = store.ordered("k").await;
    let forged = format!("unnamed:{ordered}");
    let result = store.create_call(&store.tenant, store.new_call(&forged), &[], NOW).await;
    assert!(matches!(result, Err(StoreError::Refused(_))), "{result:?}");
    assert_eq!(store.call_by_carrier_id(&store.tenant, "telnyx", &forged).await.unwrap(), None);
    let ids = crate::fixture::named(&forged);
    assert_eq!(store.locate_call("telnyx", &ids).await.unwrap(), None);
    let named = store.name_call(&store.tenant, &ordered, &ids, NOW).await;
    assert!(matches!(named, Err(StoreError::Refused(_))), "{named:?}");
}
