//! Versions that another gate or engine looked at last go through the gate again.
//!
//! What the platform is to blame for is no verdict: then a version stays what it is, until the next time. A verdict takes a
//! version from its aliases but not its bytes from the disk, for a while: the gate of another release may let it pass again.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use gate::{Code, Refusal};
use sandbox::Tier;
use store::native::ArtifactError;
use store::{Act, GateCheck, Outdated, Timestamp, ToolError, ToolQuota, VersionState};

use super::turns::{Candidate, Turns};
use super::{REVALIDATE, ToolWorker};
use crate::tool_api::{Found, refused_now};

/// A version is refused after as many refusals, where the next one might not come: a machine that is busy may make the gate
/// run out of time.
const TRIES: u32 = 3;

/// After as many versions in a row of which the platform could say nothing, it is not they that something is amiss with.
const FAULTS_MAX: u32 = 3;

/// When a pass goes on that stopped because of that.
pub const AGAIN: Duration = Duration::from_secs(10 * 60);

/// How often in a row it stops with no verdict before it is given up, and the next one begins as always.
const STOPS_MAX: u32 = 6;

/// Who does it, as history has it.
const BY: &str = "voicehive";

/// What tells the time.
pub type Clock<'a> = &'a (dyn Fn() -> Timestamp + Send + Sync);

/// A pass through all versions that need it, which may go on later where it stopped.
#[derive(Default)]
pub struct Revalidation {
    turns: Turns,
    /// How often in a row it stopped with no verdict.
    stops: u32,
}

/// How a pass went on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Went {
    /// How many versions got a verdict.
    pub verdicts: usize,
    /// When to go on, or to begin the next one.
    pub wait: Duration,
}

/// What came of looking at a version.
enum Look {
    /// A verdict, which is noted.
    Verdict,
    /// It is not to be looked at, or not any more.
    Needless,
    /// A refusal that might not come again.
    Refused,
    /// Nothing: the platform is at fault.
    Fault,
}

impl Revalidation {
    /// Puts the versions that need it through the gate, one at a time, and of each tenant one in turn: to the end, which the
    /// next call begins anew after, or until the platform seems to be at fault. One that cannot be looked at is logged, and
    /// keeps none behind it from being looked at.
    ///
    /// # Errors
    /// When the database does not say which need it; then begin with another pass.
    pub async fn go_on(&mut self, worker: &ToolWorker, clock: Clock<'_>) -> anyhow::Result<Went> {
        let (mut verdicts, mut faults) = (0, 0);
        while faults < FAULTS_MAX {
            let Some(mut candidate) = self.turns.next(worker, clock()).await? else {
                *self = Self::default();
                return Ok(Went { verdicts, wait: REVALIDATE });
            };
            match look(worker, &candidate, clock).await {
                Ok(Look::Verdict) => (verdicts, faults) = (verdicts + 1, 0),
                Ok(Look::Needless) => {}
                Ok(Look::Refused) => {
                    faults = 0;
                    candidate.refused += 1;
                    self.turns.refused(candidate);
                }
                Ok(Look::Fault) => {
                    faults += 1;
                    self.turns.unseen(candidate);
                }
                Err(error) => not_looked_at(&candidate.version, &error),
            }
        }
        Ok(Went { verdicts, wait: self.stop(verdicts) })
    }

    /// Says when it goes on, or that it is given up.
    fn stop(&mut self, verdicts: usize) -> Duration {
        self.stops = if verdicts > 0 { 1 } else { self.stops + 1 };
        if self.stops > STOPS_MAX {
            *self = Self::default();
            return REVALIDATE;
        }
        AGAIN
    }
}

fn not_looked_at(version: &Outdated, error: &anyhow::Error) {
    let Outdated { tenant, tool, digest } = version;
    let (tenant, tool, digest) = (tenant.as_str(), tool.as_str(), digest.as_str());
    let error = format!("{error:#}");
    tracing::error!(tenant, tool, digest, error, "a tool could not be put through the gate again");
}

/// Looks at one version again, if it needs it still: it may have waited for long.
async fn look(worker: &ToolWorker, candidate: &Candidate, clock: Clock<'_>) -> anyhow::Result<Look> {
    let Outdated { tenant, tool, digest } = &candidate.version;
    let Some(kept) = worker.store.tool_version(tenant, tool, digest).await? else {
        return Ok(Look::Needless);
    };
    let identity = worker.workshop.identity();
    let is_current = (&kept.check.gate, &kept.check.engine) == (&identity.gate, &identity.engine);
    // What is quarantined is looked at when it is released.
    if is_current || kept.deleted_at.is_some() || kept.state == VersionState::Quarantined {
        return Ok(Look::Needless);
    }
    let was_refused = kept.check.refusal.is_some();
    let before = kept.check.report;
    let tier = before.get("tier").and_then(|tier| tier.as_str()).and_then(|tier| tier.parse().ok());
    let tier = tier.unwrap_or(Tier::Standard);
    let Some(bytes) = read(worker, &candidate.version, tier, was_refused).await? else {
        return Ok(Look::Needless);
    };
    let check = match admit(worker, &bytes, tier).await? {
        Ok(found) => found.check(tier, identity),
        Err(refusal) if refusal.code.is_platform_fault() => {
            let (tenant, tool, digest) = (tenant.as_str(), tool.as_str(), digest.as_str());
            tracing::warn!(tenant, tool, digest, %refusal, "whether a tool passes the gate still is not known; it stays as it is");
            return Ok(Look::Fault);
        }
        Err(refusal) if may_pass_next_time(refusal.code) && candidate.refused + 1 < TRIES => {
            return Ok(Look::Refused);
        }
        Err(refusal) => refused_now(&refusal, &before, identity),
    };
    let is_noted = if was_refused && check.refusal.is_none() {
        accept_again(worker, &candidate.version, bytes, &check, clock()).await?
    } else {
        note(worker, &candidate.version, &check, clock()).await?
    };
    Ok(if is_noted { Look::Verdict } else { Look::Needless })
}

/// Whether the refusal depends on time or load: on limits that a machine which is busy makes narrower, or on a compiler that
/// broke.
fn may_pass_next_time(code: Code) -> bool {
    matches!(
        code,
        Code::CompileTooCostly | Code::CompileFailed | Code::DescribeFailed | Code::DescribeUnstable
    )
}

/// `None` where the bytes are not there: then the version runs nowhere, and whoever uploads them again mends it.
async fn read(
    worker: &ToolWorker,
    outdated: &Outdated,
    tier: Tier,
    was_refused: bool,
) -> anyhow::Result<Option<Arc<Vec<u8>>>> {
    let (artifacts, digest) = (worker.artifacts.clone(), outdated.digest.clone());
    let most = u64::try_from(tier.gate().component_bytes)?;
    match tokio::task::spawn_blocking(move || artifacts.read(&digest, most)).await? {
        Ok(bytes) => Ok(Some(Arc::new(bytes))),
        // Other releases removed them at once.
        Err(ArtifactError::Missing) if was_refused => {
            let digest = outdated.digest.as_str();
            tracing::debug!(digest, "a tool that was refused stays so: its bytes are gone");
            Ok(None)
        }
        Err(error @ (ArtifactError::Missing | ArtifactError::Damaged)) => {
            tracing::error!(digest = outdated.digest.as_str(), %error, "a tool cannot be put through the gate");
            Ok(None)
        }
        Err(error) => Err(error).context("reading a tool"),
    }
}

async fn admit(
    worker: &ToolWorker,
    bytes: &Arc<Vec<u8>>,
    tier: Tier,
) -> anyhow::Result<Result<Found, Refusal>> {
    let (workshop, bytes) = (worker.workshop.clone(), bytes.clone());
    Ok(tokio::task::spawn_blocking(move || workshop.admit(&bytes, tier)).await?)
}

/// Lets a version run again that was refused; says whether it may. The time for which its bytes were kept may be over by
/// now.
async fn accept_again(
    worker: &ToolWorker,
    outdated: &Outdated,
    bytes: Arc<Vec<u8>>,
    check: &GateCheck,
    now: Timestamp,
) -> anyhow::Result<bool> {
    // Nobody removes the bytes as needless between here and the row that needs them.
    let _keeping = worker.keeping.read().await;
    let artifacts = worker.artifacts.clone();
    tokio::task::spawn_blocking(move || artifacts.put(&bytes)).await?.context("keeping a tool")?;
    let is_noted = note(worker, outdated, check, now).await?;
    if is_noted {
        let Outdated { tenant, tool, digest } = outdated;
        let (tenant, tool, digest) = (tenant.as_str(), tool.as_str(), digest.as_str());
        tracing::info!(
            tenant,
            tool,
            digest,
            "a tool that was refused passes the gate, and may be named again"
        );
    }
    Ok(is_noted)
}

/// Says whether what was found is noted.
async fn note(
    worker: &ToolWorker,
    outdated: &Outdated,
    check: &GateCheck,
    now: Timestamp,
) -> anyhow::Result<bool> {
    let Outdated { tenant, tool, digest } = outdated;
    let why = match &check.refusal {
        Some(code) => format!("the gate of this release refuses it: {code}"),
        None => "the gate of this release accepts it".to_owned(),
    };
    let (act, quota) = (Act { by: BY, why: &why, at: now }, ToolQuota::default());
    let noted = worker.store.revalidate_tool_version(tenant, tool, digest, check, &quota, &act).await;
    let (tenant, tool, digest) = (tenant.as_str(), tool.as_str(), digest.as_str());
    match noted {
        Ok(()) => {}
        // It was deleted, uploaded for another tier or quarantined meanwhile.
        Err(ToolError::NoSuchVersion | ToolError::Quarantined) => return Ok(false),
        Err(ToolError::QuotaExceeded(what)) => {
            tracing::info!(
                tenant,
                tool,
                digest,
                what,
                "a tool that was refused passes the gate, but there is no room for it"
            );
            return Ok(false);
        }
        Err(error) => return Err(error.into()),
    }
    if check.refusal.is_some() {
        tracing::warn!(tenant, tool, digest, why, "a tool may not run any more");
    }
    Ok(true)
}
