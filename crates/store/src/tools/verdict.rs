//! Whether a version is to go.

use std::time::Duration;

use super::runs::Runs;

/// From when on a version is to go. Rates are in thousandths of the runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Thresholds {
    /// Of fewer runs nothing follows, unless none of them came to an end.
    pub calls: u64,
    /// So many runs are enough where each of them trapped or was out of time.
    pub hopeless: u64,
    /// More traps than this are too many.
    pub traps: u32,
    /// More timeouts than this are too many.
    pub timeouts: u32,
    /// More traps, timeouts and faults together than this are too many.
    pub failures: u32,
    /// Where given: more than a hundredth of the runs may not take longer.
    pub slowest: Option<Duration>,
}

impl Default for Thresholds {
    /// A caller hears each failure, so one in ten is too many, and three in twenty runs are more than bad luck: of a
    /// version that fails once in a hundred times, so many are seen about once in a thousand times. Three that all
    /// fail are seen once in a million.
    fn default() -> Self {
        Self { calls: 20, hopeless: 3, traps: 100, timeouts: 100, failures: 200, slowest: None }
    }
}

/// Why a version is to go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RollBackReason {
    /// Too many runs trapped.
    #[error("{count} of {calls} runs trapped")]
    Traps {
        /// How many.
        count: u64,
        /// Of how many.
        calls: u64,
    },
    /// Too many runs were out of time.
    #[error("{count} of {calls} runs were out of time")]
    Timeouts {
        /// How many.
        count: u64,
        /// Of how many.
        calls: u64,
    },
    /// Too many runs failed in one way or another.
    #[error("{count} of {calls} runs failed")]
    Failures {
        /// How many.
        count: u64,
        /// Of how many.
        calls: u64,
    },
    /// Too many runs took too long.
    #[error("more than a hundredth of the runs took longer than {} ms", .slowest.as_millis())]
    Slow {
        /// What is too long.
        slowest: Duration,
    },
}

/// What follows from a version's runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// There were too few to tell.
    TooFew,
    /// It may stay.
    Stay,
    /// It is to go.
    RollBack(RollBackReason),
}

impl Thresholds {
    /// What follows from these runs of a version, usually those of the last windows.
    pub fn judge(&self, runs: &Runs) -> Verdict {
        let calls = runs.calls;
        let broken = runs.traps.saturating_add(runs.timeouts);
        let hopeless = calls >= self.hopeless.max(1) && broken >= calls;
        if calls < self.calls.max(1) && !hopeless {
            return Verdict::TooFew;
        }
        let too_many =
            |count: u64, rate: u32| u128::from(count) * 1000 > u128::from(calls) * u128::from(rate);
        let failures = broken.saturating_add(runs.faults);
        if too_many(runs.traps, self.traps) {
            return Verdict::RollBack(RollBackReason::Traps { count: runs.traps, calls });
        }
        if too_many(runs.timeouts, self.timeouts) {
            return Verdict::RollBack(RollBackReason::Timeouts { count: runs.timeouts, calls });
        }
        if too_many(failures, self.failures) {
            return Verdict::RollBack(RollBackReason::Failures { count: failures, calls });
        }
        match self.slowest {
            // As coarse as the counts are: longer than the bound above is longer for certain.
            Some(slowest) if certainly_longer(runs, slowest) => {
                Verdict::RollBack(RollBackReason::Slow { slowest })
            }
            _ => Verdict::Stay,
        }
    }
}

/// Whether more than a hundredth of the runs took longer than `limit`, counting only those that did for certain.
fn certainly_longer(runs: &Runs, limit: Duration) -> bool {
    let at_least = [Duration::ZERO].into_iter().chain(Runs::BOUNDS);
    let longer = at_least.zip(runs.spread).filter(|(bound, _)| *bound >= limit);
    let longer = longer.fold(0_u128, |sum, (_, count)| sum + u128::from(count));
    longer * 100 > u128::from(runs.calls)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn runs(calls: u64, traps: u64, timeouts: u64, faults: u64) -> Runs {
        Runs { calls, traps, timeouts, faults, ..Runs::default() }
    }

    #[test]
    fn a_version_goes_when_more_fails_than_it_may() {
        let judge = |calls, traps, timeouts, faults| {
            Thresholds::default().judge(&runs(calls, traps, timeouts, faults))
        };
        assert_eq!(judge(0, 0, 0, 0), Verdict::TooFew);
        assert_eq!(judge(19, 18, 0, 0), Verdict::TooFew);
        assert_eq!(judge(2, 2, 0, 0), Verdict::TooFew);
        assert_eq!(judge(3, 0, 0, 3), Verdict::TooFew);
        assert_eq!(judge(3, 3, 0, 0), Verdict::RollBack(RollBackReason::Traps { count: 3, calls: 3 }));
        assert_eq!(judge(4, 1, 3, 0), Verdict::RollBack(RollBackReason::Traps { count: 1, calls: 4 }));
        assert_eq!(judge(5, 0, 5, 0), Verdict::RollBack(RollBackReason::Timeouts { count: 5, calls: 5 }));
        assert_eq!(judge(20, 2, 0, 0), Verdict::Stay);
        assert_eq!(judge(20, 3, 0, 0), Verdict::RollBack(RollBackReason::Traps { count: 3, calls: 20 }));
        assert_eq!(judge(20, 0, 3, 0), Verdict::RollBack(RollBackReason::Timeouts { count: 3, calls: 20 }));
        assert_eq!(judge(20, 0, 0, 4), Verdict::Stay);
        assert_eq!(judge(20, 2, 2, 1), Verdict::RollBack(RollBackReason::Failures { count: 5, calls: 20 }));
    }

    #[test]
    fn a_version_goes_when_it_is_slow_if_that_is_asked_for() {
        let quick = Runs::one(Duration::ZERO, Duration::from_millis(5));
        let slow = Runs::one(Duration::ZERO, Duration::from_millis(1500));
        let mixed = |slow_ones: u64| {
            (0..100)
                .fold(Runs::default(), |sum, number| sum.and(if number < slow_ones { &slow } else { &quick }))
        };
        let slowest = Duration::from_secs(1);
        let picky = Thresholds { slowest: Some(slowest), ..Thresholds::default() };
        assert_eq!(picky.judge(&mixed(1)), Verdict::Stay);
        assert_eq!(picky.judge(&mixed(2)), Verdict::RollBack(RollBackReason::Slow { slowest }));
        assert_eq!(Thresholds::default().judge(&mixed(100)), Verdict::Stay);
        // 1500 ms may be more than 2 s for all the counts say, but not for certain.
        let patient = Thresholds { slowest: Some(Duration::from_secs(2)), ..picky };
        assert_eq!(patient.judge(&mixed(100)), Verdict::Stay);
    }

    proptest! {
        #[test]
        fn more_failures_never_save_a_version(
            calls in 1_u64..1000, traps in 0_u64..100, timeouts in 0_u64..100, faults in 0_u64..100, more in 0_u64..100,
        ) {
            let judge = |traps, timeouts, faults| {
                matches!(Thresholds::default().judge(&runs(calls, traps, timeouts, faults)), Verdict::RollBack(_))
            };
            if judge(traps, timeouts, faults) {
                prop_assert!(judge(traps + more, timeouts, faults));
                prop_assert!(judge(traps, timeouts + more, faults));
                prop_assert!(judge(traps, timeouts, faults + more));
            }
        }
    }
}
