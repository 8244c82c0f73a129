//! Which version is looked at next: tenants take turns, and what has to be looked at once more waits until all had one.

use std::collections::VecDeque;
use std::time::Duration;

use store::{Outdated, StoreError, TenantId, Timestamp};
use tokio::time::{Instant, sleep_until};

use super::ToolWorker;

/// Among how many tenants turns are taken; further ones follow when these have nothing left. They are in memory meanwhile.
const TENANTS_MAX: u32 = 10_000;

/// How many versions wait to be looked at once more. One for which there is no room is left to the next pass.
const WAITING_MAX: usize = 10_000;

/// How long a version rests at least before it is looked at once more.
const PAUSE: Duration = Duration::from_secs(10);

/// A version whose turn it is.
#[derive(Debug)]
pub struct Candidate {
    /// Which it is.
    pub version: Outdated,
    /// How often the gate refused it in this pass.
    pub refused: u32,
}

/// One pass through all versions that another gate or engine looked at last.
#[derive(Default)]
pub struct Turns {
    /// Whose turn it is, and after which version of theirs.
    tenants: VecDeque<(TenantId, Option<Outdated>)>,
    /// The last tenant who was listed.
    last: Option<TenantId>,
    /// Whether there are no tenants after that.
    is_listed: bool,
    /// Versions that the gate refused, and may accept.
    refused: VecDeque<Waiting>,
    /// Versions that could not be looked at. They come last: whatever is amiss with them holds up none of the others.
    unseen: VecDeque<Waiting>,
}

struct Waiting {
    from: Instant,
    candidate: Candidate,
}

impl Turns {
    /// The next version, as outdated as the database knows it at `now`; `None` at the end of the pass. Waits for one that
    /// rests, where there is no other.
    ///
    /// # Errors
    /// When the database fails; then begin anew.
    pub async fn next(
        &mut self,
        worker: &ToolWorker,
        now: Timestamp,
    ) -> Result<Option<Candidate>, StoreError> {
        loop {
            if let Some(version) = self.first_look(worker, now).await? {
                return Ok(Some(Candidate { version, refused: 0 }));
            }
            if self.is_listed {
                break;
            }
            self.list(worker, now).await?;
        }
        let waiting = self.refused.pop_front().or_else(|| self.unseen.pop_front());
        let Some(Waiting { from, candidate }) = waiting else { return Ok(None) };
        sleep_until(from).await;
        Ok(Some(candidate))
    }

    /// Looks at it once more when all others had their turn.
    pub fn refused(&mut self, candidate: Candidate) {
        if self.has_room(&candidate) {
            self.refused.push_back(Waiting { from: Instant::now() + PAUSE, candidate });
        }
    }

    /// Looks at it once more when nothing else is left.
    pub fn unseen(&mut self, candidate: Candidate) {
        if self.has_room(&candidate) {
            self.unseen.push_back(Waiting { from: Instant::now() + PAUSE, candidate });
        }
    }

    fn has_room(&self, candidate: &Candidate) -> bool {
        let has_room = self.refused.len() + self.unseen.len() < WAITING_MAX;
        if !has_room {
            let Outdated { tenant, tool, digest } = &candidate.version;
            let (tenant, tool, digest) = (tenant.as_str(), tool.as_str(), digest.as_str());
            tracing::debug!(tenant, tool, digest, "a tool waits for the next pass of the gate");
        }
        has_room
    }

    /// A version of the tenant whose turn it is.
    async fn first_look(
        &mut self,
        worker: &ToolWorker,
        now: Timestamp,
    ) -> Result<Option<Outdated>, StoreError> {
        let identity = worker.workshop.identity();
        let by = (identity.gate.as_str(), identity.engine.as_str());
        while let Some((tenant, after)) = self.tenants.pop_front() {
            let found = worker.store.outdated_tool_versions(&tenant, by, now, after.as_ref(), 1).await?;
            if let Some(version) = found.into_iter().next() {
                self.tenants.push_back((tenant, Some(version.clone())));
                return Ok(Some(version));
            }
        }
        Ok(None)
    }

    async fn list(&mut self, worker: &ToolWorker, now: Timestamp) -> Result<(), StoreError> {
        let identity = worker.workshop.identity();
        let (gate, engine, after) = (&identity.gate, &identity.engine, self.last.as_ref());
        let tenants = worker.store.outdated_tool_tenants(gate, engine, now, after, TENANTS_MAX).await?;
        match tenants.last() {
            Some(last) => self.last = Some(last.clone()),
            None => self.is_listed = true,
        }
        self.tenants.extend(tenants.into_iter().map(|tenant| (tenant, None)));
        Ok(())
    }
}
