//! The tools that agents may use, and the runs of them.

mod allowance;
mod answer;
mod breaker;
mod confirmation;
mod host;
mod kept;
mod library;
mod lru;
mod planning;
mod rehearsal;
mod runner;
mod shelf;
mod usage;

use std::sync::Arc;
use std::time::{Duration, Instant};

use sandbox::{Capabilities, Failure, Finished, Reply, RunError, Runtime};
use store::{CallId, Runs, Timestamp};

use breaker::{Breakers, Ended};
use kept::KeptAnswers;

pub use allowance::Allowances;
#[cfg(test)]
pub use confirmation::Wish;
pub use confirmation::{Confirmations, ConfirmationsOfCalls};
pub use host::Services;
pub use library::{ChosenTool, ToolLibrary};
pub use lru::{Lru, Room};
pub use rehearsal::{NotRun, Rehearsal};
pub use runner::{Ran, ToolRunner};
pub use shelf::Full;
pub use usage::{Usage, Used, UsedVersion};

/// What all runs of tools share.
pub struct Tools {
    /// The tools.
    pub library: ToolLibrary,
    /// Where they run.
    pub runtime: Runtime,
    /// What stands behind their imports.
    pub services: Arc<Services>,
    /// How the runs of tenants' versions went, until somebody writes it down.
    pub usage: Arc<Usage>,
    /// What waits for callers' words.
    pub confirmations: ConfirmationsOfCalls,
    capabilities: Arc<Capabilities>,
    breakers: Arc<Breakers>,
    kept: KeptAnswers,
    began: Instant,
}

impl Tools {
    /// Tools of `library`, checked and worded by `capabilities`.
    pub fn new(
        library: ToolLibrary,
        runtime: Runtime,
        services: Services,
        capabilities: Arc<Capabilities>,
    ) -> Self {
        Self {
            library,
            runtime,
            services: Arc::new(services),
            usage: Arc::default(),
            confirmations: ConfirmationsOfCalls::default(),
            capabilities,
            breakers: Arc::default(),
            kept: KeptAnswers::default(),
            began: Instant::now(),
        }
    }

    /// Counts a run of a tenant's version in a call, unless it says nothing of it.
    pub fn note(&self, version: &UsedVersion, call: &CallId, finished: &Finished) {
        if ended(&finished.outcome) == Ended::Unknown {
            return;
        }
        let (error, spent) = (finished.outcome.as_ref().err(), &finished.spent);
        let mut run = Runs::one(spent.guest, spent.guest + spent.host);
        if let Some(error) = error {
            *counter(&mut run, error) = 1;
        }
        let error = error.map(|error| store::RunError {
            digest: version.digest.clone(),
            call: call.clone(),
            at: Timestamp::now(),
            code: error.code().to_owned(),
            detail: error.to_string(),
        });
        self.usage.note(version, &run, error);
    }

    /// The time by which breakers and kept answers go.
    fn now(&self) -> Duration {
        self.began.elapsed()
    }
}

/// What a run shows of its version. A tool that refuses is well; one that was not begun or was kept waiting shows nothing.
fn ended(outcome: &Result<Result<Reply, Failure>, RunError>) -> Ended {
    match outcome {
        Ok(_) => Ended::Well,
        Err(error) if error.is_tools_fault() => Ended::Badly,
        Err(_) => Ended::Unknown,
    }
}

/// Where a run that went wrong is counted.
fn counter<'a>(run: &'a mut Runs, error: &RunError) -> &'a mut u64 {
    match error {
        RunError::Trap(_) | RunError::MemoryExhausted { .. } | RunError::StackExhausted => &mut run.traps,
        RunError::Timeout(_) | RunError::CpuExhausted(_) | RunError::SchemaTooSlow(_) => &mut run.timeouts,
        _ => &mut run.faults,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_judged_by_what_is_its_own_fault() {
        let well =
            [Ok(Reply::text("Done.")), Err(Failure { kind: "not-found", message: "No order.".into() })];
        for outcome in well {
            assert_eq!(ended(&Ok(outcome)), Ended::Well);
        }
        for (error, expected) in [
            (RunError::Trap("unreachable".into()), Ended::Badly),
            (RunError::Timeout(Duration::from_secs(1)), Ended::Badly),
            (RunError::SchemaTooSlow(Duration::from_secs(1)), Ended::Badly),
            (RunError::BadReply(String::new()), Ended::Badly),
            (RunError::Delayed(Duration::from_secs(1)), Ended::Unknown),
            (RunError::Busy, Ended::Unknown),
            (RunError::OverBudget, Ended::Unknown),
            (RunError::Abandoned, Ended::Unknown),
            (RunError::HostBroke, Ended::Unknown),
        ] {
            assert_eq!(ended(&Err(error.clone())), expected, "{error}");
        }
    }

    #[test]
    fn what_goes_wrong_is_counted_by_kind() {
        let count = |error: RunError| {
            let mut runs = Runs::default();
            *counter(&mut runs, &error) += 1;
            (runs.traps, runs.timeouts, runs.faults)
        };
        assert_eq!(count(RunError::Trap(String::new())), (1, 0, 0));
        assert_eq!(count(RunError::MemoryExhausted { limit: 1 }), (1, 0, 0));
        assert_eq!(count(RunError::CpuExhausted(Duration::ZERO)), (0, 1, 0));
        assert_eq!(count(RunError::SchemaTooSlow(Duration::ZERO)), (0, 1, 0));
        assert_eq!(count(RunError::ResultTooLarge { part: "data", size: 2, limit: 1 }), (0, 0, 1));
    }
}
