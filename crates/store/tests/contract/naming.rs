use call_state::{Applied, EndReason, EventKind, Ids};
use store::{CallStatus, DbError, Named, OrderState, StoreError};

use crate::contract;
use crate::fixture::{Fixture, NOW, after, ended, named, said};

contract! {
    a_call_is_found_by_any_of_its_names,
    the_nearest_name_decides,
    an_event_without_names_finds_nothing,
    a_call_is_named_once,
    a_name_belongs_to_one_call,
    a_call_without_a_name_hears_nothing,
    a_call_that_was_given_up_is_still_named,
}

fn ids(leg: Option<&str>, alias: Option<&str>, parent: Option<&str>, session: Option<&str>) -> Ids {
    let owned = |id: Option<&str>| id.map(str::to_owned);
    Ids {
        leg: owned(leg),
        alias: owned(alias),
        parent: owned(parent),
        session: owned(session),
        ..Ids::default()
    }
}

async fn a_call_is_found_by_any_of_its_names(store: &Fixture) {
    let call = store.ordered("k").await;
    let all = ids(Some("a"), Some("b"), None, Some("s"));
    assert_eq!(store.name_call(&store.tenant, &call, &all, NOW).await.unwrap(), Named::Now);
    for known in [
        ids(Some("a"), None, None, None),
        ids(None, Some("b"), None, None),
        ids(Some("x"), None, Some("a"), None),
        ids(Some("x"), Some("y"), None, Some("s")),
    ] {
        let found = store.locate_call("telnyx", &known).await.unwrap().unwrap();
        assert_eq!((found.tenant, found.id), (store.tenant.clone(), call.clone()), "{known:?}");
        assert_eq!(store.locate_call("twilio", &known).await.unwrap(), None, "{known:?}");
    }
    // A name of one kind is none of another.
    for unknown in [ids(Some("b"), None, None, None), ids(None, Some("a"), None, Some("a"))] {
        assert_eq!(store.locate_call("telnyx", &unknown).await.unwrap(), None, "{unknown:?}");
    }
}

async fn the_nearest_name_decides(store: &Fixture) {
    let (first, second) = (store.ordered("1").await, store.new_order("2"));
    store.order_call(&store.tenant, second.clone(), after(1)).await.unwrap();
    let second = second.call;
    for (call, leg) in [(&first, "a"), (&second, "b")] {
        let ids = ids(Some(leg), None, None, Some("s"));
        store.name_call(&store.tenant, call, &ids, NOW).await.unwrap();
    }
    let found = async |ids| store.locate_call("telnyx", &ids).await.unwrap().unwrap().id;
    assert_eq!(found(ids(Some("b"), None, Some("a"), Some("s"))).await, second);
    assert_eq!(found(ids(Some("x"), None, Some("b"), Some("s"))).await, second);
    assert_eq!(found(ids(Some("x"), None, None, Some("s"))).await, first);
}

async fn an_event_without_names_finds_nothing(store: &Fixture) {
    store.ordered("k").await;
    for nameless in [Ids::default(), ids(Some(""), Some(""), Some(""), Some(""))] {
        assert_eq!(store.locate_call("telnyx", &nameless).await.unwrap(), None);
    }
}

async fn a_call_is_named_once(store: &Fixture) {
    let call = store.ordered("k").await;
    assert_eq!(store.seen(&call).await.carrier_call_id, None);
    let name = async |ids| store.name_call(&store.tenant, &call, &ids, NOW).await.unwrap();
    assert_eq!(name(named("a")).await, Named::Now);
    assert_eq!(name(ids(Some("a"), Some("b"), None, Some("s"))).await, Named::Already);
    assert_eq!(name(named("c")).await, Named::Other("a".into()));
    let seen = store.seen(&call).await;
    assert_eq!((seen.carrier_call_id.as_deref(), seen.carrier_session_id.as_deref()), (Some("a"), Some("s")));
    assert_eq!(store.order(&store.tenant, &call).await.unwrap().unwrap().state, OrderState::Placed);
    let logged = store.events(&store.tenant, &call, 0).await.unwrap();
    assert_eq!(logged.iter().filter(|event| event.kind == "call.placed").count(), 1);
    for (tenant, id) in [(&store.stranger, call), (&store.tenant, "nobody".parse().unwrap())] {
        let unknown = store.name_call(tenant, &id, &named("a"), NOW).await.unwrap();
        assert_eq!(unknown, Named::NoSuchCall);
    }
    let nameless = store.name_call(&store.tenant, &store.ordered("l").await, &Ids::default(), NOW).await;
    assert!(matches!(nameless, Err(StoreError::Refused(_))), "{nameless:?}");
}

async fn a_name_belongs_to_one_call(store: &Fixture) {
    let (first, second) = (store.ordered("1").await, store.ordered("2").await);
    store.name_call(&store.tenant, &first, &named("a"), NOW).await.unwrap();
    let taken = store.name_call(&store.tenant, &second, &named("a"), NOW).await;
    assert!(matches!(taken, Err(StoreError::Db(DbError::Constraint(_)))), "{taken:?}");
    assert_eq!(store.seen(&second).await.carrier_call_id, None);
    assert_eq!(store.order(&store.tenant, &second).await.unwrap().unwrap().state, OrderState::Queued);
}

async fn a_call_without_a_name_hears_nothing(store: &Fixture) {
    let call = store.ordered("k").await;
    let mut ringing = said("a", "1", EventKind::Ringing, 1);
    ringing.carrier = call_state::Carrier::Telnyx;
    assert_eq!(store.hear(&call, &ringing).await.applied, Applied::Foreign);
    store.name_call(&store.tenant, &call, &named("a"), NOW).await.unwrap();
    let told = store.hear(&call, &ringing).await;
    assert_eq!((told.applied, told.call.status), (Applied::Changed, CallStatus::Ringing));
}

/// We were certain that nothing was placed, and then the telephone rings after all.
async fn a_call_that_was_given_up_is_still_named(store: &Fixture) {
    let call = store.ordered("k").await;
    store.order_failed(&store.tenant, &call, EndReason::DialFailed, "refused", NOW).await.unwrap();
    assert_eq!(store.name_call(&store.tenant, &call, &named("a"), NOW).await.unwrap(), Named::Now);
    assert_eq!(store.order(&store.tenant, &call).await.unwrap().unwrap().state, OrderState::Failed);
    let mut over = said("a", "1", ended(EndReason::CalleeHangup), 9);
    over.carrier = call_state::Carrier::Telnyx;
    let told = store.hear(&call, &over).await;
    assert_eq!(
        (told.call.status, told.call.end_reason.as_deref()),
        (CallStatus::Completed, Some("callee-hangup"))
    );
}
