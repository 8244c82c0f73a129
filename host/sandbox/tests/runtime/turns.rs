//! Who runs when.

use std::pin::{Pin, pin};

use futures::poll;

use super::*;

/// A run for `tenant`, held back by its host where the tool asks for a record.
async fn held_back(
    runtime: &Runtime,
    tool: &Tool,
    tenant: &str,
) -> (Pin<Box<impl Future<Output = Finished>>>, Arc<Host>, Holder) {
    let (host, holder) = Host::holding();
    let mut running = Box::pin(runtime.run(run(tool, tenant, "get", &host)));
    assert!(poll!(&mut running).is_pending());
    holder.wait();
    (running, host, holder)
}

#[tokio::test]
async fn a_spinning_tenant_does_not_keep_anothers_tools_from_running() {
    let tool = worker(Effect::Reads);
    let runtime = Arc::new(runtime(8, 1));
    let host = Host::new();
    let spinning: Vec<_> = (0..4)
        .map(|_| {
            let (runtime, run) = (runtime.clone(), run(&tool, "spinner", "spin", &host));
            tokio::spawn(async move { runtime.run(run).await })
        })
        .collect();
    for _ in 0..20 {
        assert_ok(&runtime.run(run(&tool, "other", "ok", &host)).await);
    }
    assert!(spinning.iter().all(|spinner| !spinner.is_finished()), "they would spin for minutes");
    spinning.iter().for_each(tokio::task::JoinHandle::abort);
    for spinner in spinning {
        assert!(spinner.await.unwrap_err().is_cancelled());
    }
    assert_ok(&runtime.run(run(&tool, "spinner", "ok", &host)).await);
}

#[tokio::test]
async fn a_tools_own_tenant_is_not_kept_from_running_either() {
    let tool = worker(Effect::Reads);
    let runtime = runtime(8, 1);
    let host = Host::new();
    let mut spinning = pin!(runtime.run(run(&tool, "t", "spin", &host)));
    assert!(poll!(&mut spinning).is_pending());
    for _ in 0..20 {
        assert_ok(&runtime.run(run(&tool, "t", "ok", &host)).await);
    }
    assert!(poll!(&mut spinning).is_pending());
}

#[tokio::test]
async fn a_tool_that_waits_for_the_host_keeps_no_processor() {
    let tool = worker(Effect::Reads);
    let runtime = runtime(2, 1);
    let (waiting, host, holder) = held_back(&runtime, &tool, "waits").await;
    assert_ok(&runtime.run(run(&tool, "other", "ok", &host)).await);
    holder.let_finish();
    let finished = waiting.await;
    assert_ok(&finished);
    assert!(finished.spent.host > Duration::ZERO);
}

#[tokio::test]
async fn a_trap_ends_its_run_only() {
    let tool = worker(Effect::Reads);
    let runtime = runtime(4, 1);
    let (waiting, host, holder) = held_back(&runtime, &tool, "t").await;
    for _ in 0..10 {
        assert_eq!(code(&runtime.run(run(&tool, "t", "trap", &host)).await), "trap");
    }
    holder.let_finish();
    assert_ok(&waiting.await);
    assert_ok(&runtime.run(run(&tool, "t", "ok", &host)).await);
}

#[tokio::test]
async fn too_many_runs_are_refused_at_once() {
    let tool = worker(Effect::Reads);
    let runtime = Runtime::new(RuntimeLimits { waiting_per_tenant: 1, waiting: 2, ..limits(1, 1) }).unwrap();
    let (running, host, holder) = held_back(&runtime, &tool, "a").await;
    let mut first = pin!(runtime.run(run(&tool, "a", "ok", &host)));
    assert!(poll!(&mut first).is_pending());
    assert_eq!(code(&runtime.run(run(&tool, "a", "ok", &host)).await), "busy", "one of a tenant may wait");
    let mut second = pin!(runtime.run(run(&tool, "b", "ok", &host)));
    assert!(poll!(&mut second).is_pending());
    assert_eq!(code(&runtime.run(run(&tool, "c", "ok", &host)).await), "busy", "two of all may wait");
    holder.let_finish();
    assert_ok(&running.await);
    assert_ok(&first.await);
    assert_ok(&second.await);
}

#[tokio::test]
async fn a_run_that_could_not_begin_in_time_is_refused() {
    let tool = worker(Effect::Reads);
    let runtime = runtime(1, 1);
    let (running, host, holder) = held_back(&runtime, &tool, "a").await;
    let hasty = Run { timeout: Duration::from_millis(5), ..run(&tool, "b", "ok", &host) };
    let finished = runtime.run(hasty).await;
    assert_eq!(code(&finished), "busy");
    assert!(finished.spent.waited >= Duration::from_millis(5));
    holder.let_finish();
    assert_ok(&running.await);
}

#[tokio::test]
async fn a_run_that_no_one_waits_for_any_more_does_not_begin() {
    let tool = worker(Effect::Changes);
    let runtime = runtime(1, 1);
    let (running, host, holder) = held_back(&runtime, &tool, "a").await;
    {
        let mut dropped = pin!(runtime.run(run(&tool, "b", "get", &host)));
        assert!(poll!(&mut dropped).is_pending());
    }
    holder.let_finish();
    assert_ok(&running.await);
    assert_ok(&runtime.run(run(&tool, "b", "ok", &host)).await);
    assert_eq!(host.gets(), 2, "those of the run that was not dropped");
}

#[tokio::test]
async fn what_only_reads_ends_soon_after_no_one_waits_for_it() {
    let tool = worker(Effect::Reads);
    let runtime = runtime(1, 1);
    let host = Host::new();
    {
        let mut dropped = pin!(runtime.run(run(&tool, "a", "spin", &host)));
        assert!(poll!(&mut dropped).is_pending());
    }
    assert_ok(&runtime.run(run(&tool, "a", "ok", &host)).await);
    let (dropped, host, holder) = held_back(&runtime, &tool, "a").await;
    drop(dropped);
    holder.let_go();
    assert_ok(&runtime.run(run(&tool, "a", "ok", &host)).await);
    assert_eq!(host.gets(), 1, "it did not come to its second question");
}

#[tokio::test]
async fn what_changes_something_goes_on_to_its_end_though_no_one_waits_for_it() {
    let tool = worker(Effect::Changes);
    let runtime = runtime(1, 1);
    let (dropped, host, holder) = held_back(&runtime, &tool, "a").await;
    drop(dropped);
    holder.let_go();
    holder.wait();
    holder.let_go();
    assert_ok(&runtime.run(run(&tool, "a", "ok", &host)).await);
    assert_eq!(host.gets(), 2);
}

#[tokio::test]
async fn a_host_that_panics_costs_its_run_only() {
    let tool = worker(Effect::Reads);
    let runtime = runtime(1, 1);
    let panics = Host::answering(|_| panic!("the test's own"));
    for _ in 0..3 {
        assert_eq!(code(&runtime.run(run(&tool, "a", "get", &panics)).await), "host-broke");
    }
    assert_ok(&runtime.run(run(&tool, "a", "ok", &Host::new())).await);
}
