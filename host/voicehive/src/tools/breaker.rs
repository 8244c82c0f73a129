//! Keeps callers from waiting for a version that is broken.
//!
//! A version that keeps trapping or running out of time is not run for a while: the model is told at once, instead of after
//! the tool's whole time. Going back to an earlier version is another's decision, and takes longer.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use store::TenantId;
use turn::{Breaker, BreakerConfig};

use super::lru::{Lru, Room};

/// How many versions are watched at once; of one that is forgotten nothing is known.
const WATCHED: usize = 4096;

/// A version as it runs for one tenant. Another tenant's trouble with the same bytes may be of that tenant's own making.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Watched {
    /// For whom it runs.
    pub tenant: TenantId,
    /// The digest of its bytes.
    pub digest: Arc<str>,
}

/// How a run ended, as far as it says something of the version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// It answered, be it with a refusal.
    Well,
    /// It broke, or was out of time.
    Badly,
    /// It did not begin, it was kept waiting, or nobody waited for its end.
    Unknown,
}

/// The breakers of all versions.
#[derive(Debug)]
pub struct Breakers {
    versions: Mutex<Lru<Watched, Breaker>>,
}

impl Default for Breakers {
    fn default() -> Self {
        Self { versions: Mutex::new(Lru::new(Room { entries: WATCHED, weight: usize::MAX })) }
    }
}

impl Breakers {
    /// Lets a run begin, unless the version is to be spared. `now` is any time that only grows.
    pub fn enter(self: &Arc<Self>, version: &Watched, now: Duration) -> Option<Entered> {
        let mut versions = self.lock();
        if let Some(breaker) = versions.get(version)
            && !breaker.permits(now)
        {
            return None;
        }
        Some(Entered { breakers: self.clone(), version: version.clone(), at: now, ended: false })
    }

    fn end(&self, version: &Watched, ended: Ended, now: Duration) {
        let mut versions = self.lock();
        if versions.get(version).is_none() {
            // Most versions never fail, and need no breaker.
            if ended != Ended::Badly {
                return;
            }
            versions.put(version.clone(), Breaker::new(config(), seed(version)), 1);
        }
        let Some(breaker) = versions.get(version) else { return };
        match ended {
            Ended::Well => breaker.succeeded(now),
            Ended::Badly => breaker.failed(now),
            Ended::Unknown => breaker.abandoned(now),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Lru<Watched, Breaker>> {
        self.versions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A run that was let through.
#[derive(Debug)]
pub struct Entered {
    breakers: Arc<Breakers>,
    version: Watched,
    at: Duration,
    ended: bool,
}

impl Entered {
    /// Says how it ended.
    pub fn end(mut self, ended: Ended, now: Duration) {
        self.ended = true;
        self.breakers.end(&self.version, ended, now);
    }
}

impl Drop for Entered {
    /// A run that nobody waits for any more must not keep the version's one probe.
    fn drop(&mut self) {
        if !self.ended {
            self.breakers.end(&self.version, Ended::Unknown, self.at);
        }
    }
}

/// A tool runs far less often than a vendor is asked, and each failure is heard: three in a row are enough.
fn config() -> BreakerConfig {
    BreakerConfig { min_requests: 3, max_requests: 20, ..BreakerConfig::default() }
}

fn seed(version: &Watched) -> u64 {
    version.digest.bytes().fold(0, |seed, byte| seed.wrapping_mul(31).wrapping_add(u64::from(byte)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_that_keeps_failing_is_spared_and_tried_again() {
        let breakers = Arc::new(Breakers::default());
        for second in 0..3 {
            run(&breakers, "a", Ended::Badly, second).unwrap();
        }
        assert_eq!(run(&breakers, "a", Ended::Well, 3), None);
        // After the cool-down one run at a time is let through.
        let probe = breakers.enter(&version("default", "a"), secs(20)).unwrap();
        assert!(breakers.enter(&version("default", "a"), secs(20)).is_none());
        probe.end(Ended::Well, secs(21));
        run(&breakers, "a", Ended::Well, 22).unwrap();
        run(&breakers, "a", Ended::Well, 23).unwrap();
        let two = [24, 24].map(|at| breakers.enter(&version("default", "a"), secs(at)));
        assert!(two.iter().all(Option::is_some), "all runs are let through again");
    }

    #[test]
    fn a_version_of_one_tenant_is_not_judged_by_anothers_or_by_another_version() {
        let breakers = Arc::new(Breakers::default());
        for second in 0..3 {
            run(&breakers, "a", Ended::Badly, second).unwrap();
        }
        assert!(breakers.enter(&version("default", "a"), secs(3)).is_none());
        assert!(breakers.enter(&version("other", "a"), secs(3)).is_some());
        assert!(breakers.enter(&version("default", "b"), secs(3)).is_some());
    }

    #[test]
    fn a_probe_that_nobody_waits_for_makes_room_for_another() {
        let breakers = Arc::new(Breakers::default());
        for second in 0..3 {
            run(&breakers, "a", Ended::Badly, second).unwrap();
        }
        drop(breakers.enter(&version("default", "a"), secs(20)).unwrap());
        assert!(breakers.enter(&version("default", "a"), secs(20)).is_some());
    }

    #[test]
    fn a_version_that_never_fails_takes_no_room() {
        let breakers = Arc::new(Breakers::default());
        for second in 0..9 {
            run(&breakers, "a", Ended::Well, second).unwrap();
        }
        assert!(breakers.lock().get(&version("default", "a")).is_none());
    }

    fn run(breakers: &Arc<Breakers>, digest: &str, ended: Ended, at: u64) -> Option<()> {
        breakers.enter(&version("default", digest), secs(at)).map(|run| run.end(ended, secs(at)))
    }

    fn version(tenant: &str, digest: &str) -> Watched {
        Watched { tenant: tenant.parse().unwrap(), digest: digest.into() }
    }

    fn secs(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }
}
