//! How the runs of versions went, added up until somebody writes it down.
//!
//! Each write to the database waits for those of live calls, so a run is not one: what is added up here is drained once in a
//! while.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use store::{RunError, Runs, TenantId, ToolDigest, ToolName};

/// How many versions are counted between two drains. Runs of more are not: nothing but figures is lost.
const VERSIONS: usize = 4096;

/// How many errors of a version are kept between two drains: the last.
const ERRORS: usize = 10;

/// A version of a tenant's tool.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct UsedVersion {
    /// Whose it is.
    pub tenant: TenantId,
    /// The tool.
    pub tool: ToolName,
    /// The version.
    pub digest: ToolDigest,
}

/// What became of a version's runs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Used {
    /// All of them, added up.
    pub runs: Runs,
    /// The last that went wrong, the newest last.
    pub errors: Vec<RunError>,
}

/// The counters of all versions.
#[derive(Debug, Default)]
pub struct Usage {
    versions: Mutex<BTreeMap<UsedVersion, Used>>,
}

impl Usage {
    /// Counts a run, and keeps what went wrong with it.
    pub fn note(&self, version: &UsedVersion, run: &Runs, error: Option<RunError>) {
        let mut versions = self.versions.lock().unwrap_or_else(PoisonError::into_inner);
        if !versions.contains_key(version) && versions.len() >= VERSIONS {
            return;
        }
        let used = versions.entry(version.clone()).or_default();
        used.runs = used.runs.and(run);
        if let Some(error) = error {
            if used.errors.len() >= ERRORS {
                used.errors.remove(0);
            }
            used.errors.push(error);
        }
    }

    /// Takes what was counted since the last time.
    pub fn drain(&self) -> Vec<(UsedVersion, Used)> {
        let mut versions = self.versions.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut *versions).into_iter().collect()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use store::Timestamp;

    use super::*;

    #[test]
    fn runs_are_added_up_by_version_and_drained_once() {
        let usage = Usage::default();
        let run = Runs::one(Duration::from_millis(2), Duration::from_millis(20));
        let trapped = Runs { traps: 1, ..run };
        usage.note(&version(b"a"), &run, None);
        usage.note(&version(b"a"), &trapped, Some(error(1)));
        usage.note(&version(b"b"), &run, None);
        let mut drained: BTreeMap<_, _> = usage.drain().into_iter().collect();
        assert_eq!(drained.len(), 2);
        let first = drained.remove(&version(b"a")).unwrap();
        assert_eq!((first.runs.calls, first.runs.traps, first.runs.cpu), (2, 1, Duration::from_millis(4)));
        assert_eq!(first.errors, [error(1)]);
        assert_eq!(usage.drain(), []);
    }

    #[test]
    fn the_last_errors_are_kept() {
        let usage = Usage::default();
        for at in 0..25 {
            usage.note(&version(b"a"), &Runs::default(), Some(error(at)));
        }
        let kept: Vec<i64> = usage.drain().remove(0).1.errors.iter().map(|error| error.at.0).collect();
        assert_eq!(kept, (15..25).collect::<Vec<_>>());
    }

    #[test]
    fn more_versions_than_there_is_room_for_are_not_counted() {
        let usage = Usage::default();
        for number in 0..=VERSIONS {
            usage.note(&version(&number.to_be_bytes()), &Runs::default(), None);
        }
        // One that is counted already still is.
        usage.note(&version(&0_usize.to_be_bytes()), &Runs::one(Duration::ZERO, Duration::ZERO), None);
        let drained: BTreeMap<_, _> = usage.drain().into_iter().collect();
        assert_eq!(drained.len(), VERSIONS);
        assert_eq!(drained[&version(&0_usize.to_be_bytes())].runs.calls, 1);
    }

    fn version(bytes: &[u8]) -> UsedVersion {
        UsedVersion {
            tenant: "default".parse().unwrap(),
            tool: "prices".parse().unwrap(),
            digest: ToolDigest::of(bytes),
        }
    }

    fn error(at: i64) -> RunError {
        RunError {
            digest: ToolDigest::of(b"a"),
            call: "call".parse().unwrap(),
            at: Timestamp(at),
            code: "trap".into(),
            detail: "unreachable".into(),
        }
    }
}
