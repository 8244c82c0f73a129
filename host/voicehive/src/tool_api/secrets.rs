//! Secrets of a tool: set by its tenant, sent by the host, shown to nobody.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::response::Response;
use serde::Deserialize;
use serde_json::json;
use store::{TenantId, ToolName, ToolQuota};

use super::access::{Changing, Reading};
use super::query::{Named, Query};
use super::versions::why;
use super::{Refused, ToolApi, body, done, found, shown};
use crate::config::Secret;
use crate::tool_secrets::{KnownSecret, Place, known_secrets};

/// The most secrets of a tool: as many as a request can name.
const SECRETS_MAX: u32 = 32;

/// A secret as it is set.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Given {
    host: String,
    value: String,
}

/// `GET /v1/tools/{tool}/secrets`: without their values.
pub async fn list(
    State(api): State<Arc<ToolApi>>,
    asking: Reading,
    named: Named,
    query: Query,
) -> Result<Response, Refused> {
    query.finish()?;
    let tool = api.tool(&asking.tenant, &named.tool).await?.name;
    let known = api.known_secrets(&asking.tenant, &tool).await?;
    Ok(found(&json!({ "items": shown::list(&known, shown::secret) })))
}

/// `PUT /v1/tools/{tool}/secrets/{name}` with `{host, value}`: the tool names it by a handle, and the host puts the value into
/// header fields of requests to that host, and of no others.
pub async fn set(
    State(api): State<Arc<ToolApi>>,
    asking: Changing,
    named: Named,
    query: Query,
    request: Request,
) -> Result<Response, Refused> {
    query.finish()?;
    let Given { host, value } = body::read(request).await?;
    let value = Secret::new(value);
    let invalid = |why: String| Refused::Invalid(why);
    let host = egress::Host::parse(&host).map_err(|error| invalid(format!("`host`: {error}")))?;
    let name = named.secret()?;
    egress::Secret::new(&name, host.clone(), value.expose()).map_err(|error| invalid(error.to_string()))?;
    let place = Place { tenant: &asking.tenant, tool: &named.tool, name: &name };
    let host = host.to_string();
    let sealed = api.keys.seal(place, &host, value.expose())?;
    let act = asking.act("");
    let quota = ToolQuota { secrets: SECRETS_MAX, ..ToolQuota::default() };
    api.store.set_tool_secret(&asking.tenant, &named.tool, (&name, &host, &sealed), &quota, &act).await?;
    let set = KnownSecret { name, host, set_by: asking.by, set_at: asking.now };
    Ok(found(&shown::secret(&set)))
}

/// `DELETE /v1/tools/{tool}/secrets/{name}?why=`
pub async fn remove(
    State(api): State<Arc<ToolApi>>,
    asking: Changing,
    named: Named,
    query: Query,
) -> Result<Response, Refused> {
    let (why, name) = (why(query)?, named.secret()?);
    match api.store.remove_tool_secret(&asking.tenant, &named.tool, &name, &asking.act(&why)).await? {
        true => Ok(done()),
        false => Err(Refused::NotFound),
    }
}

impl ToolApi {
    async fn known_secrets(&self, tenant: &TenantId, tool: &ToolName) -> Result<Vec<KnownSecret>, Refused> {
        known_secrets(&self.store, tenant, tool).await.map_err(|error| {
            tracing::error!(%error, "a tool's secrets cannot be listed");
            Refused::Internal
        })
    }
}
