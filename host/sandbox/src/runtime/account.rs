//! What one run uses of the processor, and when it has to end.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::clock::Clock;
use super::pool::Place;

/// Why a run is ended from outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Ended {
    /// Its time is over, and it has used most of it itself.
    #[error("the run's time is over")]
    Deadline,
    /// Its time is over, and it was kept waiting for most of it.
    #[error("the run's time is over, most of which it waited")]
    Delayed,
    /// Its processor time is used up.
    #[error("the run's processor time is used up")]
    Processor,
    /// Whoever asked does not want to know any more.
    #[error("no one waits for the run any more")]
    Abandoned,
}

/// The account of one run. Time that the host takes is not the guest's: it is not counted towards the run's processor time,
/// nor does the run keep a slot meanwhile. What the host uses of the processor for it on this thread is its tenant's all the same.
pub(crate) struct Account {
    clock: Arc<dyn Clock>,
    /// The run's place in a [`Runtime`](super::Runtime); without one it has a processor to itself.
    place: Option<Place>,
    /// Set when no one waits for the run any more; absent where it is to go on all the same.
    abandoned: Option<Arc<AtomicBool>>,
    deadline: Duration,
    /// The time from its submission to its deadline.
    allotted: Duration,
    cpu_limit: Duration,
    /// The thread's processor time when it was last counted.
    counted: Duration,
    guest: Duration,
    host: Duration,
    /// How much of `host` the run has itself chosen to wait for.
    chosen: Duration,
    waited: Duration,
}

impl Account {
    /// A run that begins now and may last until `deadline`, `cpu_limit` of it on a processor.
    pub(crate) fn new(clock: Arc<dyn Clock>, deadline: Duration, cpu_limit: Duration) -> Self {
        let counted = clock.cpu();
        let allotted = deadline.saturating_sub(clock.now());
        Self {
            clock,
            place: None,
            abandoned: None,
            deadline,
            allotted,
            cpu_limit,
            counted,
            guest: Duration::ZERO,
            host: Duration::ZERO,
            chosen: Duration::ZERO,
            waited: Duration::ZERO,
        }
    }

    /// The run has a place among others and has waited for it.
    pub(crate) fn with_place(
        mut self,
        place: Place,
        waited: Duration,
        abandoned: Option<Arc<AtomicBool>>,
    ) -> Self {
        self.place = Some(place);
        self.allotted = self.allotted.saturating_add(waited);
        self.waited = waited;
        self.abandoned = abandoned;
        self
    }

    /// The processor time that the guest has used.
    pub(crate) fn guest(&self) -> Duration {
        self.guest
    }

    /// The time that the host has taken to answer.
    pub(crate) fn host(&self) -> Duration {
        self.host
    }

    /// The time that was spent waiting for a thread and for slots.
    pub(crate) fn waited(&self) -> Duration {
        self.waited
    }

    /// How long the run may still last.
    pub(crate) fn remaining(&self) -> Duration {
        self.deadline.saturating_sub(self.clock.now())
    }

    /// Counts what the guest has used since it was last counted.
    pub(crate) fn count(&mut self) {
        let cpu = self.clock.cpu();
        let used = cpu.saturating_sub(self.counted);
        self.counted = cpu;
        self.guest = self.guest.saturating_add(used);
        if let Some(place) = &self.place {
            place.charge(used);
        }
    }

    /// At every epoch: the run ends if it must, and gives way if others wait.
    pub(crate) fn tick(&mut self) -> Result<(), Ended> {
        self.count();
        self.check()?;
        let Some(place) = &self.place else { return Ok(()) };
        let before = self.clock.now();
        let back = place.give_way(self.deadline);
        self.waited = self.waited.saturating_add(self.clock.now().saturating_sub(before));
        // A thread that waits uses next to nothing, and what it uses is not the guest's.
        self.counted = self.clock.cpu();
        if back { Ok(()) } else { Err(self.out_of_time()) }
    }

    /// Does what the platform may be slow at, while others have the slot. It is told how long the run may still last.
    pub(crate) fn outside<R>(&mut self, act: impl FnOnce(Duration) -> R) -> Result<R, Ended> {
        self.wait_for(act, |_, _| ())
    }

    /// Like [`Self::outside`], for what the tool itself chose to wait for: how long that takes is the tool's matter.
    pub(crate) fn elsewhere<R>(&mut self, act: impl FnOnce(Duration) -> R) -> Result<R, Ended> {
        self.wait_for(act, |account, took| account.chosen = account.chosen.saturating_add(took))
    }

    fn wait_for<R>(
        &mut self,
        act: impl FnOnce(Duration) -> R,
        count: impl FnOnce(&mut Self, Duration),
    ) -> Result<R, Ended> {
        self.count();
        self.check()?;
        let began = self.clock.now();
        if let Some(place) = &self.place {
            place.leave();
        }
        let result = act(self.deadline.saturating_sub(began));
        let ended = self.clock.now();
        if let Some(place) = &self.place {
            place.charge(self.clock.cpu().saturating_sub(self.counted));
        }
        let took = ended.saturating_sub(began);
        self.host = self.host.saturating_add(took);
        count(self, took);
        let back = self.place.as_ref().is_none_or(|place| place.come_back(self.deadline));
        self.waited = self.waited.saturating_add(self.clock.now().saturating_sub(ended));
        self.counted = self.clock.cpu();
        if !back {
            return Err(self.out_of_time());
        }
        self.check()?;
        Ok(result)
    }

    fn check(&self) -> Result<(), Ended> {
        if self.guest > self.cpu_limit {
            return Err(Ended::Processor);
        }
        if self.remaining().is_zero() {
            return Err(self.out_of_time());
        }
        match &self.abandoned {
            Some(abandoned) if abandoned.load(Ordering::Relaxed) => Err(Ended::Abandoned),
            _ => Ok(()),
        }
    }

    /// Whose doing it is that the time is over.
    fn out_of_time(&self) -> Ended {
        let own = match self.place {
            // Time in which others had the processor is not the run's.
            Some(_) => self.guest.saturating_add(self.chosen),
            None => self.allotted.saturating_sub(self.host.saturating_sub(self.chosen)),
        };
        if own.saturating_mul(2) >= self.allotted { Ended::Deadline } else { Ended::Delayed }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;

    use super::super::clock::tests::FakeClock;
    use super::super::limits::RuntimeLimits;
    use super::super::pool::{Pool, Work};
    use super::super::schedule::Rejected;
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    fn account() -> (Arc<FakeClock>, Account) {
        let clock = Arc::new(FakeClock::default());
        (clock.clone(), Account::new(clock, 100 * MS, 20 * MS))
    }

    #[test]
    fn only_the_guests_own_processor_time_is_charged() {
        let (clock, mut account) = account();
        clock.advance(5 * MS, 5 * MS);
        let left = account.outside(|left| {
            clock.advance(60 * MS, 50 * MS);
            left
        });
        assert_eq!(left, Ok(95 * MS));
        clock.advance(9 * MS, 3 * MS);
        assert_eq!(account.tick(), Ok(()));
        assert_eq!((account.guest(), account.host()), (8 * MS, 60 * MS));
        assert_eq!(account.remaining(), 26 * MS);
    }

    #[test]
    fn a_run_ends_when_its_processor_time_or_its_time_is_over() {
        let (clock, mut account) = account();
        clock.advance(20 * MS, 20 * MS);
        assert_eq!(account.tick(), Ok(()));
        clock.advance(MS, MS);
        assert_eq!(account.tick(), Err(Ended::Processor));
        let (clock, mut account) = self::account();
        clock.advance(100 * MS, MS);
        assert_eq!(account.tick(), Err(Ended::Deadline));
        assert_eq!(account.outside(|_| ()), Err(Ended::Deadline));
    }

    #[test]
    fn what_the_host_took_too_long_for_ends_the_run_and_is_not_held_against_it() {
        let (clock, mut account) = account();
        let answer = account.outside(|_| clock.advance(200 * MS, Duration::ZERO));
        assert_eq!(answer, Err(Ended::Delayed));
        assert_eq!(account.host(), 200 * MS);
    }

    #[test]
    fn what_the_tool_chose_to_wait_for_is_its_own_time() {
        let (clock, mut account) = account();
        assert_eq!(account.outside(|_| clock.advance(40 * MS, Duration::ZERO)), Ok(()));
        let answer = account.elsewhere(|_| clock.advance(60 * MS, Duration::ZERO));
        assert_eq!(answer, Err(Ended::Deadline));
        assert_eq!(account.host(), 100 * MS);
    }

    #[test]
    fn a_run_among_others_answers_for_its_processor_time_and_what_it_chose_to_wait_for() {
        let end = |cpu: Duration, chosen: Duration| {
            let clock = Arc::new(FakeClock::default());
            let limits = RuntimeLimits { threads: 1, slots: 1, ..RuntimeLimits::default() };
            let pool = Pool::start(limits, clock.clone()).unwrap();
            let (done, ended) = channel();
            let act = move |place: Place| {
                // It has waited for 20 ms of its 100.
                let mut account =
                    Account::new(clock.clone(), 80 * MS, 100 * MS).with_place(place, 20 * MS, None);
                clock.advance(cpu, cpu);
                let waited = account.elsewhere(|_| clock.advance(chosen, Duration::ZERO));
                clock.advance(80 * MS, Duration::ZERO);
                done.send((waited, account.tick())).unwrap();
            };
            let _queued = pool.submit("t", Box::new(Act(act)), Duration::MAX);
            ended.recv().unwrap()
        };
        assert_eq!(end(20 * MS, 30 * MS), (Ok(()), Err(Ended::Deadline)));
        assert_eq!(end(20 * MS, 29 * MS), (Ok(()), Err(Ended::Delayed)));
        assert_eq!(end(50 * MS, Duration::ZERO), (Ok(()), Err(Ended::Deadline)));
        assert_eq!(end(Duration::ZERO, Duration::ZERO), (Ok(()), Err(Ended::Delayed)));
    }

    #[test]
    fn what_the_host_computes_for_a_run_is_its_tenants_and_not_the_runs() {
        let clock = Arc::new(FakeClock::default());
        let cpu_per_window = 50 * MS;
        let limits = RuntimeLimits { threads: 1, slots: 1, cpu_per_window, ..RuntimeLimits::default() };
        let pool = Pool::start(limits, clock.clone()).unwrap();
        let (done, ended) = channel();
        let act = move |place: Place| {
            let mut account =
                Account::new(clock.clone(), 1_000 * MS, 20 * MS).with_place(place, Duration::ZERO, None);
            let answer = account.elsewhere(|_| clock.advance(60 * MS, 60 * MS));
            done.send((answer, account.tick(), account.guest())).unwrap();
        };
        let _queued = pool.submit("t", Box::new(Act(act)), Duration::MAX);
        assert_eq!(ended.recv().unwrap(), (Ok(()), Ok(()), Duration::ZERO));
        let (rejected, why) = channel();
        let _refused = pool.submit("t", Box::new(Refused(rejected)), Duration::MAX);
        assert_eq!(why.recv().unwrap(), Rejected::OverBudget);
    }

    /// Something that is never done.
    struct Refused(std::sync::mpsc::Sender<Rejected>);

    impl Work for Refused {
        fn run(self: Box<Self>, _: Place) {
            panic!("it runs");
        }

        fn reject(self: Box<Self>, why: Rejected) {
            self.0.send(why).unwrap();
        }
    }

    /// Something that is done on a thread of the pool.
    struct Act<F>(F);

    impl<F: FnOnce(Place) + Send + 'static> Work for Act<F> {
        fn run(self: Box<Self>, place: Place) {
            let Self(act) = *self;
            act(place);
        }

        fn reject(self: Box<Self>, why: Rejected) {
            panic!("{why:?}");
        }
    }
}
