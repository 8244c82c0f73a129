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

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;
    use std::sync::Mutex;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tokio::time::Instant;

    use super::*;

    /// Each piece is how long it takes; at 13 ms it panics.
    #[derive(Default)]
    struct Work {
        due: Mutex<VecDeque<Duration>>,
        at_once: AtomicUsize,
        most_at_once: AtomicUsize,
        done: AtomicUsize,
        looked: AtomicUsize,
    }

    struct Lent(Arc<Work>);

    impl Lane for Lent {
        type Item = Duration;
        const NAME: &'static str = "test";

        fn slots(&self) -> usize {
            2
        }

        fn poll(&self) -> Duration {
            Duration::from_millis(250)
        }

        async fn lease(&self, limit: u32) -> Vec<Duration> {
            self.0.looked.fetch_add(1, Ordering::SeqCst);
            let mut due = self.0.due.lock().unwrap();
            let count = due.len().min(limit as usize);
            due.drain(..count).collect()
        }

        async fn run(&self, item: Duration) {
            let at_once = self.0.at_once.fetch_add(1, Ordering::SeqCst) + 1;
            self.0.most_at_once.fetch_max(at_once, Ordering::SeqCst);
            tokio::time::sleep(item).await;
            self.0.at_once.fetch_sub(1, Ordering::SeqCst);
            assert_ne!(item.as_millis(), 13, "this piece breaks off");
            self.0.done.fetch_add(1, Ordering::SeqCst);
        }
    }

    struct Begun {
        work: Arc<Work>,
        bell: Arc<Notify>,
        stop: watch::Sender<bool>,
        serving: tokio::task::JoinHandle<()>,
    }

    fn begin(due: &[u64]) -> Begun {
        let work = Arc::new(Work::default());
        work.due.lock().unwrap().extend(due.iter().map(|millis| Duration::from_millis(*millis)));
        let (stop, stopping) = watch::channel(false);
        let bell = Arc::new(Notify::new());
        let serving = tokio::spawn(serve(Lent(work.clone()), bell.clone(), stopping));
        Begun { work, bell, stop, serving }
    }

    #[tokio::test(start_paused = true)]
    async fn no_more_than_the_slots_are_in_progress_and_the_next_begins_at_once() {
        let Begun { work, stop, serving, .. } = begin(&[100, 100, 100, 100]);
        let began = Instant::now();
        tokio::time::sleep(Duration::from_millis(201)).await;
        assert_eq!(work.done.load(Ordering::SeqCst), 4);
        assert_eq!(work.most_at_once.load(Ordering::SeqCst), 2);
        stop.send(true).unwrap();
        serving.await.unwrap();
        assert_eq!(began.elapsed().as_millis(), 201);
    }

    #[tokio::test(start_paused = true)]
    async fn a_bell_is_heard_before_the_poll() {
        let Begun { work, bell, serving, stop } = begin(&[]);
        tokio::time::sleep(Duration::from_millis(10)).await;
        work.due.lock().unwrap().push_back(Duration::from_millis(1));
        tokio::time::sleep(Duration::from_millis(10)).await;
        assert_eq!(work.done.load(Ordering::SeqCst), 0);
        bell.notify_one();
        tokio::time::sleep(Duration::from_millis(2)).await;
        assert_eq!(work.done.load(Ordering::SeqCst), 1);
        work.due.lock().unwrap().push_back(Duration::from_millis(1));
        tokio::time::sleep(Duration::from_millis(260)).await;
        assert_eq!(work.done.load(Ordering::SeqCst), 2, "nobody rang, and it was polled");
        drop(stop);
        serving.await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn a_stop_finishes_what_is_in_progress_and_takes_nothing_more() {
        let Begun { work, stop, serving, .. } = begin(&[500, 500, 500]);
        tokio::time::sleep(Duration::from_millis(100)).await;
        stop.send(true).unwrap();
        serving.await.unwrap();
        assert_eq!(work.done.load(Ordering::SeqCst), 2);
        assert_eq!(work.due.lock().unwrap().len(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn a_piece_that_breaks_off_takes_no_other_with_it() {
        let Begun { work, stop, serving, .. } = begin(&[13, 20, 20]);
        tokio::time::sleep(Duration::from_millis(100)).await;
        assert_eq!(work.done.load(Ordering::SeqCst), 2);
        stop.send(true).unwrap();
        serving.await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn an_idle_lane_looks_four_times_a_second() {
        let Begun { work, stop, serving, .. } = begin(&[]);
        tokio::time::sleep(Duration::from_millis(10_001)).await;
        assert_eq!(work.looked.load(Ordering::SeqCst), 41);
        stop.send(true).unwrap();
        serving.await.unwrap();
    }
}
