//! The clock that interrupts guests: an OS thread of its own, because a timer task can starve behind the very guest it
//! should interrupt. It sleeps while no guest runs.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::{self, Thread};
use std::time::Duration;

use wasmtime::Engine;

/// The longest that a guest keeps a worker thread to itself. Other requests on that thread wait as long, at worst.
const TICK: Duration = Duration::from_millis(5);

/// Advances an engine's epoch while guests run.
pub(crate) struct Ticker {
    shared: Arc<Shared>,
    thread: Thread,
}

#[derive(Default)]
struct Shared {
    running: AtomicUsize,
    stopped: AtomicBool,
}

/// Keeps the clock going while it lives.
pub(crate) struct Running(Arc<Shared>);

impl Ticker {
    pub(crate) fn start(engine: &Engine) -> std::io::Result<Self> {
        let shared = Arc::new(Shared::default());
        let (state, engine) = (shared.clone(), engine.weak());
        let handle = thread::Builder::new().name("edge-ticker".into()).spawn(move || {
            while !state.stopped.load(Ordering::Acquire) {
                if state.running.load(Ordering::Acquire) == 0 {
                    thread::park();
                    continue;
                }
                thread::sleep(TICK);
                match engine.upgrade() {
                    Some(engine) => engine.increment_epoch(),
                    None => return,
                }
            }
        })?;
        Ok(Self { shared, thread: handle.thread().clone() })
    }

    /// Starts the clock, if it does not go already, until the guard is dropped.
    pub(crate) fn run(&self) -> Running {
        if self.shared.running.fetch_add(1, Ordering::AcqRel) == 0 {
            self.thread.unpark();
        }
        Running(self.shared.clone())
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        self.shared.stopped.store(true, Ordering::Release);
        self.thread.unpark();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.0.running.fetch_sub(1, Ordering::AcqRel);
    }
}
