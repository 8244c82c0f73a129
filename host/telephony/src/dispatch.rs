//! The worker behind the database: it places what was ordered, tells carriers what was commanded, and fetches what was
//! recorded.
//!
//! Three lanes of work run beside each other, so that a slow download delays no call. Each leases what is due, does it,
//! and writes down what became of it. Whatever is lost in between, a process, an answer, the database, is due again when
//! its lease runs out; [`crate::order`] says why that never places a call twice.

mod carrier;
mod commands;
mod lane;
mod line;
mod orders;
mod recordings;
mod telnyx;
mod twilio;

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use store::{CallAccount, CarrierAccount, NativeDb, Rate, Store, Timestamp};
use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;
use tokio::time::Instant;
use turn::BreakerConfig;
use uuid::Uuid;

pub use self::carrier::{BoxFuture, Carrier};
use self::commands::Commands;
use self::line::Line;
use self::orders::Orders;
use self::recordings::Recordings;
pub use self::telnyx::Telnyx;
pub use self::twilio::Twilio;
use crate::accounts::{OwnAccounts, Unopened};

/// What the worker goes by.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Who leases: unlike any other process at the same database.
    pub owner: String,
    /// How long nobody looks whether something is due, unless woken. Default 250 ms.
    pub poll: Duration,
    /// Orders in progress at once. Default 8.
    pub orders: usize,
    /// Commands in progress at once. Default 32: each is one request, and somebody on the telephone waits for it.
    pub commands: usize,
    /// Recordings fetched at once. Default 4.
    pub recordings: usize,
    /// Where recordings go: `{tenant}/{call}/{recording}.wav` below it. `None`: they are not fetched.
    pub recordings_folder: Option<PathBuf>,
    /// The longest recording that is fetched, in bytes. Default 512 MiB: four hours of two channels, 16 bits at 8 kHz,
    /// are 440 MiB.
    pub recording_limit: u64,
    /// When a carrier is left alone. Default as for every vendor.
    pub breaker: BreakerConfig,
}

impl Settings {
    /// The defaults, for a process with this name among those at the database.
    #[must_use]
    pub fn new(owner: impl Into<String>) -> Self {
        Self {
            owner: owner.into(),
            poll: Duration::from_millis(250),
            orders: 8,
            commands: 32,
            recordings: 4,
            recordings_folder: None,
            recording_limit: 512 * 1024 * 1024,
            breaker: BreakerConfig::default(),
        }
    }
}

/// What the worker would otherwise take from the process: time and chance.
pub struct Environment {
    /// The time.
    pub now: Box<dyn Fn() -> Timestamp + Send + Sync>,
    /// A random number, from 0 up to 1.
    pub share: Box<dyn Fn() -> f64 + Send + Sync>,
    /// A random UUID, version 4.
    pub id: Box<dyn Fn() -> Uuid + Send + Sync>,
}

impl Environment {
    /// The system's clock and randomness.
    #[must_use]
    pub fn system() -> Self {
        // 53 of a UUID's random bits: as many as the number holds.
        let share = || (Uuid::new_v4().as_u128() & ((1 << 53) - 1)) as f64 / (1u64 << 53) as f64;
        Self { now: Box::new(Timestamp::now), share: Box::new(share), id: Box::new(Uuid::new_v4) }
    }
}

impl fmt::Debug for Environment {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Environment").finish_non_exhaustive()
    }
}

/// How often calls are placed where nothing else is set: one a second, which Twilio grants every account; it queues more
/// than that, and what is queued can be called off no more.
pub const USUAL_RATE: Rate = Rate { count: 1, per: Duration::from_secs(1) };

/// What makes a carrier of a tenant's own account.
type Open = Box<dyn Fn(&CarrierAccount) -> Result<Box<dyn Carrier>, Unopened> + Send + Sync>;

/// What the lanes share.
struct Shared {
    store: Store<NativeDb>,
    /// By the platform's accounts.
    lines: BTreeMap<String, Arc<Line>>,
    /// By tenants' own.
    own: OwnAccounts<Arc<Line>>,
    open: Option<Open>,
    settings: Settings,
    environment: Environment,
    begun: Instant,
}

impl Shared {
    fn now(&self) -> Timestamp {
        (self.environment.now)()
    }

    fn share(&self) -> f64 {
        (self.environment.share)()
    }

    /// A time that only grows, for the breakers.
    fn age(&self) -> Duration {
        self.begun.elapsed()
    }
}

/// A worker that is about to begin.
pub struct Dispatcher {
    shared: Shared,
}

impl Dispatcher {
    /// A worker at a database, with no carrier yet.
    #[must_use]
    pub fn new(store: Store<NativeDb>, settings: Settings, environment: Environment) -> Self {
        let begun = Instant::now();
        let (lines, own) = (BTreeMap::new(), OwnAccounts::default());
        Self { shared: Shared { store, lines, own, open: None, settings, environment, begun } }
    }

    /// Adds the carrier that the store calls `name`, by the platform's account, with how often calls are placed through it.
    #[must_use]
    pub fn carrier(mut self, name: impl Into<String>, carrier: impl Carrier, rate: Rate) -> Self {
        let name: String = name.into();
        let line = self.shared.new_line(Box::new(carrier), CallAccount::Platform, name.clone(), rate);
        self.shared.lines.insert(name, Arc::new(line));
        self
    }

    /// Says what makes a carrier of an account that a tenant has itself; calls are placed through it as often as through
    /// the platform's. Without it whatever is to go by such an account waits.
    #[must_use]
    pub fn own_accounts(
        mut self,
        open: impl Fn(&CarrierAccount) -> Result<Box<dyn Carrier>, Unopened> + Send + Sync + 'static,
    ) -> Self {
        self.shared.open = Some(Box::new(open));
        self
    }

    /// Begins, on the tokio runtime that this is called in.
    #[must_use]
    pub fn start(self) -> Running {
        let shared = Arc::new(self.shared);
        let (stop, stopping) = watch::channel(false);
        let bells: [Arc<Notify>; 3] = Default::default();
        let [orders, commands, recordings] = bells.clone();
        let mut lanes = JoinSet::new();
        lanes.spawn(lane::serve(Orders::new(shared.clone()), orders, stopping.clone()));
        lanes.spawn(lane::serve(Commands::new(shared.clone()), commands, stopping.clone()));
        lanes.spawn(lane::serve(Recordings::new(shared), recordings, stopping));
        Running { bells, stop, lanes }
    }
}

/// A worker at work. Dropping it ends it at once, as a crash would.
#[derive(Debug)]
pub struct Running {
    bells: [Arc<Notify>; 3],
    stop: watch::Sender<bool>,
    lanes: JoinSet<()>,
}

impl Running {
    /// Says that something may be due.
    pub fn wake(&self) {
        for bell in &self.bells {
            bell.notify_one();
        }
    }

    /// What wakes the worker, for whoever hears that something is due.
    #[must_use]
    pub fn bell(&self) -> Bell {
        Bell { bells: self.bells.clone() }
    }

    /// Takes on nothing more, and waits until what is in progress is done, for `patience` at most; the rest is broken
    /// off and found again by the next process. Returns whether all was done.
    pub async fn shut_down(mut self, patience: Duration) -> bool {
        // Whoever is gone needs not be told.
        let _ = self.stop.send(true);
        let done = tokio::time::timeout(patience, async { while self.lanes.join_next().await.is_some() {} });
        done.await.is_ok()
    }
}

/// Wakes a worker. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Bell {
    bells: [Arc<Notify>; 3],
}

impl Bell {
    /// Says that something may be due.
    pub fn ring(&self) {
        for bell in &self.bells {
            bell.notify_one();
        }
    }
}

#[cfg(test)]
mod tests;
