//! Uploads of tenants' tools, and how much of them a tenant may keep.

use serde_json::json;
use store::{
    Act, GateCheck, NewVersion, ToolAction, ToolAlias, ToolError, ToolName, ToolQuota, Uploaded, VersionState,
};

use super::{LIVE, act, bad, digest, good, tool, version};
use crate::contract;
use crate::fixture::{Fixture, NOW, after};

contract! {
    an_upload_is_kept_with_what_the_gate_found,
    an_upload_can_be_named_in_one_step,
    an_accepted_version_is_never_changed,
    the_tier_of_an_accepted_version_is_that_of_the_last_upload,
    what_is_looked_at_again_does_not_get_its_tier_of_before_back,
    a_refused_upload_is_kept_and_can_be_replaced,
    what_a_tenant_may_have_is_bounded,
    what_is_compiled_counts_as_the_tenants,
}

async fn an_upload_is_kept_with_what_the_gate_found(store: &Fixture) {
    let digest = store.upload("1").await;
    let kept = store.tool_version(&store.tenant, &tool(), &digest).await.unwrap().unwrap();
    assert_eq!((kept.state, kept.check, kept.bytes), (VersionState::Accepted, good(), 1));
    assert_eq!((kept.uploaded_by.as_str(), kept.uploaded_at, kept.deleted_at), ("ana", NOW, None));
    let tools = store.tools(&store.tenant).await.unwrap();
    assert_eq!(tools.into_iter().map(|tool| tool.name).collect::<Vec<_>>(), [tool()]);
    // Nothing runs before somebody says so.
    assert_eq!(store.tool_aliases(&store.tenant, &tool()).await.unwrap(), []);
    let large = GateCheck { report: json!("x".repeat(70_000)), ..good() };
    let refused = store
        .put_tool_version(&store.tenant, &tool(), &version("2", large), &ToolQuota::default(), &act(""))
        .await;
    assert!(matches!(refused, Err(ToolError::Invalid(_))), "{refused:?}");
}

async fn an_upload_can_be_named_in_one_step(store: &Fixture) {
    let publish = async |new: &NewVersion, named| {
        let quota = ToolQuota { versions: 2, ..ToolQuota::default() };
        store.publish_tool_version(&store.tenant, &tool(), (new, named), &quota, &act("")).await
    };
    let first = version("1", good());
    assert_eq!(publish(&first, LIVE).await.unwrap(), Uploaded::New);
    assert_eq!(store.named(ToolAlias::Live).await, Some(first.digest.clone()));
    assert!(matches!(
        publish(&version("2", good()), (ToolAlias::Canary, 101)).await,
        Err(ToolError::Invalid(_))
    ));
    let second = version("2", good());
    assert_eq!(publish(&second, (ToolAlias::Canary, 5)).await.unwrap(), Uploaded::New);
    assert_eq!(store.tool_aliases(&store.tenant, &tool()).await.unwrap()[1].share, 5);
    // What is known, refused or too much moves no alias.
    assert_eq!(publish(&second, LIVE).await.unwrap(), Uploaded::Known);
    assert_eq!(publish(&version("3", bad()), LIVE).await.unwrap(), Uploaded::New);
    assert!(matches!(publish(&version("4", good()), LIVE).await, Err(ToolError::QuotaExceeded(_))));
    assert_eq!(store.named(ToolAlias::Live).await, Some(first.digest));
    use ToolAction::{Refused, Switched, Uploaded as Kept};
    assert_eq!(store.done().await, [Kept, Switched, Kept, Switched, Refused]);
}

async fn an_accepted_version_is_never_changed(store: &Fixture) {
    let digest = store.upload("1").await;
    let before = store.tool_version(&store.tenant, &tool(), &digest).await.unwrap();
    for check in [bad(), GateCheck { gate: "2".into(), ..good() }] {
        let later = Act { by: "bob", why: "", at: after(9) };
        let quota = ToolQuota { tools: 0, versions: 0, bytes: 0, secrets: 0 };
        let again =
            store.put_tool_version(&store.tenant, &tool(), &version("1", check), &quota, &later).await;
        assert_eq!(again.unwrap(), Uploaded::Known);
    }
    assert_eq!(store.tool_version(&store.tenant, &tool(), &digest).await.unwrap(), before);
    assert_eq!(store.done().await, [ToolAction::Uploaded]);
}

fn of_tier(tier: &str, gate: &str) -> GateCheck {
    let report = json!({ "definition": { "name": "order_status" }, "report": gate, "tier": tier });
    GateCheck { gate: gate.into(), report, ..good() }
}

async fn the_tier_of_an_accepted_version_is_that_of_the_last_upload(store: &Fixture) {
    let put = async |bytes: &str, check: GateCheck, seconds: u64| {
        let (new, quota) = (version(bytes, check), ToolQuota::default());
        let act = Act { by: if seconds > 0 { "bob" } else { "ana" }, why: "", at: after(seconds) };
        store.publish_tool_version(&store.tenant, &tool(), (&new, LIVE), &quota, &act).await
    };
    let kept = async || store.tool_version(&store.tenant, &tool(), &digest("1")).await.unwrap().unwrap();
    assert_eq!(put("1", of_tier("standard", "1"), 0).await.unwrap(), Uploaded::New);
    assert_eq!(put("2", of_tier("standard", "1"), 0).await.unwrap(), Uploaded::New);
    assert_eq!(put("1", of_tier("standard", "2"), 1).await.unwrap(), Uploaded::Known, "it has that tier");
    assert_eq!(kept().await.check.gate, "1");

    assert_eq!(put("1", of_tier("large", "2"), 2).await.unwrap(), Uploaded::TierChanged);
    let large = kept().await;
    assert_eq!((large.state, &large.check), (VersionState::Accepted, &of_tier("large", "2")));
    assert_eq!((large.uploaded_by.as_str(), large.uploaded_at, large.checked_at), ("ana", NOW, after(2)));
    assert_eq!(store.named(ToolAlias::Live).await, Some(digest("2")), "it moves no alias");
    let event = store.tool_history(&store.tenant, &tool(), None, 1).await.unwrap().remove(0);
    assert_eq!((event.action, event.tier.as_deref()), (ToolAction::TierChanged, Some("large")));
    assert_eq!((event.to, event.by.as_str(), event.alias), (Some(digest("1")), "bob", None));

    // What the gate refuses under another tier changes nothing, nor does a tier that is none.
    let refused = GateCheck { refusal: Some("too-large".into()), ..of_tier("standard", "3") };
    for check in [refused, of_tier("huge", "3"), good()] {
        assert_eq!(put("1", check, 3).await.unwrap(), Uploaded::Known);
    }
    assert_eq!(kept().await, large);
    assert_eq!(put("1", of_tier("standard", "3"), 4).await.unwrap(), Uploaded::TierChanged);
    let other = store.tool_version(&store.tenant, &tool(), &digest("2")).await.unwrap().unwrap();
    assert_eq!(other.check, of_tier("standard", "1"), "another version keeps its own");
    use ToolAction::{Switched, TierChanged, Uploaded as Kept};
    assert_eq!(store.done().await, [Kept, Switched, Kept, Switched, TierChanged, TierChanged]);
    store.quarantine_tool(&digest("1"), &act("")).await.unwrap();
    let quarantined = put("1", of_tier("large", "3"), 5).await;
    assert!(matches!(quarantined, Err(ToolError::Quarantined)), "{quarantined:?}");
}

async fn what_is_looked_at_again_does_not_get_its_tier_of_before_back(store: &Fixture) {
    let (digest, quota) = (digest("1"), ToolQuota::default());
    let put = async |tier| {
        let new = version("1", of_tier(tier, "1"));
        store.put_tool_version(&store.tenant, &tool(), &new, &quota, &act("")).await.unwrap()
    };
    let again = async |check: GateCheck| {
        store.revalidate_tool_version(&store.tenant, &tool(), &digest, &check, &quota, &act("")).await
    };
    put("standard").await;
    assert_eq!(put("large").await, Uploaded::TierChanged);
    // Whoever looked at it had read its tier before that.
    let refused = GateCheck { refusal: Some("feature-off".into()), ..of_tier("standard", "2") };
    for late in [of_tier("standard", "2"), refused] {
        assert!(matches!(again(late).await, Err(ToolError::NoSuchVersion)));
    }
    again(of_tier("large", "2")).await.unwrap();
    let kept = store.tool_version(&store.tenant, &tool(), &digest).await.unwrap().unwrap();
    assert_eq!((kept.state, kept.check), (VersionState::Accepted, of_tier("large", "2")));
}

async fn a_refused_upload_is_kept_and_can_be_replaced(store: &Fixture) {
    let quota = ToolQuota::default();
    let new = version("1", bad());
    store.put_tool_version(&store.tenant, &tool(), &new, &quota, &act("")).await.unwrap();
    let kept = store.tool_version(&store.tenant, &tool(), &new.digest).await.unwrap().unwrap();
    assert_eq!((kept.state, kept.check.refusal.as_deref()), (VersionState::Refused, Some("import-unknown")));
    assert!(!store.needs_tool_bytes(&new.digest, NOW).await.unwrap());
    store.upload("1").await;
    assert!(store.needs_tool_bytes(&new.digest, NOW).await.unwrap());
    assert_eq!(store.done().await, [ToolAction::Refused, ToolAction::Uploaded]);
    // Somebody who tries all day fills nothing but the history.
    for number in 0..60 {
        let new = version(&format!("bad {number}"), bad());
        let at = Act { at: after(number), ..act("") };
        store.put_tool_version(&store.tenant, &tool(), &new, &quota, &at).await.unwrap();
    }
    let kept = store.tool_versions(&store.tenant, &tool(), 100).await.unwrap();
    assert_eq!(kept.len(), 51);
    assert_eq!(kept[0].digest, digest("bad 59"));
    assert_eq!(store.done().await.len(), 62);
    // A list says of a report the tier and nothing else, whatever the tool says of itself.
    let other: ToolName = "other".parse().unwrap();
    for (tier, report) in [
        (json!({ "tier": "large" }), json!({ "definition": { "tier": "standard" }, "tier": "large" })),
        (json!({ "tier": "standard" }), json!({ "tier": "standard" })),
        (json!({}), json!({ "definition": { "tier": "standard" } })),
    ] {
        let new = version(&report.to_string(), GateCheck { report, ..good() });
        store.put_tool_version(&store.tenant, &other, &new, &quota, &act("")).await.unwrap();
        let listed = store.tool_versions(&store.tenant, &other, 9).await.unwrap();
        let listed = listed.into_iter().find(|listed| listed.digest == new.digest).unwrap();
        assert_eq!(listed.check.report, tier);
    }
}

async fn what_a_tenant_may_have_is_bounded(store: &Fixture) {
    let quota = ToolQuota { tools: 2, versions: 2, bytes: 10, secrets: 1 };
    let put = async |name: &str, bytes: &str, check| {
        let name = name.parse().unwrap();
        store.put_tool_version(&store.tenant, &name, &version(bytes, check), &quota, &act("")).await
    };
    put("a", "1", good()).await.unwrap();
    put("a", "12", good()).await.unwrap();
    assert!(matches!(put("a", "123", good()).await, Err(ToolError::QuotaExceeded("versions of the tool"))));
    put("a", "123", bad()).await.unwrap();
    assert!(matches!(put("b", "12345678", good()).await, Err(ToolError::QuotaExceeded("bytes of tools"))));
    assert_eq!(store.tools(&store.tenant).await.unwrap().len(), 1);
    put("b", "1234567", good()).await.unwrap();
    assert!(matches!(put("c", "", good()).await, Err(ToolError::QuotaExceeded("tools"))));
    store.delete_tool_version(&store.tenant, &"a".parse().unwrap(), &digest("1"), &act("")).await.unwrap();
    put("a", "4", good()).await.unwrap();
    store.delete_tool(&store.tenant, &"b".parse().unwrap(), &act("")).await.unwrap();
    put("c", "1234567", good()).await.unwrap();
    let (a, name) = ("a".parse().unwrap(), "x".repeat(201));
    let set = async |handle, value| {
        store.set_tool_secret(&store.tenant, &a, (handle, "example.com", value), &quota, &act("")).await
    };
    set("one", "1").await.unwrap();
    set("one", "2").await.unwrap();
    assert!(matches!(set("two", "1").await, Err(ToolError::QuotaExceeded("secrets of the tool"))));
    for act in [Act { by: "", ..act("") }, Act { by: &name, ..act("") }, act(&"x".repeat(1001))] {
        assert!(matches!(store.delete_tool(&store.tenant, &a, &act).await, Err(ToolError::Invalid(_))));
    }
}

async fn what_is_compiled_counts_as_the_tenants(store: &Fixture) {
    let quota = ToolQuota { bytes: 10, ..ToolQuota::default() };
    let put = async |bytes: &str, compiled_bytes, check| {
        let new = NewVersion { compiled_bytes, ..version(bytes, check) };
        store.put_tool_version(&store.tenant, &tool(), &new, &quota, &act("")).await
    };
    let delete = async |bytes: &str| {
        store.delete_tool_version(&store.tenant, &tool(), &digest(bytes), &act("")).await.unwrap();
    };
    let full = |result: Result<Uploaded, ToolError>| {
        matches!(result, Err(ToolError::QuotaExceeded("bytes of tools")))
    };
    assert!(full(put("1", 10, good()).await));
    assert!(full(put("1", u64::MAX, good()).await));
    put("refused", 9, bad()).await.unwrap();
    put("1", 6, good()).await.unwrap();
    let kept = store.tool_version(&store.tenant, &tool(), &digest("1")).await.unwrap().unwrap();
    assert_eq!(kept.bytes, 1, "what is shown is what was uploaded");
    assert!(full(put("22", 2, good()).await));
    put("22", 1, good()).await.unwrap();
    for bytes in ["1", "22"] {
        delete(bytes).await;
    }
    // The same bytes may be compiled to more another time.
    put("1", 9, good()).await.unwrap();
    assert!(full(put("2", 0, good()).await));
}
