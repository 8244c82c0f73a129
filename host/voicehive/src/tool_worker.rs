//! What follows from the runs of tenants' tools, and what tools leave behind.
//!
//! Every second the counters of runs are written down, and a version that keeps failing leaves the alias that names it.
//! Every hour bytes that no version needs are removed, and, beside that, versions that another gate or engine looked at last
//! are put through the gate again.

mod flush;
mod judge;
mod revalidate;
mod sweep;
#[cfg(test)]
mod tests;
mod turns;

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use store::native::Artifacts;
use store::{NativeDb, Store, Timestamp};
use tokio::sync::{RwLock, watch};
use tokio::task::JoinHandle;
use tokio::time::{MissedTickBehavior, interval, sleep};

use crate::tool_api::Workshop;
use crate::tools::Usage;
use flush::Flushing;
use judge::Judge;
use revalidate::{AGAIN, Revalidation, Went};

/// Between two looks at the counters.
const FLUSH: Duration = Duration::from_secs(1);

/// Between two looks for bytes that nobody needs.
const SWEEP: Duration = Duration::from_secs(60 * 60);

/// Between two passes through the versions that have to go through the gate again: so long a version waits of which this
/// process could not find out.
const REVALIDATE: Duration = Duration::from_secs(60 * 60);

/// How long the last counters may take to be written when the process ends.
const LAST_FLUSH: Duration = Duration::from_secs(3);

/// What the worker works on.
#[derive(Clone)]
pub struct ToolWorker {
    /// Where everything about tools is kept but their bytes.
    pub store: Store<NativeDb>,
    /// Where their bytes are.
    pub artifacts: Artifacts,
    /// What counts the runs of this process.
    pub usage: Arc<Usage>,
    /// What admits components.
    pub workshop: Arc<dyn Workshop>,
    /// Held for writing while bytes are removed; see [`crate::tool_api::ToolApi`].
    pub keeping: Arc<RwLock<()>>,
}

/// A worker that runs.
pub struct Running {
    stop: watch::Sender<bool>,
    flushing: JoinHandle<()>,
    revalidating: JoinHandle<()>,
    sweeping: JoinHandle<()>,
}

impl ToolWorker {
    /// Starts it.
    pub fn start(self) -> Running {
        let (stop, stopped) = watch::channel(false);
        let flushing = tokio::spawn(self.clone().flush_until(stopped));
        // What the gate takes long for must not keep callers' words longer than is right.
        let revalidating = tokio::spawn(self.clone().revalidate_again_and_again());
        let sweeping = tokio::spawn(self.sweep_again_and_again());
        Running { stop, flushing, revalidating, sweeping }
    }

    async fn flush_until(self, mut stopped: watch::Receiver<bool>) {
        let mut ticks = interval(FLUSH);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let (mut flushing, mut judge) = (Flushing::new(self.usage), Judge::default());
        loop {
            let stops = tokio::select! {
                _ = ticks.tick() => false,
                _ = stopped.wait_for(|stop| *stop) => true,
            };
            let now = Timestamp::now();
            for version in flushing.flush(&self.store, now).await {
                if let Err(error) = judge.judge(&self.store, &version, now).await {
                    tracing::warn!(%error, "a version of a tool could not be judged");
                }
            }
            if stops {
                return;
            }
        }
    }

    async fn revalidate_again_and_again(self) {
        let mut revalidation = Revalidation::default();
        loop {
            let wait = match revalidation.go_on(&self, &Timestamp::now).await {
                Ok(Went { verdicts, wait }) => {
                    if verdicts > 0 {
                        tracing::info!(versions = verdicts, "tools were put through the gate again");
                    }
                    wait
                }
                Err(error) => {
                    tracing::warn!("tools could not be put through the gate again: {error:#}");
                    revalidation = Revalidation::default();
                    AGAIN
                }
            };
            sleep(wait).await;
        }
    }

    async fn sweep_again_and_again(self) {
        let mut ticks = interval(SWEEP);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            match sweep::sweep(&self, SystemTime::now()).await {
                Ok(0) => {}
                Ok(files) => tracing::debug!(files, "bytes of tools that nobody needs were removed"),
                Err(error) => tracing::warn!("bytes of tools could not be removed: {error:#}"),
            }
        }
    }
}

impl Running {
    /// Writes down what was counted last, and ends.
    pub async fn shut_down(self) {
        let Self { stop, flushing, revalidating, sweeping } = self;
        stop.send_replace(true);
        // Both can be left at any point.
        let others = [revalidating, sweeping];
        others.iter().for_each(JoinHandle::abort);
        let ended = async {
            futures::future::join_all(others).await;
            flushing.await
        };
        if tokio::time::timeout(LAST_FLUSH, ended).await.is_err() {
            tracing::warn!("the last runs of tools were not counted");
        }
    }
}
