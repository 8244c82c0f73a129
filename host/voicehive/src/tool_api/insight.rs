//! How a tool's runs went, what it logged, and what was done to it; and which uploads became none.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::response::Response;
use serde_json::json;

use super::access::Reading;
use super::query::{Named, Query};
use super::{Refused, ToolApi, found, shown};

/// The hours for which runs are counted: as long as windows are kept.
const HOURS_MAX: u32 = 24;

/// The longest list of what was done.
const EVENTS_MAX: u32 = 100;

/// The longest list of lines: more are not kept.
const LINES_MAX: u32 = 500;

/// `GET /v1/tools/{tool}/usage?hours=`: the runs in phone calls of each version.
pub async fn usage(
    State(api): State<Arc<ToolApi>>,
    asking: Reading,
    named: Named,
    mut query: Query,
) -> Result<Response, Refused> {
    let hours = query.number("hours", 1..=HOURS_MAX, HOURS_MAX)?;
    query.finish()?;
    let tool = api.tool(&asking.tenant, &named.tool).await?.name;
    let since = asking.now.minus(Duration::from_hours(hours.into()));
    let usage = api.store.tool_usage(&asking.tenant, &tool, since).await?;
    let items = shown::list(&usage, |(version, runs)| shown::runs(version, runs));
    Ok(found(&json!({ "since": since, "items": items })))
}

/// `GET /v1/tools/{tool}/errors`: the last runs in phone calls that went wrong, the newest first.
pub async fn errors(
    State(api): State<Arc<ToolApi>>,
    asking: Reading,
    named: Named,
    query: Query,
) -> Result<Response, Refused> {
    query.finish()?;
    let tool = api.tool(&asking.tenant, &named.tool).await?.name;
    let errors = api.store.tool_errors(&asking.tenant, &tool).await?;
    Ok(found(&json!({ "items": shown::list(&errors, shown::error) })))
}

/// `GET /v1/tool-refusals`: the tenant's last uploads that were refused, the newest first.
pub async fn refusals(
    State(api): State<Arc<ToolApi>>,
    asking: Reading,
    query: Query,
) -> Result<Response, Refused> {
    query.finish()?;
    let refusals = api.store.tool_refusals(&asking.tenant).await?;
    Ok(found(&json!({ "items": shown::list(&refusals, shown::refused_upload) })))
}

/// `GET /v1/tools/{tool}/history?before=&limit=`: what was done, the newest first; of a deleted tool, too.
pub async fn history(
    State(api): State<Arc<ToolApi>>,
    asking: Reading,
    named: Named,
    mut query: Query,
) -> Result<Response, Refused> {
    let limit = query.number("limit", 1..=EVENTS_MAX, EVENTS_MAX)?;
    let before: Option<u64> = query.take("before", "the `seq` of an event")?;
    query.finish()?;
    let events = api.store.tool_history(&asking.tenant, &named.tool, before, limit).await?;
    if events.is_empty() && before.is_none() {
        return Err(Refused::NotFound);
    }
    // The first event of all has the number 1.
    let next = events.last().map(|event| event.seq).filter(|seq| *seq > 1);
    Ok(found(&json!({ "items": shown::list(&events, shown::event), "next_before": next })))
}

/// `GET /v1/tools/{tool}/logs?after=&limit=`: what the tool logged last in this process, the oldest first.
pub async fn logs(
    State(api): State<Arc<ToolApi>>,
    asking: Reading,
    named: Named,
    mut query: Query,
) -> Result<Response, Refused> {
    let limit = query.number("limit", 1..=LINES_MAX, LINES_MAX)?;
    let after: u64 = query.take("after", "the `next` of an earlier answer")?.unwrap_or_default();
    query.finish()?;
    let tool = api.tool(&asking.tenant, &named.tool).await?.name;
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let lines = api.lines.after(&asking.tenant, &tool, after, limit);
    let next = lines.last().map_or(after, |line| line.seq);
    Ok(found(&json!({ "items": lines, "next": next })))
}
