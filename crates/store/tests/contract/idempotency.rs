use std::time::Duration;

use store::Claim;

use crate::contract;
use crate::fixture::{Fixture, NOW};

contract! {
    the_first_claimant_is_alone_and_the_others_get_its_result,
    scopes_and_tenants_do_not_share_keys,
    a_released_claim_is_free_again_and_a_completed_one_is_not,
    old_claims_are_forgotten,
    of_many_claimants_at_once_one_is_the_first,
}

async fn the_first_claimant_is_alone_and_the_others_get_its_result(store: &Fixture) {
    let claim = async || store.claim(&store.tenant, "tool", "k", NOW).await.unwrap();
    assert_eq!(claim().await, Claim::First);
    assert_eq!(claim().await, Claim::Seen(None));
    store.complete_claim(&store.tenant, "tool", "k", "booked").await.unwrap();
    store.complete_claim(&store.tenant, "tool", "k", "again").await.unwrap();
    assert_eq!(claim().await, Claim::Seen(Some("booked".into())));
}

async fn scopes_and_tenants_do_not_share_keys(store: &Fixture) {
    for (tenant, scope) in
        [(&store.tenant, "tool"), (&store.tenant, "media-token"), (&store.stranger, "tool")]
    {
        assert_eq!(store.claim(tenant, scope, "k", NOW).await.unwrap(), Claim::First);
    }
}

async fn a_released_claim_is_free_again_and_a_completed_one_is_not(store: &Fixture) {
    let claim = async || store.claim(&store.tenant, "tool", "k", NOW).await.unwrap();
    claim().await;
    store.release_claim(&store.tenant, "tool", "k").await.unwrap();
    assert_eq!(claim().await, Claim::First);
    store.complete_claim(&store.tenant, "tool", "k", "done").await.unwrap();
    store.release_claim(&store.tenant, "tool", "k").await.unwrap();
    assert_eq!(claim().await, Claim::Seen(Some("done".into())));
}

async fn old_claims_are_forgotten(store: &Fixture) {
    let later = NOW.plus(Duration::from_secs(60));
    store.claim(&store.tenant, "tool", "old", NOW).await.unwrap();
    store.claim(&store.tenant, "tool", "new", later).await.unwrap();
    store.claim(&store.stranger, "tool", "old", NOW).await.unwrap();
    let forget = async |limit| store.forget_claims(later, limit).await.unwrap();
    assert_eq!((forget(1).await, forget(9).await, forget(9).await), (1, 1, 0));
    assert_eq!(store.claim(&store.tenant, "tool", "old", later).await.unwrap(), Claim::First);
    assert_eq!(store.claim(&store.tenant, "tool", "new", later).await.unwrap(), Claim::Seen(None));
    assert_eq!(store.claim(&store.stranger, "tool", "old", later).await.unwrap(), Claim::First);
}

async fn of_many_claimants_at_once_one_is_the_first(store: &Fixture) {
    let claims = (0..50).map(|_| {
        let (store, tenant) = (store.store.clone(), store.tenant.clone());
        tokio::spawn(async move { store.claim(&tenant, "tool", "k", NOW).await.unwrap() })
    });
    let mut first = 0;
    for claim in claims.collect::<Vec<_>>() {
        first += usize::from(claim.await.unwrap() == Claim::First);
    }
    assert_eq!(first, 1);
}
