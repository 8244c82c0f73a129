use store::{KeyRemoval, NewCarrierAccount, StoreError, WebhookKey};

use crate::contract;
use crate::fixture::{Fixture, NOW, after};

contract! {
    a_delivery_is_the_first_once,
    of_many_deliveries_at_once_one_is_the_first,
    a_delivery_is_forgotten_in_time,
    a_delivery_is_known_from_when_it_was_noted_until_it_is_forgotten,
    keys_come_newest_first_and_by_scheme,
    a_key_is_taken_away_by_its_tenant_only,
    the_last_key_of_a_carrier_stays_while_there_is_an_account_with_it,
    an_empty_key_is_refused,
    the_most_calls_at_once_come_with_tenant_and_number,
}

async fn a_delivery_is_the_first_once(store: &Fixture) {
    let first = async |scheme, key| store.first_delivery(scheme, key, after(300), NOW).await.unwrap();
    assert!(first("telnyx", "a").await);
    assert!(!first("telnyx", "a").await);
    assert!(first("telnyx", "b").await);
    assert!(first("vapi-hmac", "a").await);
}

async fn of_many_deliveries_at_once_one_is_the_first(store: &Fixture) {
    let tasks = (0..30).map(|_| {
        let store = store.store.clone();
        tokio::spawn(async move { store.first_delivery("telnyx", "a", after(300), NOW).await.unwrap() })
    });
    let mut first = 0;
    for task in tasks.collect::<Vec<_>>() {
        first += usize::from(task.await.unwrap());
    }
    assert_eq!(first, 1);
}

async fn a_delivery_is_forgotten_in_time(store: &Fixture) {
    assert!(store.first_delivery("telnyx", "a", after(10), NOW).await.unwrap());
    assert!(store.first_delivery("telnyx", "b", after(20), NOW).await.unwrap());
    assert!(!store.first_delivery("telnyx", "a", after(30), after(9)).await.unwrap());
    assert_eq!(store.sweep(after(9)).await.unwrap(), 0);
    assert_eq!(store.sweep(after(10)).await.unwrap(), 1);
    assert_eq!(store.sweep(after(10)).await.unwrap(), 0);
    // What is due counts as forgotten also before the sweep.
    assert!(store.first_delivery("telnyx", "b", after(40), after(20)).await.unwrap());
    assert!(!store.first_delivery("telnyx", "b", after(40), after(39)).await.unwrap());
}

async fn a_delivery_is_known_from_when_it_was_noted_until_it_is_forgotten(store: &Fixture) {
    let known = async |scheme, seconds| store.was_delivered(scheme, "a", after(seconds)).await.unwrap();
    assert!(!known("telnyx", 0).await);
    assert!(store.first_delivery("telnyx", "a", after(10), NOW).await.unwrap());
    assert!(known("telnyx", 0).await && known("telnyx", 9).await);
    assert!(!known("telnyx", 10).await && !known("vapi-hmac", 0).await);
}

async fn keys_come_newest_first_and_by_scheme(store: &Fixture) {
    let add = async |scheme, secret, seconds| {
        store.add_webhook_key(&store.tenant, scheme, secret, after(seconds)).await.unwrap()
    };
    let old = add("telnyx", "old", 0).await;
    let new = add("telnyx", "new", 1).await;
    add("twilio", "other", 2).await;
    assert_eq!(store.webhook_keys(&store.tenant, "telnyx").await.unwrap(), [new, old.clone()]);
    assert_eq!(store.webhook_keys(&store.stranger, "telnyx").await.unwrap(), Vec::<WebhookKey>::new());
    let shown = format!("{old:?}");
    assert!(shown.contains("telnyx") && !shown.contains("old"), "{shown}");
}

async fn a_key_is_taken_away_by_its_tenant_only(store: &Fixture) {
    let key = store.add_webhook_key(&store.tenant, "twilio", "secret", NOW).await.unwrap();
    let remove = async |tenant| store.remove_webhook_key(tenant, &key.id).await.unwrap();
    assert_eq!(remove(&store.stranger).await, KeyRemoval::NoSuchKey);
    assert_eq!(remove(&store.tenant).await, KeyRemoval::Removed);
    assert_eq!(remove(&store.tenant).await, KeyRemoval::NoSuchKey);
    assert!(store.webhook_keys(&store.tenant, "twilio").await.unwrap().is_empty());
}

async fn the_last_key_of_a_carrier_stays_while_there_is_an_account_with_it(store: &Fixture) {
    let (tenant, stranger) = (&store.tenant, &store.stranger);
    let add =
        async |tenant, scheme, secret| store.add_webhook_key(tenant, scheme, secret, NOW).await.unwrap().id;
    let remove = async |id: &str| store.remove_webhook_key(tenant, id).await.unwrap();
    let account = NewCarrierAccount { carrier: "twilio", account: "AC1", sealed: "sealed" };
    store.set_carrier_account(tenant, &account, "ana", NOW).await.unwrap();
    let (first, second) = (add(tenant, "twilio", "1").await, add(tenant, "twilio", "2").await);
    // Neither another scheme's key nor another tenant's stands in for it.
    let telnyx = add(tenant, "telnyx", "3").await;
    add(stranger, "twilio", "4").await;
    assert_eq!((remove(&first).await, remove(&second).await), (KeyRemoval::Removed, KeyRemoval::Needed));
    assert_eq!(store.webhook_keys(tenant, "twilio").await.unwrap().len(), 1);
    assert_eq!(remove(&telnyx).await, KeyRemoval::Removed);
    store.remove_carrier_account(tenant, "twilio").await.unwrap();
    assert_eq!(remove(&second).await, KeyRemoval::Removed);
}

async fn an_empty_key_is_refused(store: &Fixture) {
    let result = store.add_webhook_key(&store.tenant, "twilio", "", NOW).await;
    assert!(matches!(result, Err(StoreError::Refused(_))), "{result:?}");
    let nobody = "nobody".parse().unwrap();
    assert!(store.add_webhook_key(&nobody, "twilio", "x", NOW).await.is_err());
}

async fn the_most_calls_at_once_come_with_tenant_and_number(store: &Fixture) {
    let number = crate::fixture::number("+34910000000");
    for most in [None, Some(3), Some(0), None] {
        store.set_max_live_calls(&store.tenant, most).await.unwrap();
        assert_eq!(store.tenant(&store.tenant).await.unwrap().unwrap().max_live_calls, most);
        assert_eq!(store.resolve_number(&number).await.unwrap().unwrap().max_live_calls, most);
        assert_eq!(store.tenant(&store.stranger).await.unwrap().unwrap().max_live_calls, None);
    }
}
