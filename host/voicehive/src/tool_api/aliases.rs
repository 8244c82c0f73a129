//! Which version calls get: from the next call on, never within one.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::response::Response;
use serde::Deserialize;
use serde_json::{Value, json};
use store::{RolledBack, TenantId, ToolAlias, ToolDigest, ToolName};

use super::access::Changing;
use super::query::{Named, Query};
use super::upload::CANARY_SHARE;
use super::versions::why;
use super::{Refused, ToolApi, body, done, found, shown};

/// What an alias is to name.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Switch {
    version: ToolDigest,
    share: Option<u32>,
    #[serde(default)]
    why: String,
}

/// What is to go back.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct GoBack {
    alias: ToolAlias,
    from: Option<ToolDigest>,
    #[serde(default)]
    why: String,
}

/// `PUT /v1/tools/{tool}/aliases/{alias}` with `{version, share?, why?}`
pub async fn switch(
    State(api): State<Arc<ToolApi>>,
    asking: Changing,
    named: Named,
    query: Query,
    request: Request,
) -> Result<Response, Refused> {
    query.finish()?;
    let alias = named.alias()?;
    let Switch { version, share, why } = body::read(request).await?;
    let share = match (alias, share) {
        (ToolAlias::Canary, share) => share.unwrap_or(CANARY_SHARE),
        (ToolAlias::Live, None | Some(100)) => 100,
        (ToolAlias::Live, Some(_)) => return Err(Refused::Invalid("only a canary has a `share`".to_owned())),
    };
    let act = asking.act(&why);
    let to = (alias, share);
    api.store.switch_tool(&asking.tenant, &named.tool, to, &version, &act).await?;
    Ok(found(&api.named(&asking.tenant, &named.tool).await?))
}

/// `DELETE /v1/tools/{tool}/aliases/{alias}`
pub async fn clear(
    State(api): State<Arc<ToolApi>>,
    asking: Changing,
    named: Named,
    query: Query,
) -> Result<Response, Refused> {
    let why = why(query)?;
    let act = asking.act(&why);
    match api.store.clear_tool_alias(&asking.tenant, &named.tool, named.alias()?, &act).await? {
        true => Ok(done()),
        false => Err(Refused::NotFound),
    }
}

/// `POST /v1/tools/{tool}/rollback` with `{alias, from?, why?}`: `from` is the version that the client saw the alias name.
pub async fn roll_back(
    State(api): State<Arc<ToolApi>>,
    asking: Changing,
    named: Named,
    query: Query,
    request: Request,
) -> Result<Response, Refused> {
    query.finish()?;
    let GoBack { alias, from, why } = body::read(request).await?;
    let (store, tenant, tool) = (&api.store, &asking.tenant, &named.tool);
    let from = match from {
        Some(from) => from,
        None => {
            let aliases = store.tool_aliases(tenant, tool).await?;
            let named = aliases.into_iter().find(|named| named.alias == alias);
            named.ok_or(Refused::NotFound)?.digest
        }
    };
    let act = asking.act(&why);
    match store.roll_back_tool(tenant, tool, alias, &from, false, &act).await? {
        RolledBack::To(version) => {
            let mut shown = api.named(tenant, tool).await?;
            if let Some(members) = shown.as_object_mut() {
                members.insert("alias".to_owned(), json!(alias));
                members.insert("version".to_owned(), json!(version));
            }
            Ok(found(&shown))
        }
        RolledBack::Other(None) => Err(Refused::NotFound),
        RolledBack::Other(version) => Err(Refused::AliasMoved(version)),
        RolledBack::NothingEarlier => Err(Refused::NothingEarlier),
    }
}

impl ToolApi {
    /// What a tool's aliases name.
    async fn named(&self, tenant: &TenantId, tool: &ToolName) -> Result<Value, Refused> {
        let aliases = self.store.tool_aliases(tenant, tool).await?;
        Ok(json!({ "tool": tool, "aliases": shown::list(&aliases, shown::aliased) }))
    }
}
