//! The threads that tools run on.

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::thread;
use std::time::Duration;

use super::clock::Clock;
use super::limits::RuntimeLimits;
use super::priority;
use super::schedule::{Grant, Rejected, Schedule, Ticket};

/// What runs on a thread of the pool.
pub(crate) trait Work: Send + 'static {
    /// Does it; `place` is its place among the others, `waited` how long it has waited.
    fn run(self: Box<Self>, place: Place);

    /// It will not be done.
    fn reject(self: Box<Self>, why: Rejected);
}

type Job = Box<dyn Work>;

/// The threads and what they share.
pub(crate) struct Pool {
    shared: Arc<Shared>,
}

struct Shared {
    clock: Arc<dyn Clock>,
    state: Mutex<State>,
    /// One for each thread: it has work, or its slot back.
    bells: Vec<Condvar>,
    /// Something was queued.
    queued: Condvar,
}

struct State {
    schedule: Schedule<Job>,
    seats: Vec<Seat>,
    idle: Vec<usize>,
    seat_of: HashMap<Ticket, usize>,
    /// When the thread that expires what waits wakes up.
    next_expiry: Duration,
    stopping: bool,
}

/// What one thread was given.
#[derive(Default)]
struct Seat {
    work: Option<(Ticket, Job)>,
    granted: bool,
}

/// How long the thread that expires waiting runs sleeps at most.
const LONGEST_SLEEP: Duration = Duration::from_secs(3600);

impl Pool {
    /// Starts the threads.
    pub(crate) fn start(limits: RuntimeLimits, clock: Arc<dyn Clock>) -> std::io::Result<Self> {
        let state = State {
            schedule: Schedule::new(limits),
            seats: (0..limits.threads).map(|_| Seat::default()).collect(),
            idle: (0..limits.threads).rev().collect(),
            seat_of: HashMap::new(),
            next_expiry: Duration::MAX,
            stopping: false,
        };
        let shared = Arc::new(Shared {
            clock,
            state: Mutex::new(state),
            bells: (0..limits.threads).map(|_| Condvar::new()).collect(),
            queued: Condvar::new(),
        });
        // Dropped where a thread cannot be started, it stops those that were.
        let pool = Self { shared };
        for seat in 0..limits.threads {
            let shared = pool.shared.clone();
            thread::Builder::new().name(format!("tool-{seat}")).spawn(move || shared.serve(seat))?;
        }
        let shared = pool.shared.clone();
        thread::Builder::new().name("tool-expiry".into()).spawn(move || shared.expire())?;
        Ok(pool)
    }

    pub(crate) fn now(&self) -> Duration {
        self.shared.clock.now()
    }

    /// Queues work that must begin before `deadline`, or rejects it.
    pub(crate) fn submit(&self, tenant: &str, job: Job, deadline: Duration) -> Option<Queued> {
        let now = self.now();
        let submitted = self.shared.with(|state| state.schedule.submit(tenant, job, deadline, now));
        match submitted {
            Ok(ticket) => {
                self.shared.expire_by(deadline, ticket);
                Some(Queued { shared: Arc::downgrade(&self.shared), ticket })
            }
            Err((job, why)) => {
                job.reject(why);
                None
            }
        }
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.shared.with(|state| state.stopping = true);
        self.shared.bells.iter().for_each(Condvar::notify_all);
        self.shared.queued.notify_all();
    }
}

/// Work that was queued, and may have begun since.
pub(crate) struct Queued {
    shared: Weak<Shared>,
    ticket: Ticket,
}

impl Queued {
    /// Takes it out of the queue, if it has not begun.
    pub(crate) fn withdraw(&self) {
        if let Some(shared) = self.shared.upgrade() {
            // Dropped after the lock is.
            let _job = shared.with(|state| state.schedule.withdraw(self.ticket));
        }
    }
}

/// A run's place among the others: its thread, and its slot if it has one.
pub(crate) struct Place {
    shared: Arc<Shared>,
    ticket: Ticket,
    seat: usize,
}

impl Place {
    /// Counts processor time that the run has used.
    pub(crate) fn charge(&self, used: Duration) {
        let now = self.shared.clock.now();
        self.shared.with(|state| state.schedule.charge(self.ticket, used, now));
    }

    /// Gives the slot back.
    pub(crate) fn leave(&self) {
        self.shared.with(|state| state.schedule.leave(self.ticket));
    }

    /// Waits for a slot after [`Self::leave`]; false if `deadline` came first.
    pub(crate) fn come_back(&self, deadline: Duration) -> bool {
        self.shared.with(|state| state.schedule.want(self.ticket));
        self.wait(deadline)
    }

    /// Lets others go first if any wait; false if `deadline` came before it was this run's turn again.
    pub(crate) fn give_way(&self, deadline: Duration) -> bool {
        let gave_way = self.shared.with(|state| {
            let contended = state.schedule.is_contended();
            if contended {
                state.schedule.leave(self.ticket);
                state.schedule.want(self.ticket);
            }
            contended
        });
        !gave_way || self.wait(deadline)
    }

    fn wait(&self, deadline: Duration) -> bool {
        let Some(bell) = self.shared.bells.get(self.seat) else { return false };
        let mut state = self.shared.lock();
        loop {
            let Some(seat) = state.seats.get_mut(self.seat) else { return false };
            if std::mem::take(&mut seat.granted) {
                return true;
            }
            let left = deadline.saturating_sub(self.shared.clock.now());
            if left.is_zero() {
                return false;
            }
            state = bell.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.shared.with(|state| {
            state.schedule.end(self.ticket);
            state.seat_of.remove(&self.ticket);
            if let Some(seat) = state.seats.get_mut(self.seat) {
                seat.granted = false;
            }
            state.idle.push(self.seat);
        });
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing panics while the lock is held.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the state and hands out what became free.
    fn with<R>(&self, act: impl FnOnce(&mut State) -> R) -> R {
        let mut state = self.lock();
        let result = act(&mut state);
        while let Some(grant) = state.schedule.next() {
            if let Some(seat) = state.hand_out(grant) {
                self.bells.get(seat).into_iter().for_each(Condvar::notify_all);
            }
        }
        let rejected = state.schedule.take_rejected();
        drop(state);
        for (job, why) in rejected {
            job.reject(why);
        }
        result
    }

    /// A thread: does one piece of work after another.
    fn serve(self: Arc<Self>, seat: usize) {
        priority::lower();
        while let Some((ticket, job)) = self.next_work(seat) {
            let place = Place { shared: self.clone(), ticket, seat };
            // Whatever a host's answer did to this thread, the next run gets it sound.
            if catch_unwind(AssertUnwindSafe(|| job.run(place))).is_err() {
                tracing::error!("the host panicked in the middle of a tool's run");
            }
        }
    }

    fn next_work(&self, seat: usize) -> Option<(Ticket, Job)> {
        let bell = self.bells.get(seat)?;
        let mut state = self.lock();
        loop {
            if let Some(work) = state.seats.get_mut(seat)?.work.take() {
                return Some(work);
            }
            if state.stopping {
                return None;
            }
            state = bell.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Wakes the thread that expires what waits, if `ticket` waits and it would wake too late for it.
    fn expire_by(&self, deadline: Duration, ticket: Ticket) {
        let mut state = self.lock();
        if deadline < state.next_expiry && state.schedule.is_queued(ticket) {
            state.next_expiry = deadline;
            self.queued.notify_all();
        }
    }

    /// A thread: rejects what has waited too long.
    fn expire(self: Arc<Self>) {
        loop {
            let now = self.clock.now();
            self.with(|state| {
                state.schedule.expire(now);
                state.next_expiry = state.schedule.next_expiry().unwrap_or(Duration::MAX);
            });
            let mut state = self.lock();
            loop {
                let left = state.next_expiry.saturating_sub(self.clock.now());
                if state.stopping {
                    return;
                }
                if left.is_zero() {
                    break;
                }
                let sleep = self.queued.wait_timeout(state, left.min(LONGEST_SLEEP));
                state = sleep.unwrap_or_else(PoisonError::into_inner).0;
            }
        }
    }
}

impl State {
    /// Gives a slot to the thread of its run, and says which thread that is.
    fn hand_out(&mut self, grant: Grant<Job>) -> Option<usize> {
        match grant {
            Grant::Start(ticket, job) => {
                // The schedule starts no more than there are threads.
                let number = self.idle.pop()?;
                self.seat_of.insert(ticket, number);
                self.seats.get_mut(number)?.work = Some((ticket, job));
                Some(number)
            }
            Grant::Resume(ticket) => {
                let number = *self.seat_of.get(&ticket)?;
                self.seats.get_mut(number)?.granted = true;
                Some(number)
            }
        }
    }
}
