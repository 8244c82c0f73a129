//! What no other tenant, and no other tool, sees.

use store::{RolledBack, ToolAlias, ToolError, ToolName, ToolQuota};

use super::{LIVE, act, tool};
use crate::contract;
use crate::fixture::Fixture;

contract! {
    another_tenants_tools_do_not_exist,
    a_secret_is_read_by_its_tool_only,
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
