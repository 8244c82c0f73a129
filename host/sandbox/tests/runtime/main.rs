//! Tools beside each other: who runs when, what is charged and bounded, and that nothing is left for the next.

#![cfg(test)]

#[path = "../common/mod.rs"]
mod common;
mod host;
mod isolation;
mod limits;
mod turns;

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use sandbox::{
    Admission, Context, Effect, Finished, HotEngine, Record, Reply, Run, Runtime, RuntimeLimits, Tier, Tool,
    ToolLimits,
};

use host::{Holder, Host};

/// Longer than any test takes.
const LONG: Duration = Duration::from_secs(60);

/// As many threads as slots, and plenty of processor time.
fn limits(threads: usize, slots: usize) -> RuntimeLimits {
    RuntimeLimits { threads, slots, cpu_per_window: LONG, ..RuntimeLimits::default() }
}

fn runtime(threads: usize, slots: usize) -> Runtime {
    Runtime::new(limits(threads, slots)).unwrap()
}

/// The tool of `worker.wat`, with time for every test.
fn worker(effect: Effect) -> Tool {
    with_time(&load(&common::ADMISSION, effect, "Tests"))
}

fn with_time(tool: &Tool) -> Tool {
    tool.clone().with_limits(ToolLimits { timeout: LONG, cpu: LONG, ..*tool.limits() })
}

fn load(admission: &Admission, effect: Effect, description: &str) -> Tool {
    let code = match effect {
        Effect::Pure => "\\00",
        Effect::Reads => "\\01",
        Effect::Changes => "\\02",
    };
    let source = include_str!("worker.wat")
        .replace("\"EFFECT", &format!("\"{code}"))
        .replace("\"Tests\"", &format!("\"{description}\""));
    admission.admit(&wat::parse_str(source).unwrap(), Tier::Standard).unwrap().tool
}

/// The tool of `worker.wat` under the limits of its tier.
static WORKER: LazyLock<Tool> = LazyLock::new(|| load(&common::ADMISSION, Effect::Reads, "Tests"));

/// `tenant` has `tool` do `what`.
fn run(tool: &Tool, tenant: &str, what: &str, host: &Arc<Host>) -> Run {
    Run {
        tool: tool.clone(),
        context: context(tenant),
        arguments: format!("{{\"{what}\":1}}"),
        host: host.clone(),
        timeout: LONG,
    }
}

fn context(tenant: &str) -> Context {
    Context {
        tenant: tenant.into(),
        call_id: "c".into(),
        caller: String::new(),
        idempotency_key: "k".into(),
        time_zone: "UTC".into(),
        confirmed: false,
        now_ms: 0,
    }
}

#[track_caller]
fn assert_ok(finished: &Finished) {
    assert_eq!(finished.outcome, Ok(Ok(Reply::text("ok"))));
}

fn code(finished: &Finished) -> &'static str {
    finished.outcome.as_ref().err().map_or("none", sandbox::RunError::code)
}
