//! How long each tenant's uploads keep the gate busy, and whose turn at it is next.
//!
//! A component can be made to take as long at the gate as anything may; whoever sends such ones without end would keep
//! everybody else away. So a tenant has a budget of time there: a bucket that fills while an upload of the tenant's is at
//! the gate, whatever comes of it, and drains all the time. While it is full, the tenant's uploads are refused; while it is
//! more than half full, the tenant shares one of the turns with all others of whom that is true. What the worker puts
//! through the gate again is nobody's upload, and fills no bucket.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use store::TenantId;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::Refused;
use crate::tools::{Lru, Room};

/// How many components go through the gate at once: each holds its bytes, and a child process that compiles.
const ADMITTING_MAX: usize = 2;

/// How many of those turns go to tenants who have used more than half of their budget.
const HEAVY_MAX: usize = 1;

/// How long an upload that has arrived waits for its turn at the gate.
const TURN_PATIENCE: Duration = Duration::from_secs(120);

/// The time at the gate that fills a tenant's bucket. What is at the gate when it is full may make it overflow, for nothing
/// is broken off there.
const BUDGET: Duration = Duration::from_mins(10);

/// As many times more slowly than time passes does a bucket drain: ten minutes in an hour.
const DRAINS_SLOWER: u32 = 6;

/// A tenant whose bucket is full is told to come again when it has drained to this: earlier, the next upload would fill it.
const AGAIN: Duration = Duration::from_mins(9);

/// How many tenants' buckets are known at once. Of the one whose uploads are the longest ago nothing is known then.
const TENANTS: usize = 16_384;

/// What tells the time, which only grows.
pub type Clock = Arc<dyn Fn() -> Instant + Send + Sync>;

/// What each tenant has used of its budget, in this process.
#[derive(Debug)]
struct Efforts {
    tenants: Mutex<Lru<TenantId, Effort>>,
}

/// A bucket, as full as it was then.
#[derive(Clone, Copy, Debug)]
struct Effort {
    used: Duration,
    at: Instant,
}

/// How much of its budget a tenant has used that may use more of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Load {
    /// At most half.
    Light,
    /// More than half.
    Heavy,
}

/// A tenant has used all of its budget.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Spent {
    retry_after: Duration,
}

impl From<Spent> for Refused {
    fn from(spent: Spent) -> Self {
        Self::GateBudget { retry_after: spent.retry_after }
    }
}

impl Effort {
    /// What is left in the bucket at `now`.
    fn left(&self, now: Instant) -> Duration {
        self.used.saturating_sub(now.saturating_duration_since(self.at) / DRAINS_SLOWER)
    }
}

impl Default for Efforts {
    fn default() -> Self {
        Self { tenants: Mutex::new(Lru::new(Room { entries: TENANTS, weight: usize::MAX })) }
    }
}

impl Efforts {
    /// How much a tenant has used, if not all.
    fn load(&self, tenant: &TenantId, now: Instant) -> Result<Load, Spent> {
        let used = self.lock().get(tenant).map_or(Duration::ZERO, |effort| effort.left(now));
        if used >= BUDGET {
            return Err(Spent { retry_after: used.saturating_sub(AGAIN).saturating_mul(DRAINS_SLOWER) });
        }
        Ok(if used > BUDGET / 2 { Load::Heavy } else { Load::Light })
    }

    /// Counts time at the gate that ended at `now`.
    fn spend(&self, tenant: &TenantId, spent: Duration, now: Instant) {
        let mut tenants = self.lock();
        let left = tenants.get(tenant).map_or(Duration::ZERO, |effort| effort.left(now));
        tenants.put(tenant.clone(), Effort { used: left.saturating_add(spent), at: now }, 1);
    }

    fn lock(&self) -> MutexGuard<'_, Lru<TenantId, Effort>> {
        self.tenants.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The turns at the gate.
pub struct GateTurns {
    turns: Arc<Semaphore>,
    heavy: Arc<Semaphore>,
    efforts: Arc<Efforts>,
    clock: Clock,
}

impl GateTurns {
    /// All free, and no budget used; time is what `clock` says.
    pub fn measured_by(clock: Clock) -> Self {
        Self {
            turns: Arc::new(Semaphore::new(ADMITTING_MAX)),
            heavy: Arc::new(Semaphore::new(HEAVY_MAX)),
            efforts: Arc::default(),
            clock,
        }
    }

    /// Whether a tenant may use more of the gate's time.
    ///
    /// # Errors
    /// [`Refused::GateBudget`] where it has used all of its budget.
    pub fn permit(&self, tenant: &TenantId) -> Result<(), Refused> {
        self.load(tenant).map(drop)
    }

    /// Waits for a tenant's turn.
    ///
    /// # Errors
    /// As [`GateTurns::permit`], before the turn or when it has come; [`Refused::Busy`] where it does not come in time.
    pub async fn next(&self, tenant: &TenantId) -> Result<GateTurn, Refused> {
        let turn = tokio::time::timeout(TURN_PATIENCE, self.wait(tenant)).await;
        turn.unwrap_or(Err(Refused::Busy))
    }

    async fn wait(&self, tenant: &TenantId) -> Result<GateTurn, Refused> {
        let heavy = match self.load(tenant)? {
            Load::Light => None,
            Load::Heavy => Some(one_of(&self.heavy).await?),
        };
        let turn = one_of(&self.turns).await?;
        self.permit(tenant)?;
        Ok(GateTurn {
            tenant: tenant.clone(),
            efforts: self.efforts.clone(),
            clock: self.clock.clone(),
            _turn: turn,
            _heavy: heavy,
        })
    }

    fn load(&self, tenant: &TenantId) -> Result<Load, Refused> {
        Ok(self.efforts.load(tenant, (self.clock)())?)
    }
}

async fn one_of(turns: &Arc<Semaphore>) -> Result<OwnedSemaphorePermit, Refused> {
    turns.clone().acquire_owned().await.map_err(|_| Refused::Busy)
}

/// A tenant's turn at the gate, until it is dropped.
pub struct GateTurn {
    tenant: TenantId,
    efforts: Arc<Efforts>,
    clock: Clock,
    _turn: OwnedSemaphorePermit,
    _heavy: Option<OwnedSemaphorePermit>,
}

impl GateTurn {
    /// Counts the time from now on, until what it returns is dropped, by whatever.
    pub fn stay(&self) -> Stay<'_> {
        Stay { turn: self, began: (self.clock)() }
    }
}

/// Time at the gate that is being counted.
pub struct Stay<'a> {
    turn: &'a GateTurn,
    began: Instant,
}

impl Stay<'_> {
    /// Ends it, and says how long it was.
    pub fn end(self) -> Duration {
        (self.turn.clock)().saturating_duration_since(self.began)
    }
}

impl Drop for Stay<'_> {
    fn drop(&mut self) {
        let now = (self.turn.clock)();
        let spent = now.saturating_duration_since(self.began);
        self.turn.efforts.spend(&self.turn.tenant, spent, now);
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;

    use futures::FutureExt as _;

    use super::*;

    const MINUTE: Duration = Duration::from_mins(1);

    fn tenant(id: &str) -> TenantId {
        id.parse().unwrap()
    }

    /// Turns whose clock stands still.
    fn turns() -> (GateTurns, Instant) {
        let now = Instant::now();
        (GateTurns::measured_by(Arc::new(move || now)), now)
    }

    #[test]
    fn a_bucket_fills_and_drains_at_a_sixth_of_the_time() {
        let (efforts, one, began) = (Efforts::default(), tenant("one"), Instant::now());
        assert_eq!(efforts.load(&one, began), Ok(Load::Light));
        efforts.spend(&one, MINUTE * 5, began);
        assert_eq!(efforts.load(&one, began), Ok(Load::Light), "half is not more than half");
        efforts.spend(&one, MINUTE * 3, began);
        assert_eq!(efforts.load(&one, began), Ok(Load::Heavy));
        // Six minutes later one has drained, and three come.
        let full = began + MINUTE * 6;
        efforts.spend(&one, MINUTE * 3, full);
        assert_eq!(efforts.load(&one, full), Err(Spent { retry_after: MINUTE * 6 }));
        assert_eq!(efforts.load(&one, full + MINUTE), Ok(Load::Heavy), "whoever comes earlier is let in");
        assert_eq!(efforts.load(&one, full + MINUTE * 30), Ok(Load::Light));
        // It is never emptier than empty.
        let later = full + MINUTE * 1000;
        efforts.spend(&one, MINUTE * 10, later);
        assert_eq!(efforts.load(&one, later), Err(Spent { retry_after: MINUTE * 6 }));
    }

    #[test]
    fn what_overflows_is_waited_for() {
        let (efforts, one, began) = (Efforts::default(), tenant("one"), Instant::now());
        efforts.spend(&one, MINUTE * 9, began);
        efforts.spend(&one, MINUTE * 4, began);
        assert_eq!(efforts.load(&one, began), Err(Spent { retry_after: MINUTE * 24 }));
        let nearly = began + MINUTE * 18 - Duration::from_secs(1);
        assert!(efforts.load(&one, nearly).is_err());
        assert_eq!(efforts.load(&one, began + MINUTE * 24), Ok(Load::Heavy));
    }

    #[test]
    fn another_tenants_bucket_is_its_own() {
        let (efforts, began) = (Efforts::default(), Instant::now());
        efforts.spend(&tenant("one"), MINUTE * 60, began);
        assert!(efforts.load(&tenant("one"), began).is_err());
        assert_eq!(efforts.load(&tenant("other"), began), Ok(Load::Light));
    }

    #[tokio::test]
    async fn tenants_who_have_used_more_than_half_share_one_turn() {
        let (turns, now) = turns();
        let (one, two) = (tenant("one"), tenant("two"));
        for heavy in [&one, &two] {
            turns.efforts.spend(heavy, MINUTE * 8, now);
        }
        let first = turns.next(&one).now_or_never().unwrap().unwrap();
        assert!(turns.next(&two).now_or_never().is_none(), "they have had theirs");
        let light = turns.next(&tenant("light")).now_or_never().unwrap().unwrap();
        assert!(turns.next(&tenant("lighter")).now_or_never().is_none(), "there are two turns");
        drop(light);
        assert!(turns.next(&two).now_or_never().is_none(), "a light tenant's turn is not theirs");
        drop(first);
        assert!(turns.next(&two).now_or_never().is_some());
    }

    #[tokio::test]
    async fn who_has_used_all_gets_no_turn_however_long_it_waited() {
        let (turns, now) = turns();
        let one = tenant("one");
        let held = ["a", "b"].map(|id| turns.next(&tenant(id)).now_or_never().unwrap().unwrap());
        let mut waiting = pin!(turns.next(&one));
        assert!(waiting.as_mut().now_or_never().is_none());
        turns.efforts.spend(&one, MINUTE * 10, now);
        drop(held);
        assert!(matches!(waiting.await, Err(Refused::GateBudget { .. })));
        let again = turns.next(&one).now_or_never().unwrap();
        assert!(matches!(again, Err(Refused::GateBudget { retry_after }) if retry_after == MINUTE * 6));
        assert!(matches!(turns.permit(&one), Err(Refused::GateBudget { .. })));
        assert!(turns.permit(&tenant("other")).is_ok());
        let free = ["a", "b"].map(|id| turns.next(&tenant(id)).now_or_never());
        assert!(free.iter().all(Option::is_some), "the turn that it did not get is another's");
    }
}
