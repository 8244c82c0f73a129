//! What another gate or engine looked at last, and what the one of now finds.

use std::time::Duration;

use store::{
    Act, GateCheck, REFUSED_KEPT, TenantId, Timestamp, ToolAction, ToolDigest, ToolError, ToolQuota,
    VersionState,
};

use super::{act, bad, digest, good, tool, version};
use crate::contract;
use crate::fixture::{Fixture, NOW, after};

contract! {
    every_tenant_with_outdated_versions_is_listed_once,
    quarantined_bytes_are_not_looked_at_until_they_are_released,
    what_passes_again_needs_room,
    a_clock_that_goes_back_takes_no_version_that_was_accepted_once,
}

/// Notes what gate `gate` found in a version of the first tenant.
async fn found(
    store: &Fixture,
    digest: &ToolDigest,
    (gate, check): (&str, GateCheck),
    quota: &ToolQuota,
    at: Timestamp,
) -> Result<(), ToolError> {
    let (check, act) = (GateCheck { gate: gate.into(), ..check }, Act { at, ..act("another gate") });
    store.revalidate_tool_version(&store.tenant, &tool(), digest, &check, quota, &act).await
}

async fn tenants(store: &Fixture, gate: &str, after: Option<&TenantId>, limit: u32) -> Vec<TenantId> {
    store.outdated_tool_tenants(gate, "e1", NOW, after, limit).await.unwrap()
}

async fn every_tenant_with_outdated_versions_is_listed_once(store: &Fixture) {
    for bytes in ["a", "b", "c"] {
        store.upload(bytes).await;
    }
    let (other, quota) = (version("a", good()), ToolQuota::default());
    store.put_tool_version(&store.stranger, &tool(), &other, &quota, &act("")).await.unwrap();
    let mut both = [store.tenant.clone(), store.stranger.clone()];
    both.sort();
    assert_eq!(tenants(store, "1", None, 9).await, []);
    assert_eq!(tenants(store, "2", None, 9).await, both);
    assert_eq!(tenants(store, "2", None, 1).await, both[..1]);
    assert_eq!(tenants(store, "2", Some(&both[0]), 1).await, both[1..]);
    assert_eq!(tenants(store, "2", Some(&both[1]), 1).await, []);
    let listed = async |tenant| {
        let versions = store.outdated_tool_versions(tenant, ("2", "e1"), NOW, None, 9).await.unwrap();
        assert!(versions.iter().all(|version| version.tenant == *tenant && version.tool == tool()));
        versions.into_iter().map(|version| version.digest).collect::<Vec<_>>()
    };
    let mut three = ["a", "b", "c"].map(digest);
    three.sort();
    assert_eq!(listed(&store.tenant).await, three);
    assert_eq!(listed(&store.stranger).await, [digest("a")]);
    store.delete_tool_version(&store.stranger, &tool(), &digest("a"), &act("")).await.unwrap();
    assert_eq!(tenants(store, "2", None, 9).await, std::slice::from_ref(&store.tenant));
}

async fn quarantined_bytes_are_not_looked_at_until_they_are_released(store: &Fixture) {
    let (digest, quota) = (store.live("a").await, ToolQuota::default());
    let is_outdated = async |gate| {
        let listed =
            store.outdated_tool_versions(&store.tenant, (gate, "e1"), after(2), None, 9).await.unwrap();
        let is_listed = listed.iter().any(|listed| listed.digest == digest);
        assert_eq!(tenants(store, gate, None, 9).await.contains(&store.tenant), is_listed);
        is_listed
    };
    found(store, &digest, ("2", bad()), &quota, after(1)).await.unwrap();
    assert!(is_outdated("3").await);
    store.quarantine_tool(&digest, &act("")).await.unwrap();
    assert!(!is_outdated("3").await);
    let before = store.done().await;
    // Whoever looked at it had begun before that.
    for check in [good(), bad()] {
        let late = found(store, &digest, ("3", check), &quota, after(2)).await;
        assert!(matches!(late, Err(ToolError::Quarantined)), "{late:?}");
    }
    assert_eq!(store.done().await, before, "nobody let it out");
    store.release_tool(&digest, &act("")).await.unwrap();
    assert!(is_outdated("3").await);
    found(store, &digest, ("3", good()), &quota, after(2)).await.unwrap();
    let kept = store.tool_version(&store.tenant, &tool(), &digest).await.unwrap().unwrap();
    assert_eq!((kept.state, kept.check.gate.as_str()), (VersionState::Accepted, "3"));
}

async fn what_passes_again_needs_room(store: &Fixture) {
    let first = store.upload("123456").await;
    found(store, &first, ("2", bad()), &ToolQuota::default(), after(1)).await.unwrap();
    let second = store.upload("12345").await;
    let with = |bytes| ToolQuota { bytes, ..ToolQuota::default() };
    let before = store.tool_version(&store.tenant, &tool(), &first).await.unwrap();
    let full = found(store, &first, ("3", good()), &with(10), after(2)).await;
    assert!(matches!(full, Err(ToolError::QuotaExceeded("bytes of tools"))), "{full:?}");
    assert_eq!(store.tool_version(&store.tenant, &tool(), &first).await.unwrap(), before);
    // What is accepted stays so, however much room there is.
    found(store, &second, ("3", good()), &with(0), after(2)).await.unwrap();
    found(store, &first, ("3", good()), &with(11), after(2)).await.unwrap();
    use ToolAction::{Refused, Released, Uploaded};
    assert_eq!(store.done().await, [Uploaded, Refused, Uploaded, Released]);
}

async fn a_clock_that_goes_back_takes_no_version_that_was_accepted_once(store: &Fixture) {
    let (digest, quota) = (store.live("a").await, ToolQuota::default());
    let earlier = NOW.minus(Duration::from_secs(60));
    let millisecond = Duration::from_millis(1);
    for at in [earlier, NOW] {
        found(store, &digest, ("2", bad()), &quota, at).await.unwrap();
        let kept = store.tool_version(&store.tenant, &tool(), &digest).await.unwrap().unwrap();
        assert_eq!((kept.state, kept.checked_at), (VersionState::Refused, NOW.plus(millisecond)));
        assert!(store.needs_tool_bytes(&digest, NOW.plus(REFUSED_KEPT)).await.unwrap());
        let listed = store.outdated_tool_versions(&store.tenant, ("3", "e1"), at, None, 9).await.unwrap();
        assert_eq!(listed.len(), 1);
        found(store, &digest, ("3", good()), &quota, at).await.unwrap();
    }
    found(store, &digest, ("4", good()), &quota, after(9)).await.unwrap();
    let kept = store.tool_version(&store.tenant, &tool(), &digest).await.unwrap().unwrap();
    assert_eq!((kept.state, kept.checked_at), (VersionState::Accepted, after(9)));
}
