//! `POST /v1/tools/{tool}/calls`: one run outside of any phone call.
//!
//! It runs under the very limits of a phone call's run, and on the tenant's own records: what it changes is changed.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::response::Response;
use serde::Deserialize;
use serde_json::{Value, json};
use store::{E164, Tenant, ToolAlias, ToolDigest, ToolName, VersionState};

use super::access::Running;
use super::query::{Named, Query};
use super::workshop::Rehearsal;
use super::{Refused, ToolApi, body, found};

/// The most bytes of arguments, as in a call.
const ARGUMENTS_BYTES_MAX: usize = 64 << 10;

/// What is to run, and with what.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    version: Option<ToolDigest>,
    alias: Option<ToolAlias>,
    arguments: Value,
    time_zone: Option<String>,
    caller: Option<E164>,
    #[serde(default)]
    confirmed: bool,
}

/// Runs a version once: 200 with what became of it, also where it failed.
pub async fn call(
    State(api): State<Arc<ToolApi>>,
    asking: Running,
    named: Named,
    query: Query,
    request: Request,
) -> Result<Response, Refused> {
    query.finish()?;
    let (head, body) = request.into_parts();
    let wanted: Wanted = body::read(&head.headers, body).await?;
    let (alias, tool) = (wanted.alias, named.tool);
    let version = match (&wanted.version, alias) {
        (Some(_), Some(_)) => {
            return Err(Refused::Invalid("name a `version` or an `alias`, not both".to_owned()));
        }
        (Some(version), None) => version.clone(),
        (None, alias) => api.named_by(&asking.tenant, &tool, alias.unwrap_or(ToolAlias::Live)).await?,
    };
    let rehearsal = wanted.checked(asking.tenant, tool, version)?;
    api.may_run(&rehearsal).await?;
    let shown = json!({ "tool": rehearsal.tool, "version": rehearsal.version, "records": "own" });
    let mut became = api.workshop.rehearse(rehearsal).await?;
    if let (Some(members), Value::Object(more)) = (became.as_object_mut(), shown) {
        members.extend(more);
    }
    Ok(found(&became))
}

impl Wanted {
    fn checked(self, tenant: Tenant, tool: ToolName, version: ToolDigest) -> Result<Rehearsal, Refused> {
        let invalid = |why: &str| Refused::Invalid(why.to_owned());
        if !self.arguments.is_object() {
            return Err(invalid("`arguments` must be an object"));
        }
        let arguments = self.arguments.to_string();
        if arguments.len() > ARGUMENTS_BYTES_MAX {
            return Err(invalid("`arguments` have at most 64 KiB"));
        }
        let time_zone = self.time_zone.unwrap_or_else(|| tenant.time_zone.clone());
        if jiff::tz::TimeZone::get(&time_zone).is_err() {
            return Err(invalid("`time_zone` must be an IANA time zone like Europe/Madrid"));
        }
        let caller = self.caller.map_or_else(String::new, |caller| caller.as_str().to_owned());
        Ok(Rehearsal { tenant, tool, version, arguments, time_zone, caller, confirmed: self.confirmed })
    }
}

impl ToolApi {
    async fn named_by(&self, tenant: &Tenant, tool: &ToolName, alias: ToolAlias) -> Result<ToolDigest, Refused> {
        let aliases = self.store.tool_aliases(&tenant.id, tool).await?;
        let named = aliases.into_iter().find(|named| named.alias == alias);
        Ok(named.ok_or(Refused::NotFound)?.digest)
    }

    /// Whether the version may run now.
    async fn may_run(&self, rehearsal: &Rehearsal) -> Result<(), Refused> {
        let Rehearsal { tenant, tool, version, .. } = rehearsal;
        let kept = self.store.tool_version(&tenant.id, tool, version).await?;
        match kept.filter(|version| version.deleted_at.is_none()).map(|version| version.state) {
            None => Err(Refused::NotFound),
            Some(VersionState::Accepted) => Ok(()),
            Some(VersionState::Refused) => Err(Refused::VersionRefused),
            Some(VersionState::Quarantined) => Err(Refused::Quarantined),
        }
    }
}
