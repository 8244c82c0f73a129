//! What no other tenant, and no other tool, sees.

use store::{Act, RolledBack, ToolAction, ToolAlias, ToolError, ToolName, ToolQuota};

use super::{LIVE, act, tool};
use crate::contract;
use crate::fixture::{Fixture, after};

contract! {
    another_tenants_tools_do_not_exist,
    a_secret_is_read_by_its_tool_only,
    who_sets_and_takes_away_a_secret_is_known_but_not_what_it_is,
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
        store.set_tool_secret(&store.tenant, tool, (handle, "example.com", value), &quota, &act("")).await
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
    let remove = async |tenant| store.remove_tool_secret(tenant, &tool(), "api.key", &act("")).await.unwrap();
    assert!(!remove(&store.stranger).await);
    assert!(remove(&store.tenant).await);
    assert!(!remove(&store.tenant).await);
}

async fn who_sets_and_takes_away_a_secret_is_known_but_not_what_it_is(store: &Fixture) {
    store.upload("1").await;
    let (name, quota) = (tool(), ToolQuota { secrets: 1, ..ToolQuota::default() });
    let set = async |secret: (&str, &str, &str), by: &str, at| {
        let act = Act { by, why: "", at };
        store.set_tool_secret(&store.tenant, &name, secret, &quota, &act).await
    };
    set(("key", "old.example.com", "hush"), "ana", after(1)).await.unwrap();
    set(("key", "api.example.com", "hush"), "bob", after(2)).await.unwrap();
    // What was not done is not told.
    let full = set(("other", "api.example.com", "hush"), "bob", after(3)).await;
    assert!(matches!(full, Err(ToolError::QuotaExceeded(_))), "{full:?}");
    for host in ["", "a\0b", &"x".repeat(301)] {
        assert!(matches!(set(("key", host, "hush"), "bob", after(3)).await, Err(ToolError::Invalid(_))));
    }
    let remove = async |why: &str| {
        let act = Act { by: "eve", why, at: after(4) };
        store.remove_tool_secret(&store.tenant, &name, "key", &act).await
    };
    assert!(matches!(remove("x".repeat(1001).as_str()).await, Err(ToolError::Invalid(_))));
    assert!(remove("it leaked").await.unwrap());
    assert!(!remove("twice").await.unwrap());

    let history = store.tool_history(&store.tenant, &name, None, 9).await.unwrap();
    assert!(!format!("{history:?}").contains("hush"));
    let told: Vec<_> = history
        .iter()
        .map(|event| (event.action, event.host.as_deref(), event.by.as_str(), event.at, event.why.as_str()))
        .collect();
    let (old, new) = (Some("old.example.com"), Some("api.example.com"));
    assert_eq!(
        told[..3],
        [
            (ToolAction::SecretRemoved, new, "eve", after(4), "it leaked"),
            (ToolAction::SecretSet, new, "bob", after(2), ""),
            (ToolAction::SecretSet, old, "ana", after(1), ""),
        ]
    );
    assert_eq!(told.len(), 4, "the first is the upload");
    let names: Vec<_> = history.iter().map(|event| event.secret.as_deref()).collect();
    assert_eq!(names, [Some("key"), Some("key"), Some("key"), None]);
    assert!(history.iter().all(|event| event.alias.is_none() && event.tier.is_none()));
}
