//! Uploads, aliases, quarantine and deletion of tenants' tools.

use serde_json::json;
use store::{
    Act, CallId, GateCheck, NewVersion, RolledBack, ToolAction, ToolAlias, ToolDigest, ToolError, ToolName,
    ToolQuota, Uploaded, VersionState,
};

use crate::contract;
use crate::fixture::{Fixture, NOW, after};

contract! {
    an_upload_is_kept_with_what_the_gate_found,
    an_upload_can_be_named_in_one_step,
    an_accepted_version_is_never_changed,
    a_refused_upload_is_kept_and_can_be_replaced,
    an_alias_names_accepted_versions_only,
    a_canary_gets_its_share_of_the_calls,
    going_back_goes_to_the_last_version_that_was_good,
    going_back_skips_what_may_not_run_any_more,
    of_many_who_go_back_at_once_one_does,
    quarantine_holds_for_every_tenant,
    a_version_that_is_refused_later_is_taken_down,
    a_deleted_tool_leaves_its_history,
    what_a_tenant_may_have_is_bounded,
    another_tenants_tools_do_not_exist,
    a_secret_is_read_by_its_tool_only,
}

pub const LIVE: (ToolAlias, u32) = (ToolAlias::Live, 100);

pub fn act(why: &str) -> Act<'_> {
    Act { by: "ana", why, at: NOW }
}

pub fn tool() -> ToolName {
    "order_status".parse().unwrap()
}

pub fn digest(bytes: &str) -> ToolDigest {
    ToolDigest::of(bytes.as_bytes())
}

pub fn good() -> GateCheck {
    GateCheck { gate: "1".into(), engine: "e1".into(), refusal: None, report: json!({ "functions": 7 }) }
}

pub fn bad() -> GateCheck {
    GateCheck { refusal: Some("import-unknown".into()), ..good() }
}

pub fn version(bytes: &str, check: GateCheck) -> NewVersion {
    NewVersion { digest: digest(bytes), bytes: bytes.len() as u64, check }
}

impl Fixture {
    pub async fn upload(&self, bytes: &str) -> ToolDigest {
        let (new, quota) = (version(bytes, good()), ToolQuota::default());
        self.put_tool_version(&self.tenant, &tool(), &new, &quota, &act("")).await.unwrap();
        new.digest
    }

    pub async fn live(&self, bytes: &str) -> ToolDigest {
        let digest = self.upload(bytes).await;
        self.switch_tool(&self.tenant, &tool(), LIVE, &digest, &act("")).await.unwrap();
        digest
    }

    async fn named(&self, alias: ToolAlias) -> Option<ToolDigest> {
        let aliases = self.tool_aliases(&self.tenant, &tool()).await.unwrap();
        aliases.into_iter().find(|named| named.alias == alias).map(|named| named.digest)
    }

    async fn go_back(&self, from: &ToolDigest) -> RolledBack {
        let live = ToolAlias::Live;
        self.roll_back_tool(&self.tenant, &tool(), live, from, false, &act("trouble")).await.unwrap()
    }

    async fn done(&self) -> Vec<ToolAction> {
        let history = self.tool_history(&self.tenant, &tool(), None, 100).await.unwrap();
        history.into_iter().rev().map(|event| event.action).collect()
    }
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

async fn a_refused_upload_is_kept_and_can_be_replaced(store: &Fixture) {
    let quota = ToolQuota::default();
    let new = version("1", bad());
    store.put_tool_version(&store.tenant, &tool(), &new, &quota, &act("")).await.unwrap();
    let kept = store.tool_version(&store.tenant, &tool(), &new.digest).await.unwrap().unwrap();
    assert_eq!((kept.state, kept.check.refusal.as_deref()), (VersionState::Refused, Some("import-unknown")));
    assert!(!store.needs_tool_bytes(&new.digest).await.unwrap());
    store.upload("1").await;
    assert!(store.needs_tool_bytes(&new.digest).await.unwrap());
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

async fn an_alias_names_accepted_versions_only(store: &Fixture) {
    let good = store.live("good").await;
    let refused = version("refused", bad());
    let quota = ToolQuota::default();
    store.put_tool_version(&store.tenant, &tool(), &refused, &quota, &act("")).await.unwrap();
    let gone = store.upload("gone").await;
    store.delete_tool_version(&store.tenant, &tool(), &gone, &act("")).await.unwrap();
    let bad = store.upload("bad").await;
    assert!(store.quarantine_tool(&bad, &act("")).await.unwrap());
    let switch =
        async |alias, digest| store.switch_tool(&store.tenant, &tool(), alias, digest, &act("")).await;
    let never = digest("never");
    for alias in [LIVE, (ToolAlias::Canary, 50)] {
        assert!(matches!(switch(alias, &refused.digest).await, Err(ToolError::Refused)));
        assert!(matches!(switch(alias, &bad).await, Err(ToolError::Quarantined)));
        for missing in [&gone, &never] {
            assert!(matches!(switch(alias, missing).await, Err(ToolError::NoSuchVersion)));
        }
    }
    assert!(matches!(switch((ToolAlias::Canary, 101), &good).await, Err(ToolError::Invalid(_))));
    let named = store.tool_aliases(&store.tenant, &tool()).await.unwrap();
    assert!(named.len() == 1 && named[0].digest == good, "{named:?}");
    let in_use = store.delete_tool_version(&store.tenant, &tool(), &good, &act("")).await;
    assert!(matches!(in_use, Err(ToolError::InUse)), "{in_use:?}");
}

async fn a_canary_gets_its_share_of_the_calls(store: &Fixture) {
    let old = store.live("old").await;
    let new = store.upload("new").await;
    let calls: Vec<CallId> = (0..100).map(|number| format!("call-{number}").parse().unwrap()).collect();
    let on_new = async |alias| {
        let mut on_new = Vec::new();
        for call in &calls {
            let got = store.tool_for_call(&store.tenant, &tool(), alias, call).await.unwrap().unwrap();
            assert!(got.digest == old || got.digest == new);
            on_new.push(got.digest == new);
        }
        on_new
    };
    assert_eq!(on_new(ToolAlias::Canary).await, [false; 100]);
    let mut before = vec![false; 100];
    for share in [0, 10, 50, 100] {
        store.switch_tool(&store.tenant, &tool(), (ToolAlias::Canary, share), &new, &act("")).await.unwrap();
        let drawn = on_new(ToolAlias::Live).await;
        assert_eq!(drawn, on_new(ToolAlias::Live).await);
        // More calls come to it, and none is taken from it.
        assert!(before.iter().zip(&drawn).all(|(before, now)| !before || *now), "{share}");
        assert_eq!(on_new(ToolAlias::Canary).await, [true; 100]);
        before = drawn;
    }
    assert_eq!(before, [true; 100]);
    let canary = ToolAlias::Canary;
    let back = store.roll_back_tool(&store.tenant, &tool(), canary, &new, true, &act("traps")).await.unwrap();
    assert_eq!(back, RolledBack::To(None));
    assert_eq!(on_new(ToolAlias::Live).await, [false; 100]);
    assert_eq!(store.done().await.last(), Some(&ToolAction::RolledBackAutomatically));
}

async fn going_back_goes_to_the_last_version_that_was_good(store: &Fixture) {
    let a = store.live("a").await;
    let b = store.live("b").await;
    let c = store.live("c").await;
    assert_eq!(store.go_back(&a).await, RolledBack::Other(Some(c.clone())));
    assert_eq!(store.go_back(&c).await, RolledBack::To(Some(b.clone())));
    // Not to the one that was gone back from.
    assert_eq!(store.go_back(&b).await, RolledBack::To(Some(a.clone())));
    assert_eq!(store.go_back(&a).await, RolledBack::NothingEarlier);
    assert_eq!(store.named(ToolAlias::Live).await, Some(a.clone()));
    // Whoever switches to a version again trusts it again.
    store.live("b").await;
    let d = store.live("d").await;
    assert_eq!(store.go_back(&d).await, RolledBack::To(Some(b.clone())));
    let last = &store.tool_history(&store.tenant, &tool(), None, 1).await.unwrap()[0];
    assert_eq!((last.action, last.alias), (ToolAction::RolledBack, Some(ToolAlias::Live)));
    assert_eq!((last.from.as_ref(), last.to.as_ref()), (Some(&d), Some(&b)));
    assert_eq!((last.by.as_str(), last.why.as_str(), last.at), ("ana", "trouble", NOW));
    let before = store.tool_history(&store.tenant, &tool(), Some(last.seq), 1).await.unwrap();
    assert_eq!((before[0].seq, before[0].to.as_ref()), (last.seq - 1, Some(&d)));
}

async fn going_back_skips_what_may_not_run_any_more(store: &Fixture) {
    let [a, b, c, d] =
        [store.live("a").await, store.live("b").await, store.live("c").await, store.live("d").await];
    store.delete_tool_version(&store.tenant, &tool(), &b, &act("")).await.unwrap();
    store.quarantine_tool(&c, &act("")).await.unwrap();
    assert_eq!(store.go_back(&d).await, RolledBack::To(Some(a)));
}

async fn of_many_who_go_back_at_once_one_does(store: &Fixture) {
    let good = store.live("good").await;
    let bad = store.live("bad").await;
    let watchers = (0..20).map(|_| {
        let (store, tenant, bad) = (store.store.clone(), store.tenant.clone(), bad.clone());
        tokio::spawn(async move {
            store.roll_back_tool(&tenant, &tool(), ToolAlias::Live, &bad, true, &act("traps")).await.unwrap()
        })
    });
    let mut went = 0;
    for watcher in watchers.collect::<Vec<_>>() {
        match watcher.await.unwrap() {
            RolledBack::To(to) => {
                assert_eq!(to.as_ref(), Some(&good));
                went += 1;
            }
            other => assert_eq!(other, RolledBack::Other(Some(good.clone()))),
        }
    }
    assert_eq!(went, 1);
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

async fn a_version_that_is_refused_later_is_taken_down(store: &Fixture) {
    let a = store.live("a").await;
    let b = store.live("b").await;
    let outdated = async |gate: &str, engine: &str| {
        let (mut digests, mut last) = (Vec::new(), None);
        loop {
            let page = store.outdated_tool_versions(gate, engine, last.as_ref(), 1).await.unwrap();
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
        store.revalidate_tool_version(&store.tenant, &tool(), digest, &check, &at).await
    };
    again(&a, good()).await.unwrap();
    assert_eq!(outdated("2", "e1").await, std::slice::from_ref(&b));
    assert_eq!(store.named(ToolAlias::Live).await, Some(b.clone()));
    again(&b, bad()).await.unwrap();
    assert_eq!(outdated("2", "e1").await, []);
    assert_eq!(store.named(ToolAlias::Live).await, Some(a.clone()));
    assert!(!store.needs_tool_bytes(&b).await.unwrap());
    // It has no bytes any more, so it does not come back without an upload.
    assert!(matches!(again(&b, good()).await, Err(ToolError::NoSuchVersion)));
    again(&a, bad()).await.unwrap();
    assert_eq!(store.named(ToolAlias::Live).await, None);
    let kept = store.tool_version(&store.tenant, &tool(), &a).await.unwrap().unwrap();
    assert_eq!((kept.uploaded_at, kept.checked_at, kept.check.gate.as_str()), (NOW, after(5), "2"));
}

async fn a_deleted_tool_leaves_its_history(store: &Fixture) {
    let digest = store.live("1").await;
    store
        .set_tool_secret(&store.tenant, &tool(), ("key", "s"), &ToolQuota::default(), &act(""))
        .await
        .unwrap();
    store.delete_tool(&store.tenant, &tool(), &act("not needed")).await.unwrap();
    assert!(matches!(store.delete_tool(&store.tenant, &tool(), &act("")).await, Err(ToolError::NoSuchTool)));
    assert_eq!(store.tools(&store.tenant).await.unwrap(), []);
    assert_eq!(store.tool_versions(&store.tenant, &tool(), 9).await.unwrap(), []);
    assert_eq!(store.tool_aliases(&store.tenant, &tool()).await.unwrap(), []);
    assert_eq!(store.tool_secret(&store.tenant, &tool(), "key").await.unwrap(), None);
    assert!(!store.needs_tool_bytes(&digest).await.unwrap());
    let kept = store.tool_version(&store.tenant, &tool(), &digest).await.unwrap().unwrap();
    assert_eq!((kept.deleted_at, kept.uploaded_by.as_str()), (Some(NOW), "ana"));
    assert_eq!(kept.check.report, json!({}), "what the gate measured is not kept");
    store.upload("1").await;
    use ToolAction::{Cleared, Deleted, Switched, Uploaded};
    assert_eq!(store.done().await, [Uploaded, Switched, Cleared, Deleted, Uploaded]);
    assert!(store.needs_tool_bytes(&digest).await.unwrap());
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
        store.set_tool_secret(&store.tenant, &a, (handle, value), &quota, &act("")).await
    };
    set("one", "1").await.unwrap();
    set("one", "2").await.unwrap();
    assert!(matches!(set("two", "1").await, Err(ToolError::QuotaExceeded("secrets of the tool"))));
    for act in [Act { by: "", ..act("") }, Act { by: &name, ..act("") }, act(&"x".repeat(1001))] {
        assert!(matches!(store.delete_tool(&store.tenant, &a, &act).await, Err(ToolError::Invalid(_))));
    }
}

async fn another_tenants_tools_do_not_exist(store: &Fixture) {
    let digest = store.live("1").await;
    let (me, name, call) = (&store.stranger, tool(), "c".parse().unwrap());
    assert_eq!(store.tools(me).await.unwrap(), []);
    assert_eq!(store.tool_version(me, &name, &digest).await.unwrap(), None);
    assert_eq!(store.tool_history(me, &name, None, 9).await.unwrap(), []);
    assert_eq!(store.tool_for_call(me, &name, ToolAlias::Live, &call).await.unwrap(), None);
    assert!(store.switch_tool(me, &name, LIVE, &digest, &act("")).await.is_err());
    assert!(store.delete_tool(me, &name, &act("")).await.is_err());
    assert!(store.delete_tool_version(me, &name, &digest, &act("")).await.is_err());
    assert!(!store.clear_tool_alias(me, &name, ToolAlias::Live, &act("")).await.unwrap());
    let back = store.roll_back_tool(me, &name, ToolAlias::Live, &digest, false, &act("")).await.unwrap();
    assert_eq!(back, RolledBack::Other(None));
    assert_eq!(store.named(ToolAlias::Live).await, Some(digest));
}

async fn a_secret_is_read_by_its_tool_only(store: &Fixture) {
    store.upload("1").await;
    let (other, quota): (ToolName, _) = ("other".parse().unwrap(), ToolQuota::default());
    let set = async |tool: &ToolName, handle: &str, value: &str| {
        store.set_tool_secret(&store.tenant, tool, (handle, value), &quota, &act("")).await
    };
    set(&tool(), "api.key", "first").await.unwrap();
    set(&tool(), "api.key", "hush").await.unwrap();
    let value = store.tool_secret(&store.tenant, &tool(), "api.key").await.unwrap().unwrap();
    assert_eq!(value.expose(), "hush");
    assert!(!format!("{value:?}").contains("hush"));
    let handles = store.tool_secret_handles(&store.tenant, &tool()).await.unwrap();
    assert_eq!(handles.len(), 1);
    assert!(!format!("{handles:?}").contains("hush"));
    let all = store.tool_secrets(&store.tenant, &tool()).await.unwrap();
    assert_eq!((&all[0].0, all[0].1.expose(), all.len()), (&handles[0], "hush", 1));
    assert_eq!(store.tool_secrets(&store.stranger, &tool()).await.unwrap(), []);
    assert_eq!(store.tool_secret(&store.tenant, &other, "api.key").await.unwrap(), None);
    assert_eq!(store.tool_secret(&store.stranger, &tool(), "api.key").await.unwrap(), None);
    assert!(matches!(set(&other, "a", "b").await, Err(ToolError::NoSuchTool)));
    for (handle, value) in [("", "x"), ("a b", "x"), ("a/b", "x"), ("a", ""), ("a", "\0")] {
        assert!(matches!(set(&tool(), handle, value).await, Err(ToolError::Invalid(_))), "{handle}");
    }
    assert!(store.remove_tool_secret(&store.tenant, &tool(), "api.key").await.unwrap());
    assert!(!store.remove_tool_secret(&store.tenant, &tool(), "api.key").await.unwrap());
}
