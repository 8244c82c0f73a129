//! Which refused uploads are kept, and for whom.

use std::time::Duration;

use store::{DbError, StoreError, TOOL_REFUSALS_MAX, ToolRefusal};

use crate::contract;
use crate::fixture::{Fixture, after};
use crate::tools::digest;

contract! {
    a_refused_upload_is_kept_with_why,
    only_the_last_refused_uploads_are_kept,
    another_tenants_refused_uploads_are_its_own,
    what_a_component_says_is_cut,
    a_refused_upload_is_some_tenants,
}

/// One that was sent `seconds` after the beginning.
pub fn refusal(seconds: u64) -> ToolRefusal {
    ToolRefusal {
        at: after(seconds),
        by: "ana".into(),
        digest: digest(&seconds.to_string()),
        bytes: 3 << 32,
        tier: "large".into(),
        code: "import-not-allowed".into(),
        item: "wasi:sockets/tcp".into(),
        mend: "go without".into(),
        took: Duration::from_millis(1234),
    }
}

async fn a_refused_upload_is_kept_with_why(store: &Fixture) {
    assert_eq!(store.tool_refusals(&store.tenant).await.unwrap(), []);
    let early = ToolRefusal { item: String::new(), took: Duration::ZERO, ..refusal(2) };
    for refusal in [&refusal(1), &early] {
        store.add_tool_refusal(&store.tenant, refusal).await.unwrap();
    }
    assert_eq!(store.tool_refusals(&store.tenant).await.unwrap(), [early, refusal(1)]);
}

async fn only_the_last_refused_uploads_are_kept(store: &Fixture) {
    let most = u64::from(TOOL_REFUSALS_MAX);
    for number in 0..most + 5 {
        store.add_tool_refusal(&store.tenant, &refusal(number)).await.unwrap();
    }
    let kept = store.tool_refusals(&store.tenant).await.unwrap();
    assert_eq!(kept, (5..most + 5).rev().map(refusal).collect::<Vec<_>>());
}

async fn another_tenants_refused_uploads_are_its_own(store: &Fixture) {
    store.add_tool_refusal(&store.stranger, &refusal(0)).await.unwrap();
    for number in 1..=u64::from(TOOL_REFUSALS_MAX) {
        store.add_tool_refusal(&store.tenant, &refusal(number)).await.unwrap();
    }
    assert_eq!(store.tool_refusals(&store.stranger).await.unwrap(), [refusal(0)]);
    let kept = store.tool_refusals(&store.tenant).await.unwrap();
    assert!(!kept.contains(&refusal(0)));
    assert!(kept.contains(&refusal(1)), "a stranger's takes no room");
}

async fn what_a_component_says_is_cut(store: &Fixture) {
    let long = ToolRefusal { item: "ä\0".repeat(3000), ..refusal(1) };
    store.add_tool_refusal(&store.tenant, &long).await.unwrap();
    let kept = store.tool_refusals(&store.tenant).await.unwrap();
    let item = &kept[0].item;
    assert!(item.len() < 6001 && item.starts_with("ä\u{fffd}ä"), "{}", item.len());
}

async fn a_refused_upload_is_some_tenants(store: &Fixture) {
    let nobody = "nobody".parse().unwrap();
    let refused = store.add_tool_refusal(&nobody, &refusal(1)).await;
    assert!(matches!(refused, Err(StoreError::Db(DbError::Constraint(_)))), "{refused:?}");
}
