//! Bytes, claims and counts that nobody needs any more.

use std::time::{Duration, SystemTime};

use anyhow::Context as _;
use store::Timestamp;

use super::ToolWorker;

/// Bytes that are younger may belong to an upload whose version is not kept yet.
const AGE: Duration = Duration::from_secs(60 * 60);

/// How many files are looked at in one sweep.
const FILES_MAX: usize = 100_000;

/// A claim is asked for again within its call, or while its media token holds; neither lasts as long. Results may hold
/// what a caller said.
const CLAIM_AGE: Duration = Duration::from_secs(24 * 60 * 60);

/// How many claims, or counts of runs, go at once: others want to write meanwhile.
const ROWS_MAX: u32 = 1000;

/// How many versions are noted as used at once.
const USES_MAX: u32 = 500;

/// Removes bytes that no version needs, claims that nobody comes back for, and counts of versions that run no more. Returns how
/// many files went. What aliases name is noted as used.
///
/// # Errors
/// When the folder cannot be read, or the database does not say what is needed: then nothing more goes.
pub async fn sweep(worker: &ToolWorker, now: SystemTime) -> anyhow::Result<usize> {
    match forget_claims(worker, Timestamp::from(now)).await {
        Ok(0) => {}
        Ok(claims) => tracing::debug!(claims, "claims of tools and media tokens were forgotten"),
        Err(error) => tracing::warn!(%error, "claims could not be forgotten"),
    }
    match forget_runs(worker, Timestamp::from(now)).await {
        Ok(0) => {}
        Ok(windows) => tracing::debug!(windows, "counts of versions that run no more were forgotten"),
        Err(error) => tracing::warn!(%error, "counts of runs could not be forgotten"),
    }
    if let Err(error) = note_uses(worker, now).await {
        tracing::warn!("that compiled tools are in use could not be noted: {error:#}");
    }
    let artifacts = worker.artifacts.clone();
    let limit = now.checked_sub(AGE).context("the clock is before its beginning")?;
    let listing = tokio::task::spawn_blocking(move || artifacts.older_than(limit, FILES_MAX));
    let mut removed = 0;
    for digest in listing.await?.context("reading the folder of tools")? {
        if worker.store.needs_tool_bytes(&digest, now.into()).await? {
            continue;
        }
        // An upload may have kept the same bytes just now; none does while this is held.
        let _alone = worker.keeping.write().await;
        if !worker.store.needs_tool_bytes(&digest, now.into()).await? {
            worker.artifacts.remove(&digest).with_context(|| format!("removing {digest}"))?;
            worker.workshop.forget(digest.as_str());
            removed += 1;
        }
    }
    Ok(removed)
}

/// Notes that what aliases name is in use. Calls have it from memory; on the disk it would soon be what was not used for longest.
async fn note_uses(worker: &ToolWorker, now: SystemTime) -> anyhow::Result<()> {
    let mut after = None;
    loop {
        let digests = worker.store.aliased_tool_digests(after.as_ref(), USES_MAX).await?;
        let Some(last) = digests.last().cloned() else { return Ok(()) };
        let workshop = worker.workshop.clone();
        tokio::task::spawn_blocking(move || workshop.note_use(&digests, now)).await?;
        after = Some(last);
    }
}

async fn forget_runs(worker: &ToolWorker, now: Timestamp) -> Result<u64, store::StoreError> {
    let mut forgotten = 0;
    loop {
        let windows = worker.store.forget_tool_runs(now, ROWS_MAX).await?;
        forgotten += windows;
        if windows < u64::from(ROWS_MAX) {
            return Ok(forgotten);
        }
    }
}

async fn forget_claims(worker: &ToolWorker, now: Timestamp) -> Result<u64, store::StoreError> {
    let mut forgotten = 0;
    loop {
        let claims = worker.store.forget_claims(now.minus(CLAIM_AGE), ROWS_MAX).await?;
        forgotten += claims;
        if claims < u64::from(ROWS_MAX) {
            return Ok(forgotten);
        }
    }
}
