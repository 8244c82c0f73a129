//! Who runs when.

use std::pin::pin;

use futures::poll;

use super::*;

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
    let (host, holder) = Host::holding();
    let mut waiting = pin!(runtime.run(run(&tool, "waits", "get", &host)));
    assert!(poll!(&mut waiting).is_pending());
    holder.wait();
    assert_ok(&runtime.run(run(&tool, "other", "ok", &host)).await);
    holder.let_go();
    holder.let_go();
    let finished = waiting.await;
    assert_ok(&finished);
    assert!(finished.spent.host > Duration::ZERO);
}

#[tokio::test]
async fn a_trap_ends_its_run_only() {
    let tool = worker(Effect::Reads);
    let runtime = runtime(4, 1);
    let (host, holder) = Host::holding();
    let mut waiting = pin!(runtime.run(run(&tool, "t", "get", &host)));
    assert!(poll!(&mut waiting).is_pending());
    holder.wait();
    for _ in 0..10 {
        assert_eq!(code(&runtime.run(run(&tool, "t", "trap", &host)).await), "trap");
    }
    holder.let_go();
    holder.let_go();
    assert_ok(&waiting.await);
    assert_ok(&runtime.run(run(&tool, "t", "ok", &host)).await);
}

#[tokio::test]
async fn too_many_runs_are_refused_at_once() {
    let tool = worker(Effect::Reads);
    let runtime = Runtime::new(RuntimeLimits { waiting_per_tenant: 1, waiting: 2, ..limits(1, 1) }).unwrap();
    let (host, holder) = Host::holding();
    let mut running = pin!(runtime.run(run(&tool, "a", "get", &host)));
    assert!(poll!(&mut running).is_pending());
    holder.wait();
    let mut first = pin!(runtime.run(run(&tool, "a", "ok", &host)));
    assert!(poll!(&mut first).is_pending());
    assert_eq!(code(&runtime.run(run(&tool, "a", "ok", &host)).await), "busy", "one of a tenant may wait");
    let mut second = pin!(runtime.run(run(&tool, "b", "ok", &host)));
    assert!(poll!(&mut second).is_pending());
    assert_eq!(code(&runtime.run(run(&tool, "c", "ok", &host)).await), "busy", "two of all may wait");
    holder.let_go();
    holder.let_go();
    assert_ok(&running.await);
    assert_ok(&first.await);
    assert_ok(&second.await);
}

#[tokio::test]
async fn a_run_that_could_not_begin_in_time_is_refused() {
    let tool = worker(Effect::Reads);
    let runtime = runtime(1, 1);
    let (host, holder) = Host::holding();
    let mut running = pin!(runtime.run(run(&tool, "a", "get", &host)));
    assert!(poll!(&mut running).is_pending());
    holder.wait();
    let hasty = Run { timeout: Duration::from_millis(5), ..run(&tool, "b", "ok", &host) };
    let finished = runtime.run(hasty).await;
    assert_eq!(code(&finished), "busy");
    assert!(finished.spent.waited >= Duration::from_millis(5));
    holder.let_go();
    holder.let_go();
    assert_ok(&running.await);
}

#[tokio::test]
async fn a_run_that_no_one_waits_for_any_more_does_not_begin() {
    let tool = worker(Effect::Changes);
    let runtime = runtime(1, 1);
    let (host, holder) = Host::holding();
    let mut running = pin!(runtime.run(run(&tool, "a", "get", &host)));
    assert!(poll!(&mut running).is_pending());
    holder.wait();
    {
        let mut dropped = pin!(runtime.run(run(&tool, "b", "get", &host)));
        assert!(poll!(&mut dropped).is_pending());
    }
    holder.let_go();
    holder.let_go();
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
    let (host, holder) = Host::holding();
    {
        let mut dropped = pin!(runtime.run(run(&tool, "a", "get", &host)));
        assert!(poll!(&mut dropped).is_pending());
        holder.wait();
    }
    holder.let_go();
    assert_ok(&runtime.run(run(&tool, "a", "ok", &host)).await);
    assert_eq!(host.gets(), 1, "it did not come to its second question");
}

#[tokio::test]
async fn what_changes_something_goes_on_to_its_end_though_no_one_waits_for_it() {
    let tool = worker(Effect::Changes);
    let runtime = runtime(1, 1);
    let (host, holder) = Host::holding();
    {
        let mut dropped = pin!(runtime.run(run(&tool, "a", "get", &host)));
        assert!(poll!(&mut dropped).is_pending());
        holder.wait();
    }
    holder.let_go();
    holder.wait();
    holder.let_go();
    assert_ok(&runtime.run(run(&tool, "a", "ok", &host)).await);
    assert_eq!(host.gets(), 2);
}

#[tokio::test]
async fn a_host_that_panics_costs_its_run_only() {
    struct Panics;
    impl ToolHost for Panics {
        fn get(&self, _: &str) -> Result<Option<Record>, RecordError> {
            panic!("the test's own")
        }
        fn insert(&self, _: &str, _: &[u8]) -> Result<u64, RecordError> {
            Err(RecordError::Unavailable)
        }
        fn replace(&self, _: &str, _: &[u8], _: u64) -> Result<u64, RecordError> {
            Err(RecordError::Unavailable)
        }
        fn remove(&self, _: &str, _: u64) -> Result<(), RecordError> {
            Err(RecordError::Unavailable)
        }
        fn list(&self, _: &str, _: Option<&str>, _: u32) -> Result<Vec<Record>, RecordError> {
            Ok(Vec::new())
        }
        fn send(&self, _: HttpRequest, _: Duration) -> HttpSent {
            HttpSent::nothing(HttpError::Timeout)
        }
        fn secret(&self, _: &str) -> Option<String> {
            None
        }
        fn log(&self, _: Level, _: &str) {}
    }
    let tool = worker(Effect::Reads);
    let runtime = runtime(1, 1);
    for _ in 0..3 {
        assert_eq!(code(&runtime.run(run(&tool, "a", "get", &Arc::new(Panics))).await), "host-broke");
    }
    assert_ok(&runtime.run(run(&tool, "a", "ok", &Host::new())).await);
}
