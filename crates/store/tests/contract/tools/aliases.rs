//! Which version the calls get: switching, canaries and going back.

use store::{CallId, RolledBack, ToolAction, ToolAlias, ToolError, ToolQuota};

use super::{LIVE, act, bad, digest, good, tool, version};
use crate::contract;
use crate::fixture::{Fixture, NOW};

contract! {
    an_alias_names_accepted_versions_only,
    a_canary_gets_its_share_of_the_calls,
    going_back_goes_to_the_last_version_that_was_good,
    going_back_skips_what_may_not_run_any_more,
    of_many_who_go_back_at_once_one_does,
    what_aliases_name_is_listed_once_a_page_at_a_time,
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

async fn what_aliases_name_is_listed_once_a_page_at_a_time(store: &Fixture) {
    assert_eq!(store.aliased_tool_digests(None, 9).await.unwrap(), []);
    store.upload("named by none").await;
    store.live("named no more").await;
    let live = store.live("live").await;
    let canary = store.upload("canary").await;
    store.switch_tool(&store.tenant, &tool(), (ToolAlias::Canary, 10), &canary, &act("")).await.unwrap();
    let quota = ToolQuota::default();
    // Another tenant has one of them, and one of its own.
    for (name, bytes) in [("one", "live"), ("two", "theirs")] {
        let (name, new) = (name.parse().unwrap(), version(bytes, good()));
        store.publish_tool_version(&store.stranger, &name, (&new, LIVE), &quota, &act("")).await.unwrap();
    }
    let mut expected = [live, canary, digest("theirs")];
    expected.sort();
    let (mut listed, mut pages) = (Vec::new(), 0);
    loop {
        let page = store.aliased_tool_digests(listed.last(), 2).await.unwrap();
        assert!(page.len() <= 2);
        if page.is_empty() {
            break;
        }
        listed.extend(page);
        pages += 1;
    }
    assert_eq!((listed.as_slice(), pages), (expected.as_slice(), 2));
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
