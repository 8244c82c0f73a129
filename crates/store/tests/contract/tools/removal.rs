//! How versions and tools go: quarantine, a later refusal, deletion.

use std::time::Duration;

use serde_json::json;
use store::{
    Act, GateCheck, REFUSED_KEPT, ToolAction, ToolAlias, ToolError, ToolQuarantine, ToolQuota, ToolRelease,
    VersionState,
};

use super::{LIVE, act, bad, digest, good, tool, version};
use crate::contract;
use crate::fixture::{Fixture, NOW, after};

contract! {
    quarantine_holds_for_every_tenant,
    a_quarantine_that_ended_stays_known_and_holds_nobody,
    a_version_that_is_refused_later_is_taken_down,
    a_version_that_is_refused_later_may_pass_again_while_its_bytes_are_kept,
    a_deleted_tool_leaves_its_history,
}

async fn quarantine_holds_for_every_tenant(store: &Fixture) {
    let safe = store.live("safe").await;
    let bad = store.live("bad").await;
    store.switch_tool(&store.tenant, &tool(), (ToolAlias::Canary, 5), &bad, &act("")).await.unwrap();
    let (new, quota) = (version("bad", good()), ToolQuota::default());
    store.put_tool_version(&store.stranger, &tool(), &new, &quota, &act("")).await.unwrap();
    store.switch_tool(&store.stranger, &tool(), LIVE, &bad, &act("")).await.unwrap();

    assert!(store.quarantine_tool(&bad, &act("reads what it should not")).await.unwrap());
    assert!(!store.quarantine_tool(&bad, &act("again")).await.unwrap());
    assert_eq!(store.named(ToolAlias::Live).await, Some(safe.clone()));
    assert_eq!(store.named(ToolAlias::Canary).await, None);
    assert_eq!(store.tool_aliases(&store.stranger, &tool()).await.unwrap(), []);
    let state = async |tenant| store.tool_version(tenant, &tool(), &bad).await.unwrap().unwrap().state;
    assert_eq!(state(&store.tenant).await, VersionState::Quarantined);
    assert_eq!(state(&store.stranger).await, VersionState::Quarantined);
    // Nor under another name, nor bytes that nobody had so far.
    let other = "other".parse().unwrap();
    store.quarantine_tool(&digest("unseen"), &act("")).await.unwrap();
    for bytes in ["bad", "unseen"] {
        let new = version(bytes, good());
        let refused = store.put_tool_version(&store.tenant, &other, &new, &quota, &act("")).await;
        assert!(matches!(refused, Err(ToolError::Quarantined)), "{refused:?}");
    }

    assert!(store.release_tool(&bad, &act("was harmless")).await.unwrap());
    assert!(!store.release_tool(&bad, &act("")).await.unwrap());
    assert_eq!(state(&store.stranger).await, VersionState::Accepted);
    assert_eq!(store.tool_aliases(&store.stranger, &tool()).await.unwrap(), []);
    store.switch_tool(&store.stranger, &tool(), LIVE, &bad, &act("")).await.unwrap();
    let history = store.tool_history(&store.stranger, &tool(), None, 9).await.unwrap();
    let actions: Vec<_> = history.iter().rev().map(|event| event.action).collect();
    use ToolAction::{Quarantined, Released, Switched, TakenDown, Uploaded};
    assert_eq!(actions, [Uploaded, Switched, Quarantined, TakenDown, Released, Switched]);
}

async fn a_quarantine_that_ended_stays_known_and_holds_nobody(store: &Fixture) {
    // Bytes that no tenant has: no history tells of them.
    let unseen = digest("unseen");
    let known = async |limit| store.tool_quarantines(&unseen, limit).await.unwrap();
    let at = |by, why, seconds| Act { by, why, at: after(seconds) };
    assert_eq!(known(9).await, []);
    assert!(!store.release_tool(&unseen, &at("ana", "never was", 1)).await.unwrap());
    assert_eq!(known(9).await, [], "what never was did not end");

    assert!(store.quarantine_tool(&unseen, &at("ana", "it mines", 1)).await.unwrap());
    let held = |by: &str, why: &str, at, released| ToolQuarantine {
        by: by.to_owned(),
        why: why.to_owned(),
        at: after(at),
        released,
    };
    assert_eq!(known(9).await, [held("ana", "it mines", 1, None)]);
    assert!(store.release_tool(&unseen, &at("bob", "it does not", 2)).await.unwrap());
    let released = ToolRelease { by: "bob".into(), why: "it does not".into(), at: after(2) };
    let ended = held("ana", "it mines", 1, Some(released));
    assert_eq!(known(9).await, std::slice::from_ref(&ended));
    assert!(!store.is_quarantined(&unseen).await.unwrap());
    store.live("unseen").await;
    let listed = store.tool_versions(&store.tenant, &tool(), 9).await.unwrap();
    assert_eq!(listed.iter().map(|version| version.state).collect::<Vec<_>>(), [VersionState::Accepted]);
    assert!(!store.release_tool(&unseen, &at("bob", "twice", 3)).await.unwrap());

    // Bytes may be quarantined again, also within the same millisecond.
    assert!(store.quarantine_tool(&unseen, &at("eve", "it does", 2)).await.unwrap());
    assert_eq!(store.named(ToolAlias::Live).await, None);
    assert_eq!(known(9).await, [held("eve", "it does", 2, None), ended.clone()]);
    assert!(store.release_tool(&unseen, &at("eve", "", 2)).await.unwrap());
    let again = ToolRelease { by: "eve".into(), why: String::new(), at: after(2) };
    let again = held("eve", "it does", 2, Some(again));
    assert_eq!(known(9).await, [again.clone(), ended]);
    assert_eq!(known(1).await, [again]);
    assert_eq!(store.tool_quarantines(&digest("other"), 9).await.unwrap(), []);
}

async fn a_version_that_is_refused_later_is_taken_down(store: &Fixture) {
    let a = store.live("a").await;
    let b = store.live("b").await;
    let outdated = async |gate: &str, engine: &str| {
        let (mut digests, mut last) = (Vec::new(), None);
        loop {
            let page = store
                .outdated_tool_versions(&store.tenant, (gate, engine), NOW, last.as_ref(), 1)
                .await
                .unwrap();
            let Some(found) = page.into_iter().next() else { return digests };
            assert_eq!((&found.tenant, &found.tool), (&store.tenant, &tool()));
            digests.push(found.digest.clone());
            last = Some(found);
        }
    };
    assert_eq!(outdated("1", "e1").await, []);
    assert_eq!(outdated("1", "e2").await.len(), 2);
    assert_eq!(outdated("2", "e1").await.len(), 2);
    let again = async |digest, check| {
        let check = GateCheck { gate: "2".into(), ..check };
        let at = Act { at: after(5), ..act("gate 2") };
        store
            .revalidate_tool_version(&store.tenant, &tool(), digest, &check, &ToolQuota::default(), &at)
            .await
    };
    again(&a, good()).await.unwrap();
    assert_eq!(outdated("2", "e1").await, std::slice::from_ref(&b));
    assert_eq!(store.named(ToolAlias::Live).await, Some(b.clone()));
    again(&b, bad()).await.unwrap();
    assert_eq!(outdated("2", "e1").await, []);
    assert_eq!(store.named(ToolAlias::Live).await, Some(a.clone()));
    again(&a, bad()).await.unwrap();
    assert_eq!(store.named(ToolAlias::Live).await, None);
    let kept = store.tool_version(&store.tenant, &tool(), &a).await.unwrap().unwrap();
    assert_eq!((kept.uploaded_at, kept.checked_at, kept.check.gate.as_str()), (NOW, after(5), "2"));
}

async fn a_version_that_is_refused_later_may_pass_again_while_its_bytes_are_kept(store: &Fixture) {
    let digest = store.live("a").await;
    let check = async |gate: &str, check, at| {
        let (check, act) = (GateCheck { gate: gate.into(), ..check }, Act { at, ..act("another gate") });
        let quota = ToolQuota::default();
        store.revalidate_tool_version(&store.tenant, &tool(), &digest, &check, &quota, &act).await
    };
    let is_outdated = async |now| {
        let found = store.outdated_tool_versions(&store.tenant, ("3", "e1"), now, None, 9).await.unwrap();
        found.iter().any(|found| found.digest == digest)
    };
    check("2", bad(), after(5)).await.unwrap();
    let last = after(5).plus(REFUSED_KEPT);
    let too_late = last.plus(Duration::from_millis(1));
    for (now, is_kept) in [(after(5), true), (last, true), (too_late, false)] {
        assert_eq!(store.needs_tool_bytes(&digest, now).await.unwrap(), is_kept, "{now:?}");
        assert_eq!(is_outdated(now).await, is_kept, "{now:?}");
    }
    check("3", good(), after(9)).await.unwrap();
    assert!(!is_outdated(after(9)).await);
    let kept = store.tool_version(&store.tenant, &tool(), &digest).await.unwrap().unwrap();
    assert_eq!((kept.state, kept.check.gate.as_str()), (VersionState::Accepted, "3"));
    assert!(store.needs_tool_bytes(&digest, too_late).await.unwrap());
    assert_eq!(store.named(ToolAlias::Live).await, None, "an alias does not go back by itself");
    store.switch_tool(&store.tenant, &tool(), LIVE, &digest, &act("")).await.unwrap();
    // What passes and has passed before is nothing new.
    check("4", good(), after(10)).await.unwrap();
    use ToolAction::{Refused, Released, Switched, TakenDown, Uploaded};
    assert_eq!(store.done().await, [Uploaded, Switched, Refused, TakenDown, Released, Switched]);
    // What is deleted, or was refused when it was uploaded, does not come back.
    store.clear_tool_alias(&store.tenant, &tool(), ToolAlias::Live, &act("")).await.unwrap();
    check("5", bad(), after(11)).await.unwrap();
    store.delete_tool_version(&store.tenant, &tool(), &digest, &act("")).await.unwrap();
    assert!(!store.needs_tool_bytes(&digest, after(11)).await.unwrap());
    assert!(matches!(check("6", good(), after(12)).await, Err(ToolError::NoSuchVersion)));
    let (new, quota) = (version("b", bad()), ToolQuota::default());
    store.put_tool_version(&store.tenant, &tool(), &new, &quota, &act("")).await.unwrap();
    let (check, later) = (GateCheck { gate: "2".into(), ..good() }, Act { at: after(5), ..act("") });
    let refused =
        store.revalidate_tool_version(&store.tenant, &tool(), &new.digest, &check, &quota, &later).await;
    assert!(matches!(refused, Err(ToolError::NoSuchVersion)), "{refused:?}");
}

async fn a_deleted_tool_leaves_its_history(store: &Fixture) {
    let digest = store.live("1").await;
    store
        .set_tool_secret(&store.tenant, &tool(), ("key", "example.com", "s"), &ToolQuota::default(), &act(""))
        .await
        .unwrap();
    store.delete_tool(&store.tenant, &tool(), &act("not needed")).await.unwrap();
    assert!(matches!(store.delete_tool(&store.tenant, &tool(), &act("")).await, Err(ToolError::NoSuchTool)));
    assert_eq!(store.tools(&store.tenant).await.unwrap(), []);
    assert_eq!(store.tool_versions(&store.tenant, &tool(), 9).await.unwrap(), []);
    assert_eq!(store.tool_aliases(&store.tenant, &tool()).await.unwrap(), []);
    assert_eq!(store.tool_secret(&store.tenant, &tool(), "key").await.unwrap(), None);
    assert!(!store.needs_tool_bytes(&digest, NOW).await.unwrap());
    let kept = store.tool_version(&store.tenant, &tool(), &digest).await.unwrap().unwrap();
    assert_eq!((kept.deleted_at, kept.uploaded_by.as_str()), (Some(NOW), "ana"));
    assert_eq!(kept.check.report, json!({}), "what the gate measured is not kept");
    store.upload("1").await;
    use ToolAction::{Cleared, Deleted, SecretSet, Switched, Uploaded};
    assert_eq!(store.done().await, [Uploaded, Switched, SecretSet, Cleared, Deleted, Uploaded]);
    assert!(store.needs_tool_bytes(&digest, NOW).await.unwrap());
}
