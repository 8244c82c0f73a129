//! Tools beside each other: who runs when, what is charged and bounded, and that nothing is left for the next.

#![cfg(test)]

#[path = "../common/mod.rs"]
mod common;
mod isolation;
mod limits;
mod turns;

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, LazyLock, Mutex};
use std::time::Duration;

use sandbox::{
    Admission, Context, Effect, Finished, HotEngine, HttpError, HttpRequest, HttpResponse, HttpSent, Level,
    Record, RecordError, Reply, Run, Runtime, RuntimeLimits, Tier, Tool, ToolHost, ToolLimits,
};

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
fn run(tool: &Tool, tenant: &str, what: &str, host: &Arc<impl ToolHost + 'static>) -> Run {
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

/// Counts what it is asked, answers as it was told, and can hold a tool back.
struct Host {
    gets: AtomicU32,
    sends: AtomicU32,
    listed: Vec<Record>,
    /// Says that `get` was reached, and waits to be let go on.
    gate: Option<(Mutex<Sender<()>>, Mutex<Receiver<()>>)>,
}

/// The test's side of a host that holds tools back.
struct Holder {
    reached: Receiver<()>,
    go_on: Sender<()>,
}

impl Host {
    fn new() -> Arc<Self> {
        Self::listing(Vec::new())
    }

    fn listing(listed: Vec<Record>) -> Arc<Self> {
        Arc::new(Self { gets: AtomicU32::new(0), sends: AtomicU32::new(0), listed, gate: None })
    }

    /// Holds every tool back that asks for a record.
    fn holding() -> (Arc<Self>, Holder) {
        let (reach, reached) = channel();
        let (go_on, going) = channel();
        let gate = Some((Mutex::new(reach), Mutex::new(going)));
        let host = Self { gets: AtomicU32::new(0), sends: AtomicU32::new(0), listed: Vec::new(), gate };
        (Arc::new(host), Holder { reached, go_on })
    }

    fn gets(&self) -> u32 {
        self.gets.load(Ordering::Relaxed)
    }
}

impl Holder {
    /// Waits until a tool is held back.
    fn wait(&self) {
        self.reached.recv_timeout(LONG).unwrap();
    }

    fn let_go(&self) {
        self.go_on.send(()).unwrap();
    }
}

impl ToolHost for Host {
    fn get(&self, _: &str) -> Result<Option<Record>, RecordError> {
        self.gets.fetch_add(1, Ordering::Relaxed);
        if let Some((reach, going)) = &self.gate {
            // The test may have gone by now.
            let _ = reach.lock().unwrap().send(());
            let _ = going.lock().unwrap().recv_timeout(LONG);
        }
        Ok(None)
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
        Ok(self.listed.clone())
    }

    fn send(&self, _: HttpRequest, _: Duration) -> HttpSent {
        self.sends.fetch_add(1, Ordering::Relaxed);
        let response = HttpResponse { status: 200, headers: Vec::new(), body: b"{}".to_vec() };
        HttpSent { response: Ok::<_, HttpError>(response), bytes: 1000 }
    }

    fn secret(&self, _: &str) -> Option<String> {
        None
    }

    fn log(&self, _: Level, _: &str) {}
}
