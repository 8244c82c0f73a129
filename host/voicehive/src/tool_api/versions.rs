//! Tools and their versions: what there is, and how it goes.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use serde_json::json;
use store::{TenantId, Tool, ToolName, VersionState};

use super::access::{Changing, Reading};
use super::leftovers::to_its_end;
use super::query::{Named, Query};
use super::{Refused, ToolApi, done, found, shown};

/// The longest list of versions, refused ones included.
const VERSIONS_MAX: u32 = 250;

/// `GET /v1/tools`
pub async fn tools(
    State(api): State<Arc<ToolApi>>,
    asking: Reading,
    query: Query,
) -> Result<Response, Refused> {
    query.finish()?;
    let mut items = Vec::new();
    for tool in api.store.tools(&asking.tenant).await? {
        let aliases = api.store.tool_aliases(&asking.tenant, &tool.name).await?;
        items.push(shown::tool(&tool, &aliases));
    }
    Ok(found(&json!({ "items": items })))
}

/// `GET /v1/tools/{tool}`: with what the version that calls get says of itself.
pub async fn tool(
    State(api): State<Arc<ToolApi>>,
    asking: Reading,
    named: Named,
    query: Query,
) -> Result<Response, Refused> {
    query.finish()?;
    let tool = api.tool(&asking.tenant, &named.tool).await?;
    let aliases = api.store.tool_aliases(&asking.tenant, &tool.name).await?;
    let mut definition = None;
    if let Some(first) = aliases.first() {
        let version = api.store.tool_version(&asking.tenant, &tool.name, &first.digest).await?;
        definition = version.and_then(|version| version.check.report.get("definition").cloned());
    }
    let mut shown = shown::tool(&tool, &aliases);
    if let Some(members) = shown.as_object_mut() {
        members.insert("definition".to_owned(), definition.unwrap_or_default());
    }
    Ok(found(&shown))
}

/// `DELETE /v1/tools/{tool}`: with its versions, aliases and secrets; what was done to it stays known.
pub async fn delete_tool(
    State(api): State<Arc<ToolApi>>,
    asking: Changing,
    named: Named,
    query: Query,
) -> Result<Response, Refused> {
    let why = why(query)?;
    to_its_end(async move {
        let act = asking.act(&why);
        let versions = api.store.tool_versions(&asking.tenant, &named.tool, VERSIONS_MAX).await?;
        api.store.delete_tool(&asking.tenant, &named.tool, &act).await?;
        api.lines.forget(&asking.tenant, &named.tool);
        for version in &versions {
            // Of what was refused when it was uploaded there are no bytes.
            if version.state != VersionState::Refused || version.checked_at > version.uploaded_at {
                api.forget_unless_needed(&version.digest, asking.now).await;
            }
        }
        Ok(done())
    })
    .await
}

/// `GET /v1/tools/{tool}/versions`: the newest first.
pub async fn list(
    State(api): State<Arc<ToolApi>>,
    asking: Reading,
    named: Named,
    mut query: Query,
) -> Result<Response, Refused> {
    let limit = query.number("limit", 1..=VERSIONS_MAX, VERSIONS_MAX)?;
    query.finish()?;
    let tool = api.tool(&asking.tenant, &named.tool).await?.name;
    let versions = api.store.tool_versions(&asking.tenant, &tool, limit).await?;
    let aliases = api.store.tool_aliases(&asking.tenant, &tool).await?;
    let items = shown::list(&versions, |version| shown::version(&tool, version, &aliases));
    Ok(found(&json!({ "items": items })))
}

/// `GET /v1/tools/{tool}/versions/{digest}`: a deleted one, too.
pub async fn one(
    State(api): State<Arc<ToolApi>>,
    asking: Reading,
    named: Named,
    query: Query,
) -> Result<Response, Refused> {
    query.finish()?;
    let (tenant, tool) = (&asking.tenant, &named.tool);
    let version = api.store.tool_version(tenant, tool, &named.version()?).await?;
    let version = version.ok_or(Refused::NotFound)?;
    let aliases = api.store.tool_aliases(tenant, tool).await?;
    Ok(found(&shown::whole_version(tool, &version, &aliases)))
}

/// `DELETE /v1/tools/{tool}/versions/{digest}`: one that no alias names.
pub async fn delete(
    State(api): State<Arc<ToolApi>>,
    asking: Changing,
    named: Named,
    query: Query,
) -> Result<Response, Refused> {
    let (why, version) = (why(query)?, named.version()?);
    to_its_end(async move {
        let act = asking.act(&why);
        api.store.delete_tool_version(&asking.tenant, &named.tool, &version, &act).await?;
        // It does not count as the tenant's any more, so it must not stay on the disk either.
        api.forget_unless_needed(&version, asking.now).await;
        Ok(done())
    })
    .await
}

/// The reason that history keeps.
pub fn why(mut query: Query) -> Result<String, Refused> {
    let why = query.take("why", "a text")?;
    query.finish()?;
    Ok(why.unwrap_or_default())
}

impl ToolApi {
    /// The tenant's tool of this name.
    pub(super) async fn tool(&self, tenant: &TenantId, name: &ToolName) -> Result<Tool, Refused> {
        let tools = self.store.tools(tenant).await?;
        tools.into_iter().find(|tool| tool.name == *name).ok_or(Refused::NotFound)
    }
}
