//! Versions that another gate or engine looked at last go through the gate again.
//!
//! What the platform is to blame for is no verdict: then a version stays what it is, until the next time. A verdict takes a
//! version from its aliases but not its bytes from the disk, for a while: the gate of another release may let it pass again.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use gate::Refusal;
use sandbox::Tier;
use store::native::ArtifactError;
use store::{Act, GateCheck, Outdated, TenantId, Timestamp, ToolError};
use tokio::time::sleep;

use super::ToolWorker;
use crate::tool_api::{Found, refused_now};

/// How many versions are asked for at once.
const PAGE: u32 = 500;

/// Among how many versions tenants take turns; they are in memory meanwhile.
const BLOCK_MAX: usize = 10_000;

/// A version is refused after as many refusals: a machine that is busy may make the gate run out of time.
const TRIES: u32 = 3;

/// Between two of them.
const PAUSE: Duration = Duration::from_secs(10);

/// Who does it, as history has it.
const BY: &str = "voicehive";

/// What tells the time.
pub type Clock<'a> = &'a (dyn Fn() -> Timestamp + Send + Sync);

/// Puts every version that needs it through the gate, one at a time, and of each tenant one in turn. Returns how many did; one
/// that cannot be looked at is logged, and keeps none behind it from being looked at.
///
/// # Errors
/// When the database does not say which need it.
pub async fn revalidate(worker: &ToolWorker, clock: Clock<'_>) -> anyhow::Result<usize> {
    let (mut after, mut done) = (None, 0);
    loop {
        let block = next(worker, after, clock).await?;
        let Some(last) = block.last().cloned() else { return Ok(done) };
        for version in in_turn(block) {
            match one(worker, &version, clock).await {
                Ok(looked_at) => done += usize::from(looked_at),
                Err(error) => {
                    let Outdated { tenant, tool, digest } = &version;
                    let (tenant, tool, digest) = (tenant.as_str(), tool.as_str(), digest.as_str());
                    tracing::error!(
                        tenant,
                        tool,
                        digest,
                        error = format!("{error:#}"),
                        "a tool could not be put through the gate again"
                    );
                }
            }
        }
        after = Some(last);
    }
}

/// The versions that need it, as many as are looked at in turn, after the one named `after`.
async fn next(
    worker: &ToolWorker,
    mut after: Option<Outdated>,
    clock: Clock<'_>,
) -> anyhow::Result<Vec<Outdated>> {
    let identity = worker.workshop.identity();
    let mut block = Vec::new();
    while block.len() < BLOCK_MAX {
        let (gate, engine) = (&identity.gate, &identity.engine);
        let page = worker.store.outdated_tool_versions(gate, engine, clock(), after.as_ref(), PAGE).await?;
        let Some(last) = page.last() else { break };
        after = Some(last.clone());
        block.extend(page);
    }
    Ok(block)
}

/// One version of each tenant in turn, so that a tenant who has many holds up nobody else. Those of one tenant keep their
/// order.
fn in_turn(versions: Vec<Outdated>) -> Vec<Outdated> {
    let mut taken: BTreeMap<TenantId, usize> = BTreeMap::new();
    let numbered = versions.into_iter().map(|version| {
        let turn = taken.entry(version.tenant.clone()).or_default();
        *turn += 1;
        (*turn, version)
    });
    let mut turns: Vec<_> = numbered.collect();
    turns.sort_by_key(|(turn, _)| *turn);
    turns.into_iter().map(|(_, version)| version).collect()
}

/// Looks at one version again; says whether that came to a verdict.
async fn one(worker: &ToolWorker, outdated: &Outdated, clock: Clock<'_>) -> anyhow::Result<bool> {
    let Outdated { tenant, tool, digest } = outdated;
    let Some(kept) = worker.store.tool_version(tenant, tool, digest).await? else { return Ok(false) };
    let was_refused = kept.check.refusal.is_some();
    let before = kept.check.report;
    let tier = before.get("tier").and_then(|tier| tier.as_str()).and_then(|tier| tier.parse().ok());
    let tier = tier.unwrap_or(Tier::Standard);
    let identity = worker.workshop.identity();
    let Some(bytes) = read(worker, outdated, tier).await? else { return Ok(false) };
    let check = match admit(worker, &bytes, tier).await? {
        Ok(found) => found.check(tier, identity),
        Err(refusal) if refusal.code.is_platform_fault() => {
            let (tenant, tool, digest) = (tenant.as_str(), tool.as_str(), digest.as_str());
            tracing::warn!(tenant, tool, digest, %refusal, "whether a tool passes the gate still is not known; it stays as it is");
            return Ok(false);
        }
        Err(refusal) => refused_now(&refusal, &before, identity),
    };
    if was_refused && check.refusal.is_none() {
        accept_again(worker, outdated, bytes, &check, clock()).await?;
    } else {
        note(worker, outdated, &check, clock()).await?;
    }
    Ok(true)
}

/// `None` where the bytes are not there: then the version runs nowhere, and whoever uploads them again mends it.
async fn read(worker: &ToolWorker, outdated: &Outdated, tier: Tier) -> anyhow::Result<Option<Arc<Vec<u8>>>> {
    let (artifacts, digest) = (worker.artifacts.clone(), outdated.digest.clone());
    let most = u64::try_from(tier.gate().component_bytes)?;
    match tokio::task::spawn_blocking(move || artifacts.read(&digest, most)).await? {
        Ok(bytes) => Ok(Some(Arc::new(bytes))),
        Err(error @ (ArtifactError::Missing | ArtifactError::Damaged)) => {
            tracing::error!(digest = outdated.digest.as_str(), %error, "a tool cannot be put through the gate");
            Ok(None)
        }
        Err(error) => Err(error).context("reading a tool"),
    }
}

/// The last of the gate's answers, of which the first that accepts is one.
async fn admit(
    worker: &ToolWorker,
    bytes: &Arc<Vec<u8>>,
    tier: Tier,
) -> anyhow::Result<Result<Found, Refusal>> {
    let mut tries = 1;
    loop {
        let (workshop, bytes) = (worker.workshop.clone(), bytes.clone());
        let admitted = tokio::task::spawn_blocking(move || workshop.admit(&bytes, tier)).await?;
        if admitted.is_ok() || tries >= TRIES {
            return Ok(admitted);
        }
        tries += 1;
        sleep(PAUSE).await;
    }
}

/// Lets a version run again that was refused. The time for which its bytes were kept may be over by now.
async fn accept_again(
    worker: &ToolWorker,
    outdated: &Outdated,
    bytes: Arc<Vec<u8>>,
    check: &GateCheck,
    now: Timestamp,
) -> anyhow::Result<()> {
    // Nobody removes the bytes as needless between here and the row that needs them.
    let _keeping = worker.keeping.read().await;
    let artifacts = worker.artifacts.clone();
    tokio::task::spawn_blocking(move || artifacts.put(&bytes)).await?.context("keeping a tool")?;
    note(worker, outdated, check, now).await?;
    let Outdated { tenant, tool, digest } = outdated;
    let (tenant, tool, digest) = (tenant.as_str(), tool.as_str(), digest.as_str());
    tracing::info!(tenant, tool, digest, "a tool that was refused passes the gate, and may be named again");
    Ok(())
}

async fn note(
    worker: &ToolWorker,
    outdated: &Outdated,
    check: &GateCheck,
    now: Timestamp,
) -> anyhow::Result<()> {
    let Outdated { tenant, tool, digest } = outdated;
    let why = match &check.refusal {
        Some(code) => format!("the gate of this release refuses it: {code}"),
        None => "the gate of this release accepts it".to_owned(),
    };
    let act = Act { by: BY, why: &why, at: now };
    match worker.store.revalidate_tool_version(tenant, tool, digest, check, &act).await {
        // It was deleted meanwhile.
        Ok(()) | Err(ToolError::NoSuchVersion) => {}
        Err(error) => return Err(error.into()),
    }
    if check.refusal.is_some() {
        let (tenant, tool, digest) = (tenant.as_str(), tool.as_str(), digest.as_str());
        tracing::warn!(tenant, tool, digest, why, "a tool may not run any more");
    }
    Ok(())
}
