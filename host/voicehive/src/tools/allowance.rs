//! What the tools of a tenant may send in a day.

use std::sync::{Mutex, MutexGuard, PoisonError};

use egress::{Budget, Usage};
use store::{TenantId, Timestamp};

use super::lru::{Lru, Room};

/// What one run may move: its requests are counted by the sandbox, too.
const PER_RUN: Usage = Usage { requests: 8, bytes: 8 << 20 };

/// What a tenant may move in a day: some look-ups in each of a hundred thousand calls, TLS included.
const PER_DAY: Usage = Usage { requests: 500_000, bytes: 16 << 30 };

/// How many tenants are counted at once.
const TENANTS: usize = 16_384;

/// A day in milliseconds.
const DAY: i64 = 86_400_000;

/// What each tenant has used today (UTC), in this process. What is still under way is not counted yet, so a tenant may pass
/// its allowance by what its concurrent runs use.
#[derive(Debug)]
pub struct Allowances {
    used: Mutex<Lru<TenantId, (i64, Usage)>>,
}

impl Default for Allowances {
    fn default() -> Self {
        Self { used: Mutex::new(Lru::new(Room { entries: TENANTS, weight: usize::MAX })) }
    }
}

impl Allowances {
    /// What a run that begins now may use.
    pub fn budget(&self, tenant: &TenantId, now: Timestamp) -> Budget {
        Budget::new(PER_RUN, PER_DAY, self.used(tenant, now))
    }

    /// What a tenant has used today.
    pub fn used(&self, tenant: &TenantId, now: Timestamp) -> Usage {
        let today = day_of(now);
        let mut tenants = self.lock();
        tenants.get(tenant).filter(|(day, _)| *day == today).map(|(_, used)| *used).unwrap_or_default()
    }

    /// Counts what a run has used.
    pub fn spend(&self, tenant: &TenantId, spent: Usage, now: Timestamp) {
        if spent == Usage::default() {
            return;
        }
        let mut tenants = self.lock();
        match tenants.get(tenant) {
            Some((day, used)) if *day == day_of(now) => *used = used.plus(spent),
            _ => tenants.put(tenant.clone(), (day_of(now), spent), 1),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Lru<TenantId, (i64, Usage)>> {
        self.used.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn day_of(now: Timestamp) -> i64 {
    now.0.div_euclid(DAY)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_may_use_what_its_tenants_day_leaves() {
        let (allowances, one, other) = (Allowances::default(), tenant("one"), tenant("other"));
        let today = Timestamp(5 * DAY + 7);
        assert_eq!(allowances.budget(&one, today).left(), PER_RUN);
        let nearly = Usage { requests: PER_DAY.requests - 3, bytes: PER_DAY.bytes - 100 };
        allowances.spend(&one, nearly, today);
        assert_eq!(allowances.budget(&one, today).left(), Usage { requests: 3, bytes: 100 });
        allowances.spend(&one, Usage { requests: 3, bytes: 200 }, today);
        assert_eq!(allowances.budget(&one, today).left(), Usage::default());
        assert_eq!(allowances.budget(&other, today).left(), PER_RUN);
        // The next day begins anew.
        let tomorrow = Timestamp(6 * DAY);
        assert_eq!(allowances.budget(&one, tomorrow).left(), PER_RUN);
        allowances.spend(&one, Usage { requests: 1, bytes: 1 }, tomorrow);
        assert_eq!(allowances.budget(&one, tomorrow).left(), PER_RUN);
    }

    fn tenant(id: &str) -> TenantId {
        id.parse().unwrap()
    }
}
