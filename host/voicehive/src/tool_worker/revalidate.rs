//! Versions that another gate or engine looked at last go through the gate again.

use std::time::Duration;

use anyhow::Context as _;
use gate::Refusal;
use sandbox::Tier;
use store::native::ArtifactError;
use store::{Act, GateCheck, Outdated, Timestamp, ToolError};
use tokio::time::sleep;

use super::ToolWorker;
use crate::tool_api::{Found, refused_now};

/// How many versions are asked for at once.
const PAGE: u32 = 50;

/// A version is refused after as many refusals: a machine that is busy may make the gate run out of time.
const TRIES: u32 = 3;

/// Between two of them.
const PAUSE: Duration = Duration::from_secs(10);

/// Who does it, as history has it.
const BY: &str = "voicehive";

/// Puts every version that needs it through the gate, one at a time. Returns how many did; one that cannot be looked at is
/// logged, and keeps none behind it from being looked at.
///
/// # Errors
/// When the database does not say which need it.
pub async fn revalidate(worker: &ToolWorker) -> anyhow::Result<usize> {
    let identity = worker.workshop.identity();
    let (mut after, mut done) = (None, 0);
    loop {
        let page =
            worker.store.outdated_tool_versions(&identity.gate, &identity.engine, after.as_ref(), PAGE);
        let page = page.await?;
        let Some(last) = page.last() else { return Ok(done) };
        for version in &page {
            match one(worker, version).await {
                Ok(looked_at) => done += usize::from(looked_at),
                Err(error) => {
                    let Outdated { tenant, tool, digest } = version;
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
        after = Some(last.clone());
    }
}

/// Looks at one version again; says whether it could.
async fn one(worker: &ToolWorker, outdated: &Outdated) -> anyhow::Result<bool> {
    let Outdated { tenant, tool, digest } = outdated;
    let Some(kept) = worker.store.tool_version(tenant, tool, digest).await? else { return Ok(false) };
    let before = kept.check.report;
    let tier = before.get("tier").and_then(|tier| tier.as_str()).and_then(|tier| tier.parse().ok());
    let tier = tier.unwrap_or(Tier::Standard);
    let identity = worker.workshop.identity();
    let check = match admit(worker, outdated, tier).await? {
        Some(Ok(found)) => found.check(tier, identity),
        Some(Err(refusal)) if refusal.code.is_platform_fault() => {
            tracing::warn!(digest = digest.as_str(), %refusal, "a tool could not be put through the gate again");
            return Ok(false);
        }
        Some(Err(refusal)) => refused_now(&refusal, &before, identity),
        None => return Ok(false),
    };
    note(worker, outdated, &check).await?;
    Ok(true)
}

/// `None` where the bytes are not there: then the version runs nowhere, and whoever uploads them again mends it.
async fn admit(
    worker: &ToolWorker,
    outdated: &Outdated,
    tier: Tier,
) -> anyhow::Result<Option<Result<Found, Refusal>>> {
    let (artifacts, digest) = (worker.artifacts.clone(), outdated.digest.clone());
    let most = u64::try_from(tier.gate().component_bytes)?;
    let read = tokio::task::spawn_blocking(move || artifacts.read(&digest, most)).await?;
    let bytes = match read {
        Ok(bytes) => std::sync::Arc::new(bytes),
        Err(error @ (ArtifactError::Missing | ArtifactError::Damaged)) => {
            tracing::error!(digest = outdated.digest.as_str(), %error, "a tool cannot be put through the gate");
            return Ok(None);
        }
        Err(error) => return Err(error).context("reading a tool"),
    };
    let mut tries = 1;
    loop {
        let (workshop, bytes) = (worker.workshop.clone(), bytes.clone());
        let admitted = tokio::task::spawn_blocking(move || workshop.admit(&bytes, tier)).await?;
        if admitted.is_ok() || tries >= TRIES {
            return Ok(Some(admitted));
        }
        tries += 1;
        sleep(PAUSE).await;
    }
}

async fn note(worker: &ToolWorker, outdated: &Outdated, check: &GateCheck) -> anyhow::Result<()> {
    let Outdated { tenant, tool, digest } = outdated;
    let why = match &check.refusal {
        Some(code) => format!("the gate of this release refuses it: {code}"),
        None => String::new(),
    };
    let act = Act { by: BY, why: &why, at: Timestamp::now() };
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
