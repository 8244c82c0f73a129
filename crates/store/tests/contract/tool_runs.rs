//! How runs are counted, and what errors are kept.

use std::time::Duration;

use store::{
    RUN_WINDOW, RUNS_KEPT, RollBackReason, RunError, Runs, TOOL_ERRORS_MAX, Thresholds, ToolError, Verdict,
};

use crate::contract;
use crate::fixture::{Fixture, NOW, after};
use crate::tools::{act, digest, tool};

contract! {
    runs_add_up_in_windows,
    windows_are_forgotten_after_a_day,
    windows_of_what_runs_no_more_are_forgotten_a_few_at_a_time,
    a_version_that_traps_is_judged_by_its_last_windows,
    only_the_last_errors_are_kept,
}

fn run(millis: u64) -> Runs {
    Runs::one(Duration::from_millis(2), Duration::from_millis(millis))
}

async fn runs_add_up_in_windows(store: &Fixture) {
    let (a, b) = (store.upload("a").await, store.upload("b").await);
    let trapped = Runs { traps: 1, ..run(200) };
    for (digest, runs, seconds) in [(&a, run(5), 0), (&a, trapped, 1), (&b, run(9000), 1), (&a, run(5), 600)]
    {
        store.add_tool_runs(&store.tenant, &tool(), digest, &runs, after(seconds)).await.unwrap();
    }
    let of = async |digest, since| store.tool_runs(&store.tenant, &tool(), digest, since).await.unwrap();
    let all = run(5).and(&trapped).and(&run(5));
    assert_eq!(of(&a, NOW.minus(RUN_WINDOW)).await, all);
    assert_eq!(of(&a, after(300)).await, run(5));
    let mut usage = store.tool_usage(&store.tenant, &tool(), NOW.minus(RUN_WINDOW)).await.unwrap();
    usage.sort_by_key(|(_, runs)| runs.calls);
    assert_eq!(usage, [(b, run(9000)), (a.clone(), all)]);
    assert_eq!(store.tool_usage(&store.stranger, &tool(), NOW.minus(RUN_WINDOW)).await.unwrap(), []);
    let nobody = store.add_tool_runs(&store.stranger, &tool(), &a, &run(1), NOW).await;
    assert!(matches!(nobody, Err(ToolError::NoSuchTool)), "{nobody:?}");
    let most = Runs { calls: u64::MAX, spread: [u64::MAX; 7], ..run(1) };
    for _ in 0..3 {
        store.add_tool_runs(&store.tenant, &tool(), &a, &most, NOW).await.unwrap();
    }
}

async fn windows_are_forgotten_after_a_day(store: &Fixture) {
    let digest = store.upload("a").await;
    let later = NOW.plus(RUNS_KEPT + RUN_WINDOW);
    for at in [NOW, later] {
        store.add_tool_runs(&store.tenant, &tool(), &digest, &run(5), at).await.unwrap();
    }
    let kept = store.tool_runs(&store.tenant, &tool(), &digest, store::Timestamp(0)).await.unwrap();
    assert_eq!(kept, run(5));
}

async fn windows_of_what_runs_no_more_are_forgotten_a_few_at_a_time(store: &Fixture) {
    let (old, new) = (store.upload("old").await, store.upload("new").await);
    for minute in 0..3 {
        store.add_tool_runs(&store.tenant, &tool(), &old, &run(5), after(minute * 60)).await.unwrap();
    }
    let later = NOW.plus(RUNS_KEPT + RUN_WINDOW * 10);
    store.add_tool_runs(&store.tenant, &tool(), &new, &run(7), later).await.unwrap();
    let forget = async |now, limit| store.forget_tool_runs(now, limit).await.unwrap();
    assert_eq!(forget(NOW.plus(RUNS_KEPT), 9).await, 0, "they are kept for a day");
    assert_eq!((forget(later, 2).await, forget(later, 2).await, forget(later, 2).await), (2, 1, 0));
    let of =
        async |digest| store.tool_runs(&store.tenant, &tool(), digest, store::Timestamp(0)).await.unwrap();
    assert_eq!((of(&old).await, of(&new).await), (Runs::default(), run(7)));
}

async fn a_version_that_traps_is_judged_by_its_last_windows(store: &Fixture) {
    store.live("good").await;
    let bad = store.live("bad").await;
    let ten = (0..10).fold(Runs::default(), |sum, _| sum.and(&run(5)));
    for minute in 0..4 {
        let runs = Runs { traps: if minute < 2 { 0 } else { 5 }, ..ten };
        store.add_tool_runs(&store.tenant, &tool(), &bad, &runs, after(minute * 60)).await.unwrap();
    }
    let since = after(4 * 60).minus(RUN_WINDOW * 3);
    let runs = store.tool_runs(&store.tenant, &tool(), &bad, since).await.unwrap();
    let verdict = Thresholds::default().judge(&runs);
    let Verdict::RollBack(reason @ RollBackReason::Traps { count: 10, .. }) = verdict else {
        panic!("{verdict:?}")
    };
    let why = reason.to_string();
    let live = store::ToolAlias::Live;
    let back = store.roll_back_tool(&store.tenant, &tool(), live, &bad, true, &act(&why)).await.unwrap();
    assert_eq!(back, store::RolledBack::To(Some(digest("good"))));
}

async fn only_the_last_errors_are_kept(store: &Fixture) {
    let digest = store.upload("a").await;
    let error = |number: u64| RunError {
        digest: digest.clone(),
        call: format!("call-{number}").parse().unwrap(),
        at: after(number),
        code: "trap".into(),
        detail: "ä\0".repeat(3000),
    };
    for number in 0..u64::from(TOOL_ERRORS_MAX) + 5 {
        store.add_tool_error(&store.tenant, &tool(), &error(number)).await.unwrap();
    }
    let kept = store.tool_errors(&store.tenant, &tool()).await.unwrap();
    let calls: Vec<_> = kept.iter().map(|error| error.at).collect();
    assert_eq!(calls, (5..55).rev().map(after).collect::<Vec<_>>());
    let detail = &kept[0].detail;
    assert!(detail.len() < 6001 && detail.starts_with("ä\u{fffd}ä"), "{}", detail.len());
    assert_eq!(store.tool_errors(&store.stranger, &tool()).await.unwrap(), []);
    assert!(store.add_tool_error(&store.stranger, &tool(), &error(1)).await.is_err());
}
