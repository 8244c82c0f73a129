//! How many requests of one tenant run, wait and begin.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, TryAcquireError};
use tokio::time::{Instant, timeout_at};

use crate::limits::Limits;
use crate::send::Error;

/// From how many tenants on the idle ones are forgotten.
const MANY_TENANTS: usize = 1024;

/// A tenant, whatever its id looks like.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Tenant(String);

impl Tenant {
    /// The tenant with that id.
    pub fn new(id: impl Into<String>) -> Self {
        Self(id.into())
    }
}

/// The lanes of all tenants, each as wide as the limits say.
pub(crate) struct Turns {
    concurrent: usize,
    waiting: usize,
    burst: u32,
    interval: Duration,
    lanes: Mutex<HashMap<Tenant, Lane>>,
}

struct Lane {
    running: Arc<Semaphore>,
    /// Those that run and those that wait.
    inside: Arc<Semaphore>,
    /// When nothing is left of what has begun: each request moves it by one interval (GCRA, as in ITU-T I.371, annex A).
    clear_at: Instant,
}

/// The right to run. It ends when the last copy is dropped.
#[derive(Clone)]
pub(crate) struct Turn {
    _permits: Arc<[OwnedSemaphorePermit; 2]>,
}

impl Turns {
    pub(crate) fn new(limits: &Limits) -> Self {
        let Limits { concurrent, waiting, burst, interval, .. } = *limits;
        Self { concurrent, waiting, burst, interval, lanes: Mutex::default() }
    }

    /// Waits until `tenant` may run one more, in the order of asking, at the latest until `deadline`.
    pub(crate) async fn wait(&self, tenant: &Tenant, now: Instant, deadline: Instant) -> Result<Turn, Error> {
        let (inside, running) = self.enter(tenant, now)?;
        let running = timeout_at(deadline, running.acquire_owned()).await;
        let running = running.map_err(|_| failed("earlier requests are not done"))?;
        let running = running.map_err(|_| failed("the host is shutting down"))?;
        Ok(Turn { _permits: Arc::new([inside, running]) })
    }

    #[cfg(test)]
    pub(crate) fn known(&self) -> usize {
        self.lanes.lock().unwrap().len()
    }

    fn enter(&self, tenant: &Tenant, now: Instant) -> Result<(OwnedSemaphorePermit, Arc<Semaphore>), Error> {
        let size = self.concurrent.saturating_add(self.waiting);
        let mut lanes = self.lanes.lock().unwrap_or_else(PoisonError::into_inner);
        if lanes.len() >= MANY_TENANTS && !lanes.contains_key(tenant) {
            lanes.retain(|_, lane| lane.inside.available_permits() < size || lane.clear_at > now);
        }
        let lane = lanes.entry(tenant.clone()).or_insert_with(|| Lane {
            running: Arc::new(Semaphore::new(self.concurrent)),
            inside: Arc::new(Semaphore::new(size)),
            clear_at: now,
        });
        let inside = match lane.inside.clone().try_acquire_owned() {
            Ok(inside) => inside,
            Err(TryAcquireError::NoPermits | TryAcquireError::Closed) => {
                return Err(failed("too many requests of the tenant are waiting"));
            }
        };
        let clear_at = lane.clear_at.max(now) + self.interval;
        if clear_at > now + self.interval.saturating_mul(self.burst) {
            return Err(failed("the tenant sends requests too fast"));
        }
        lane.clear_at = clear_at;
        Ok((inside, lane.running.clone()))
    }
}

fn failed(why: &str) -> Error {
    Error::Failed(format!("waiting for a turn: {why}"))
}
