//! Tenants' own accounts with carriers, and by which account a call goes.

use store::{
    Attempt, CallAccount, Db as _, KnownCarrierAccount, NewCarrierAccount, OfferedBy, Ordered, Receipt,
    Received, Statement, Store, StoreError,
};

use crate::contract;
use crate::fixture::{Fixture, NOW, after, named};
use crate::plans::{Watched, assert_portable};

contract! {
    an_account_is_its_tenants_and_its_carriers,
    an_account_that_is_set_again_is_another_whatever_the_clock_says,
    an_account_is_taken_away_by_its_tenant_only,
    what_cannot_be_an_account_is_refused,
    a_call_goes_by_the_account_of_its_last_attempt,
    a_call_that_is_offered_goes_by_the_account_that_is_set_then,
}

fn new<'a>(carrier: &'a str, account: &'a str, sealed: &'a str) -> NewCarrierAccount<'a> {
    NewCarrierAccount { carrier, account, sealed }
}

async fn an_account_is_its_tenants_and_its_carriers(store: &Fixture) {
    let set = store.set_carrier_account(&store.tenant, &new("twilio", "AC1", "sealed-1"), "ana", NOW).await;
    let known = KnownCarrierAccount {
        carrier: "twilio".into(),
        account: "AC1".into(),
        set_by: "ana".into(),
        set_at: NOW,
    };
    assert_eq!(set.unwrap(), known);
    let telnyx = new("telnyx", "149", "sealed-2");
    store.set_carrier_account(&store.tenant, &telnyx, "ben", after(1)).await.unwrap();
    let one = store.carrier_account(&store.tenant, "twilio").await.unwrap().unwrap();
    assert_eq!(
        (one.tenant, one.account.as_str(), one.sealed.expose()),
        (store.tenant.clone(), "AC1", "sealed-1")
    );
    assert!(!format!("{:?}", one.sealed).contains("sealed-1"));
    let listed = store.carrier_accounts(&store.tenant).await.unwrap();
    assert_eq!(listed.iter().map(|known| known.carrier.as_str()).collect::<Vec<_>>(), ["telnyx", "twilio"]);
    assert_eq!(listed[1], known);
    assert_eq!(store.carrier_account(&store.stranger, "twilio").await.unwrap(), None);
    assert!(store.carrier_accounts(&store.stranger).await.unwrap().is_empty());
    assert_eq!(store.carrier_account(&store.tenant, "vapi").await.unwrap(), None);
}

async fn an_account_that_is_set_again_is_another_whatever_the_clock_says(store: &Fixture) {
    let mut times = Vec::new();
    for (sealed, at) in [("a", after(9)), ("b", after(9)), ("c", NOW), ("d", after(20))] {
        let set = store.set_carrier_account(&store.tenant, &new("twilio", "AC1", sealed), "ana", at).await;
        times.push(set.unwrap().set_at);
        let stored = store.carrier_account(&store.tenant, "twilio").await.unwrap().unwrap();
        assert_eq!((stored.sealed.expose(), stored.set_at), (sealed, times[times.len() - 1]));
    }
    assert!(times.is_sorted_by(|one, next| one < next), "{times:?}");
    assert_eq!(times[3], after(20));
}

async fn an_account_is_taken_away_by_its_tenant_only(store: &Fixture) {
    store.set_carrier_account(&store.tenant, &new("twilio", "AC1", "sealed"), "ana", NOW).await.unwrap();
    assert!(!store.remove_carrier_account(&store.stranger, "twilio").await.unwrap());
    assert!(!store.remove_carrier_account(&store.tenant, "telnyx").await.unwrap());
    assert!(store.remove_carrier_account(&store.tenant, "twilio").await.unwrap());
    assert!(!store.remove_carrier_account(&store.tenant, "twilio").await.unwrap());
    assert_eq!(store.carrier_account(&store.tenant, "twilio").await.unwrap(), None);
}

async fn what_cannot_be_an_account_is_refused(store: &Fixture) {
    let long = "x".repeat(8193);
    for odd in [
        new("", "AC1", "sealed"),
        new("twi lio", "AC1", "sealed"),
        new("twilio", "", "sealed"),
        new("twilio", "AC1\n", "sealed"),
        new("twilio", "AC1", ""),
        new("twilio", "AC1", &long),
    ] {
        let result = store.set_carrier_account(&store.tenant, &odd, "ana", NOW).await;
        assert!(matches!(result, Err(StoreError::Refused(_))), "{odd:?}");
    }
    let nobody = "nobody".parse().unwrap();
    assert!(store.set_carrier_account(&nobody, &new("twilio", "AC1", "sealed"), "ana", NOW).await.is_err());
    assert!(store.carrier_accounts(&store.tenant).await.unwrap().is_empty());
}

async fn a_call_goes_by_the_account_of_its_last_attempt(store: &Fixture) {
    let call = store.ordered("k").await;
    assert_eq!(store.seen(&call).await.carrier_account, None);
    let own = CallAccount::Own("AC1".into());
    let first = Attempt { id: "a", account: Some(&own) };
    assert!(store.order_attempt(&store.tenant, &call, first, NOW).await.unwrap());
    assert_eq!(store.seen(&call).await.carrier_account, Some(own.clone()));
    // Nobody else's attempt changes by which account the call may have been placed.
    let other = Attempt { id: "b", account: Some(&CallAccount::Platform) };
    assert!(!store.order_attempt(&store.tenant, &call, other, NOW).await.unwrap());
    assert_eq!(store.seen(&call).await.carrier_account, Some(own));
    store.order_again(&store.tenant, &call, after(1), "not done").await.unwrap();
    assert!(store.order_attempt(&store.tenant, &call, other, after(1)).await.unwrap());
    assert_eq!(store.seen(&call).await.carrier_account, Some(CallAccount::Platform));
    store.order_placed(&store.tenant, &call, &named("v3:a"), after(2)).await.unwrap();
    assert_eq!(store.seen(&call).await.carrier_account, Some(CallAccount::Platform));
    assert_eq!(store.order(&store.tenant, &call).await.unwrap().unwrap().attempts, 2);
}

async fn a_call_that_is_offered_goes_by_the_account_that_is_set_then(store: &Fixture) {
    let offered = async |leg: &str, by| {
        let receipt = Receipt { offered_by: by, ..Receipt::default() };
        let received = store.receive_call(&store.tenant, store.new_call(leg), receipt, NOW).await.unwrap();
        let Received::New(call) = received else { panic!("{received:?}") };
        (call.id, call.carrier_account)
    };
    let set = async |tenant, new| {
        store.set_carrier_account(tenant, &new, "ana", NOW).await.unwrap();
    };
    let tenants = Some(OfferedBy::Tenant);
    // Neither another carrier's account nor another tenant's is the tenant's own.
    set(&store.tenant, new("telnyx", "149", "sealed")).await;
    set(&store.stranger, new("twilio", "AC9", "sealed")).await;
    assert_eq!(offered("CA1", tenants).await.1, Some(CallAccount::Nobody));
    set(&store.tenant, new("twilio", "AC1", "sealed")).await;
    let (second, account) = offered("CA2", tenants).await;
    assert_eq!(account, Some(CallAccount::Own("AC1".into())));
    assert_eq!(offered("CA3", Some(OfferedBy::Platform)).await.1, Some(CallAccount::Platform));
    assert_eq!(offered("CA4", None).await.1, None);
    set(&store.tenant, new("twilio", "AC2", "sealed")).await;
    store.remove_carrier_account(&store.tenant, "twilio").await.unwrap();
    assert_eq!(store.seen(&second).await.carrier_account, account);
}

#[tokio::test]
async fn statements_about_accounts_are_portable_and_read_no_other_tenants_rows() {
    let fixture = Fixture::in_memory().await;
    let watched = Watched::new(fixture.db().clone());
    let store = Store::new(watched.clone());
    let account = new("twilio", "AC1", "sealed");
    store.set_carrier_account(&fixture.tenant, &account, "ana", NOW).await.unwrap();
    store.carrier_account(&fixture.tenant, "twilio").await.unwrap();
    store.carrier_accounts(&fixture.tenant).await.unwrap();
    let receipt = Receipt { offered_by: Some(OfferedBy::Tenant), ..Receipt::default() };
    store.receive_call(&fixture.tenant, fixture.new_call("CA1"), receipt, NOW).await.unwrap();
    let key = store.add_webhook_key(&fixture.tenant, "twilio", "secret", NOW).await.unwrap();
    store.remove_webhook_key(&fixture.tenant, &key.id).await.unwrap();
    store.remove_carrier_account(&fixture.tenant, "twilio").await.unwrap();
    let ordered = store.order_call(&fixture.tenant, fixture.new_order("k"), NOW).await.unwrap();
    let Ordered::New(call) = ordered else { panic!("{ordered:?}") };
    let attempt = Attempt { id: "a", account: Some(&CallAccount::Platform) };
    assert!(store.order_attempt(&fixture.tenant, &call.id, attempt, NOW).await.unwrap());
    for (sql, params) in watched.asked() {
        assert_portable(sql);
        let explain: &'static str = Box::leak(format!("EXPLAIN QUERY PLAN {sql}").into_boxed_str());
        let plan = fixture.db().query(Statement::new(explain, params)).await.unwrap();
        for step in plan.iter() {
            let step = step.text("detail").unwrap();
            assert!(!step.starts_with("SCAN") || step == "SCAN CONSTANT ROW", "{step}: {sql}");
        }
    }
}
