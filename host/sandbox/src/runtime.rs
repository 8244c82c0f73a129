//! Runs tools beside live calls: off the I/O threads, at lower priority, fairly among tenants.
//!
//! A run waits in its tenant's queue until a thread and a slot are free and it is the tenant's turn
//! ([`schedule`]). It gives its slot back while it waits for the host, and at an epoch of the engine if
//! others wait ([`account`]). So a tool that spins delays another tenant's by an epoch and not by its
//! run, also where there is one processor; calls' audio it does not delay, because its thread has a lower
//! priority.
//!
//! What the host does for a tenant, and the tenant may make long, is done here too ([`chore`]). That does not give
//! way, so it has to be short.

mod account;
mod budget;
mod chore;
mod clock;
mod limits;
mod pool;
pub(crate) mod priority;
mod schedule;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures::channel::oneshot;

use crate::definition::{Context, Effect};
use crate::finished::{Finished, RunError, Spent};
use crate::tool::Tool;
use crate::tool_host::ToolHost;
pub(crate) use account::{Account, Ended};
use chore::Chore;
pub(crate) use clock::{Clock, SystemClock};
pub use limits::RuntimeLimits;
use pool::{Place, Pool, Queued, Work};
use schedule::Rejected;

/// Runs the tools of all tenants.
pub struct Runtime {
    pool: Pool,
    clock: Arc<dyn Clock>,
}

/// One run of a tool.
pub struct Run {
    /// The tool.
    pub tool: Tool,
    /// On whose behalf. The run takes its turn among those of `context.tenant`.
    pub context: Context,
    /// A JSON object.
    pub arguments: String,
    /// What stands behind the tool's imports.
    pub host: Arc<dyn ToolHost>,
    /// How long it may take, from now to its answer. The tool's own limit holds as well.
    pub timeout: Duration,
}

impl Runtime {
    /// Starts the threads.
    ///
    /// # Errors
    /// Where the system has no threads left.
    pub fn new(limits: RuntimeLimits) -> std::io::Result<Self> {
        Self::with_clock(limits, Arc::new(SystemClock::new()))
    }

    fn with_clock(limits: RuntimeLimits, clock: Arc<dyn Clock>) -> std::io::Result<Self> {
        Ok(Self { pool: Pool::start(limits, clock.clone())?, clock })
    }

    /// Runs a tool. Needs no particular executor.
    ///
    /// Dropped, it takes a run that has not begun out of the queue. One that has begun ends at its next
    /// epoch, unless the tool changes something: then it goes on to its end, unheard.
    pub async fn run(&self, run: Run) -> Finished {
        if let Err(error) = run.tool.check_arguments(&run.arguments) {
            return Finished::rejected(error, Duration::ZERO);
        }
        let (done, answer) = oneshot::channel();
        let submitted = self.pool.now();
        let timeout = run.timeout.min(run.tool.limits().timeout);
        let deadline = submitted.saturating_add(timeout);
        let abandoned = Arc::new(AtomicBool::new(false));
        let tenant = run.context.tenant.clone();
        let clock = self.clock.clone();
        let job = Job { run, clock, submitted, timeout, abandoned: abandoned.clone(), done };
        let queued = self.pool.submit(&tenant, Box::new(job), deadline);
        let mut caller = Caller { queued, abandoned, answered: false };
        let finished = answer.await;
        caller.answered = true;
        // A run that never answers is one whose host panicked.
        finished.unwrap_or_else(|_| Finished::rejected(RunError::HostBroke, Duration::ZERO))
    }

    /// Does something of the host's whose length a tenant has a hand in: on a thread of the tools, in the tenant's
    /// turn and charged to it. Says besides what it used. Needs no particular executor.
    ///
    /// It must end by itself and soon: it keeps its slot to its end. It waits for its turn for `patience` at most.
    /// Dropped, it is taken out of the queue if it has not begun.
    ///
    /// # Errors
    /// [`RunError::Busy`] or [`RunError::OverBudget`] where it did not begin, [`RunError::HostBroke`] where it
    /// panicked.
    pub async fn work<T: Send + 'static>(
        &self,
        tenant: &str,
        patience: Duration,
        act: impl FnOnce() -> T + Send + 'static,
    ) -> Result<(T, Spent), RunError> {
        let (done, answer) = oneshot::channel();
        let submitted = self.pool.now();
        let chore = Chore { act, clock: self.clock.clone(), submitted, done };
        let queued = self.pool.submit(tenant, Box::new(chore), submitted.saturating_add(patience));
        let mut caller = Caller { queued, abandoned: Arc::default(), answered: false };
        let worked = answer.await;
        caller.answered = true;
        worked.unwrap_or(Err(RunError::HostBroke))
    }
}

/// Whoever waits for a run.
struct Caller {
    queued: Option<Queued>,
    abandoned: Arc<AtomicBool>,
    answered: bool,
}

impl Drop for Caller {
    fn drop(&mut self) {
        if self.answered {
            return;
        }
        self.abandoned.store(true, Ordering::Relaxed);
        if let Some(queued) = &self.queued {
            queued.withdraw();
        }
    }
}

struct Job {
    run: Run,
    clock: Arc<dyn Clock>,
    submitted: Duration,
    timeout: Duration,
    abandoned: Arc<AtomicBool>,
    done: oneshot::Sender<Finished>,
}

impl Job {
    fn waited(&self) -> Duration {
        self.clock.now().saturating_sub(self.submitted)
    }
}

impl Work for Job {
    fn run(self: Box<Self>, place: Place) {
        let waited = self.waited();
        let Self { run, clock, submitted, timeout, abandoned, done } = *self;
        let deadline = submitted.saturating_add(timeout);
        let cancellable = run.tool.definition().effect != Effect::Changes;
        let account = Account::new(clock, deadline, run.tool.limits().cpu).with_place(
            place,
            waited,
            cancellable.then_some(abandoned),
        );
        let finished = run.tool.run(&run.context, &run.arguments, run.host, account, timeout);
        // No one may be there to hear it.
        let _ = done.send(finished);
    }

    fn reject(self: Box<Self>, why: Rejected) {
        let waited = self.waited();
        let _ = self.done.send(Finished::rejected(why.into(), waited));
    }
}

impl From<Rejected> for RunError {
    fn from(why: Rejected) -> Self {
        match why {
            Rejected::Full | Rejected::Expired => Self::Busy,
            Rejected::OverBudget => Self::OverBudget,
        }
    }
}
