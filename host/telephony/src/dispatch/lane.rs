//! A lane of work: what is due is leased and done, so many at once.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;

/// One kind of work.
pub(super) trait Lane: Send + Sync + 'static {
    /// A piece of it.
    type Item: Send + 'static;

    /// What it is called in logs.
    const NAME: &'static str;

    /// How many pieces may be in progress at once.
    fn slots(&self) -> usize;

    /// How long nobody looks whether something is due.
    fn poll(&self) -> Duration;

    /// Takes at most `limit` pieces that are due.
    fn lease(&self, limit: u32) -> impl Future<Output = Vec<Self::Item>> + Send;

    /// Does one, and writes down what became of it.
    fn run(&self, item: Self::Item) -> impl Future<Output = ()> + Send;
}

/// Works until told to stop, and then until what is in progress is done.
pub(super) async fn serve<L: Lane>(lane: L, bell: Arc<Notify>, mut stopping: watch::Receiver<bool>) {
    let lane = Arc::new(lane);
    let mut running = JoinSet::new();
    while !*stopping.borrow() {
        let free = lane.slots().saturating_sub(running.len());
        let due =
            if free > 0 { lane.lease(u32::try_from(free).unwrap_or(u32::MAX)).await } else { Vec::new() };
        for item in due {
            let lane = lane.clone();
            running.spawn(async move { lane.run(item).await });
        }
        tokio::select! {
            // What is behind it, such as the next command of a call, is due now.
            Some(ended) = running.join_next() => note::<L>(ended),
            () = bell.notified() => {}
            () = tokio::time::sleep(lane.poll()) => {}
            changed = stopping.changed() => {
                // Whoever would say it is gone: that is the word to stop.
                if changed.is_err() {
                    break;
                }
            }
        }
        while let Some(ended) = running.try_join_next() {
            note::<L>(ended);
        }
    }
    while let Some(ended) = running.join_next().await {
        note::<L>(ended);
    }
}

fn note<L: Lane>(ended: Result<(), tokio::task::JoinError>) {
    if let Err(error) = ended {
        tracing::error!(lane = L::NAME, %error, "a piece of work broke off; it is due again when its lease runs out");
    }
}
