//! What is charged and bounded.

use super::*;

/// Runs the worker at once under its ordinary limits, changed by `change`.
fn call(what: &str, host: &Arc<Host>, change: impl FnOnce(&mut ToolLimits)) -> Finished {
    let mut limits = *WORKER.limits();
    change(&mut limits);
    let tool = WORKER.clone().with_limits(limits);
    tool.call(&context("t"), &format!("{{\"{what}\":1}}"), host.clone(), LONG)
}

#[test]
fn a_tool_that_spins_ends_when_its_processor_time_is_used_up() {
    let cpu = Duration::from_millis(20);
    let finished = call("spin", &Host::new(), |limits| limits.cpu = cpu);
    assert_eq!(code(&finished), "cpu-exhausted");
    assert!(finished.spent.guest > cpu);
}

#[test]
fn a_tool_that_spins_ends_when_its_time_is_over() {
    let finished = call("spin", &Host::new(), |limits| limits.timeout = Duration::from_millis(20));
    assert_eq!(code(&finished), "timeout");
}

#[test]
fn what_the_host_computes_is_not_the_tools_processor_time() {
    let computing = Host::answering(|_| {
        let sum = (0..40_000_000_u64).fold(0, |sum, number| std::hint::black_box(sum ^ number));
        Ok(Some(Record { key: "key".into(), value: sum.to_le_bytes().to_vec(), version: 1 }))
    });
    let finished = call("get", &computing, |_| ());
    assert_ok(&finished);
    assert!(finished.spent.host > finished.spent.guest, "{:?}", finished.spent);
}

#[test]
fn questions_to_the_records_are_counted() {
    let host = Host::new();
    let finished = call("ping", &host, |limits| {
        limits.record_calls = 10;
        limits.cpu = Duration::from_millis(20);
    });
    assert_eq!(code(&finished), "cpu-exhausted");
    assert_eq!(host.gets(), 10);
}

#[test]
fn a_listing_is_bounded_in_bytes_and_not_cut_short() {
    let record = |number| Record { key: format!("key{number}"), value: vec![0; 1000], version: 1 };
    let ten = |most| {
        call("list", &Host::listing((0..10).map(record).collect()), |limits| limits.listing_bytes = most)
            .outcome
    };
    assert_eq!(ten(10_040), Ok(Ok(Reply::text("ok"))));
    assert_eq!(ten(10_039), Ok(Ok(Reply::text("refused"))));
}

#[test]
fn once_its_bytes_of_records_are_used_up_a_tool_asks_for_no_more() {
    // The worker asks twice, each time for a key and a value of a thousand bytes together.
    for (most, asked) in [(0, 0), (1000, 1), (1001, 2)] {
        let host =
            Host::answering(|key| Ok(Some(Record { key: key.into(), value: vec![0; 997], version: 1 })));
        assert_ok(&call("get", &host, |limits| limits.record_bytes = most));
        assert_eq!(host.gets(), asked, "{most}");
    }
}

#[test]
fn requests_are_bounded_in_number_and_in_bytes() {
    let host = Host::new();
    let finished = call("http", &host, |_| ());
    assert_eq!(finished.outcome, Ok(Ok(Reply::text("refused"))));
    assert_eq!((finished.spent.http_requests, finished.spent.egress_bytes), (8, 8000));
    assert_eq!(host.sends(), 8);
    let host = Host::new();
    let finished = call("http", &host, |limits| limits.egress_bytes = 2500);
    assert_eq!(finished.outcome, Ok(Ok(Reply::text("refused"))));
    assert_eq!((finished.spent.http_requests, finished.spent.egress_bytes), (3, 3000));
}

#[test]
fn who_breaks_for_want_of_memory_is_told_so() {
    let finished = call("memory", &Host::new(), |_| ());
    assert_eq!(code(&finished), "memory-exhausted");
    assert_eq!(finished.spent.memory_bytes, (18 + 16 * 30) << 16, "thirty steps of a MiB fit into 32 MiB");
}

#[test]
fn instructions_are_counted_on_a_metered_engine_only() {
    assert_eq!(call("ok", &Host::new(), |_| ()).spent.fuel, None);
    let tool =
        load(&Admission::new(&HotEngine::metered().unwrap(), common::compiler()), Effect::Reads, "Tests");
    let fuel = |what: &str| {
        let arguments = format!("{{\"{what}\":1}}");
        let finished = tool.call(&context("t"), &arguments, Host::new(), LONG);
        assert_ok(&finished);
        finished.spent.fuel.unwrap()
    };
    let ok = fuel("ok");
    assert!(ok > 0);
    assert_eq!(fuel("ok"), ok, "the same call takes the same instructions");
    assert!(fuel("isolation") > 1000 * ok);
}

#[tokio::test]
async fn a_tenant_that_used_its_processor_time_up_waits_for_the_next_window() {
    let limits = RuntimeLimits { cpu_per_window: Duration::from_millis(10), window: LONG, ..limits(2, 1) };
    let runtime = Runtime::new(limits).unwrap();
    let limits = ToolLimits { cpu: Duration::from_millis(10), ..*WORKER.limits() };
    let tool = WORKER.clone().with_limits(limits);
    let host = Host::new();
    assert_eq!(code(&runtime.run(run(&tool, "spinner", "spin", &host)).await), "cpu-exhausted");
    assert_eq!(code(&runtime.run(run(&tool, "spinner", "ok", &host)).await), "over-budget");
    assert_ok(&runtime.run(run(&tool, "other", "ok", &host)).await);
}

#[tokio::test]
async fn arguments_that_are_too_large_do_not_wait_for_a_turn() {
    let runtime = Runtime::new(RuntimeLimits { waiting: 0, ..limits(1, 1) }).unwrap();
    let arguments = "x".repeat((64 << 10) + 1);
    let finished = runtime.run(Run { arguments, ..run(&WORKER, "t", "ok", &Host::new()) }).await;
    assert_eq!(code(&finished), "arguments-too-large");
}
