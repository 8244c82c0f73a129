//! Counters of runs on their way into the database.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::Arc;

use store::{NativeDb, RunError, Store, Timestamp, ToolError};

use crate::tools::{Usage, Used, UsedVersion};

/// How many versions may wait while the database does not answer. Runs of more are not counted: figures are all that is lost.
const WAITING_MAX: usize = 4096;

/// How many errors of a version may wait: more are not kept anyway.
const ERRORS_MAX: usize = 50;

/// What was counted and is not written down yet.
pub struct Flushing {
    usage: Arc<Usage>,
    waiting: BTreeMap<UsedVersion, Used>,
}

impl Flushing {
    /// Of these counters.
    pub fn new(usage: Arc<Usage>) -> Self {
        Self { usage, waiting: BTreeMap::new() }
    }

    /// Writes down what was counted; what the database does not take waits for the next time. Returns the versions of which
    /// more runs went wrong.
    pub async fn flush(&mut self, store: &Store<NativeDb>, now: Timestamp) -> Vec<UsedVersion> {
        for (version, used) in self.usage.drain() {
            self.add(version, used);
        }
        let mut failed = Vec::new();
        while let Some((version, used)) = self.waiting.pop_first() {
            match write(store, &version, &used, now).await {
                Ok(()) => {
                    let runs = &used.runs;
                    if runs.traps.saturating_add(runs.timeouts).saturating_add(runs.faults) > 0 {
                        failed.push(version);
                    }
                }
                // Its tool is gone.
                Err(ToolError::NoSuchTool) => {}
                Err(error) => {
                    tracing::warn!(%error, "runs of tools could not be counted yet");
                    self.waiting.insert(version, used);
                    break;
                }
            }
        }
        failed
    }

    fn add(&mut self, version: UsedVersion, used: Used) {
        let room = self.waiting.len() < WAITING_MAX;
        match self.waiting.entry(version) {
            Entry::Occupied(waiting) => {
                let waiting = waiting.into_mut();
                waiting.runs = waiting.runs.and(&used.runs);
                waiting.errors.extend(used.errors);
                let too_many = waiting.errors.len().saturating_sub(ERRORS_MAX);
                waiting.errors.drain(..too_many);
            }
            Entry::Vacant(place) if room => drop(place.insert(used)),
            Entry::Vacant(_) => {}
        }
    }
}

async fn write(
    store: &Store<NativeDb>,
    UsedVersion { tenant, tool, digest }: &UsedVersion,
    Used { runs, errors }: &Used,
    now: Timestamp,
) -> Result<(), ToolError> {
    store.add_tool_runs(tenant, tool, digest, runs, now).await?;
    for error in errors {
        // The runs are counted, and must not be counted twice because of a text.
        if let Err(fault) = store.add_tool_error(tenant, tool, error).await {
            let RunError { code, .. } = error;
            tracing::warn!(%fault, code, "an error of a tool could not be kept");
        }
    }
    Ok(())
}
