//! What the host does for a tenant, in the tenant's turn.

use std::sync::Arc;
use std::time::Duration;

use futures::channel::oneshot;

use super::clock::Clock;
use super::pool::{Place, Work};
use super::schedule::Rejected;
use crate::finished::{RunError, Spent};

/// Something to do, and who waits for it.
pub(super) struct Chore<F, T> {
    pub(super) act: F,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) submitted: Duration,
    pub(super) done: oneshot::Sender<Result<(T, Spent), RunError>>,
}

impl<F, T> Work for Chore<F, T>
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    fn run(self: Box<Self>, place: Place) {
        let Self { act, clock, submitted, done } = *self;
        let waited = clock.now().saturating_sub(submitted);
        let before = clock.cpu();
        let result = act();
        let used = clock.cpu().saturating_sub(before);
        place.charge(used);
        // Whoever hears the answer finds the place free.
        drop(place);
        // No one may be there to hear it.
        let _ = done.send(Ok((result, Spent { waited, guest: used, ..Spent::default() })));
    }

    fn reject(self: Box<Self>, why: Rejected) {
        let _ = self.done.send(Err(why.into()));
    }
}

#[cfg(test)]
mod tests {
    use super::super::clock::tests::FakeClock;
    use super::super::{Runtime, RuntimeLimits};
    use super::*;

    const MS: Duration = Duration::from_millis(1);
    const LONG: Duration = Duration::from_secs(60);

    fn runtime(clock: &Arc<FakeClock>, limits: RuntimeLimits) -> Runtime {
        Runtime::with_clock(limits, clock.clone()).unwrap()
    }

    fn limits() -> RuntimeLimits {
        RuntimeLimits { threads: 1, slots: 1, cpu_per_window: 10 * MS, ..RuntimeLimits::default() }
    }

    #[tokio::test]
    async fn what_the_host_does_for_a_tenant_is_charged_to_it() {
        let clock = Arc::new(FakeClock::default());
        let runtime = runtime(&clock, limits());
        let long = clock.clone();
        let (result, spent) = runtime
            .work("a", LONG, move || {
                long.advance(30 * MS, 10 * MS);
                7
            })
            .await
            .unwrap();
        assert_eq!((result, spent.guest), (7, 10 * MS));
        assert_eq!(runtime.work("a", LONG, || ()).await.unwrap_err(), RunError::OverBudget);
        assert!(runtime.work("b", LONG, || ()).await.is_ok());
    }

    #[tokio::test]
    async fn what_cannot_wait_for_its_turn_is_not_done() {
        let runtime = runtime(&Arc::default(), RuntimeLimits { waiting: 0, ..limits() });
        assert_eq!(runtime.work("a", LONG, || ()).await.unwrap_err(), RunError::Busy);
    }

    #[tokio::test]
    async fn what_panics_ends_itself_only() {
        let runtime = runtime(&Arc::default(), limits());
        let broken = runtime.work::<()>("a", LONG, || panic!("on purpose")).await;
        assert_eq!(broken.unwrap_err(), RunError::HostBroke);
        assert!(runtime.work("a", LONG, || ()).await.is_ok());
    }
}
