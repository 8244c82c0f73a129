//! One run of a tenant's version outside of any phone call.
//!
//! It goes through the same checks, runtime and host as a run in a call. It counts for nothing: neither breakers nor windows
//! know of it, and no answer is kept.

use std::sync::Arc;

use sandbox::platform::tool_calls::{Audience, Outcome, Request};
use sandbox::{Context, Finished, Run, Tool};
use store::{Timestamp, ToolDigest, ToolName};
use uuid::Uuid;

use super::Tools;
use super::host::{self, TenantHost};
use super::planning::Unplanned;
use super::shelf::Full;

/// A run to try a version out.
#[derive(Clone, Debug)]
pub struct Rehearsal {
    /// Whose tool it is.
    pub tenant: store::Tenant,
    /// The tool.
    pub tool: ToolName,
    /// The version that runs.
    pub version: ToolDigest,
    /// Its arguments, JSON.
    pub arguments: String,
    /// The IANA time zone that it is told.
    pub time_zone: String,
    /// The caller's number, or empty.
    pub caller: String,
    /// Whether the caller is said to have confirmed.
    pub confirmed: bool,
}

/// Why nothing ran.
#[derive(Debug, thiserror::Error)]
pub enum NotRun {
    /// The version cannot be loaded.
    #[error("the version cannot be loaded")]
    Version(#[source] anyhow::Error),
    /// The tools in use leave no memory for the version.
    #[error("the version cannot be loaded now")]
    NoRoom(#[source] Full),
    /// The arguments are not what the tool takes; the text says what a model would be told.
    #[error("{0}")]
    Arguments(String),
    /// What checks arguments does not answer.
    #[error("a tool call cannot be planned")]
    Planning(#[source] sandbox::CallError),
}

/// Why a version was not loaded.
fn not_loaded(error: anyhow::Error) -> NotRun {
    error.downcast().map_or_else(NotRun::Version, NotRun::NoRoom)
}

impl Tools {
    /// Runs a version once.
    ///
    /// # Errors
    /// When it cannot begin. What became of a run that did is in [`Finished`].
    pub async fn rehearse(&self, rehearsal: &Rehearsal) -> Result<Finished, NotRun> {
        let Rehearsal { tenant, tool: name, version, .. } = rehearsal;
        let tool = self.library.version(&tenant.id, name, version).await.map_err(not_loaded)?;
        let id = format!("rehearsal-{}", Uuid::new_v4());
        let arguments = match self.checked_arguments(&tool, rehearsal, &id).await? {
            Ok(arguments) => arguments,
            Err(finished) => return Ok(*finished),
        };
        let definition = tool.definition();
        let whose = host::Run {
            tenant: tenant.id.clone(),
            call: id.clone(),
            name: definition.name.as_str().into(),
            version: Some((name.clone(), version.clone())),
            hosts: definition.hosts.clone(),
        };
        let context = Context {
            tenant: tenant.id.to_string(),
            call_id: id.clone(),
            caller: rehearsal.caller.clone(),
            idempotency_key: id,
            time_zone: rehearsal.time_zone.clone(),
            confirmed: rehearsal.confirmed,
            now_ms: u64::try_from(Timestamp::now().0).unwrap_or_default(),
        };
        let timeout = definition.timeout;
        let host = Arc::new(TenantHost::new(self.services.clone(), whose));
        Ok(self.runtime.run(Run { tool, context, arguments, host, timeout }).await)
    }

    /// The arguments as a call would give them to the tool, or how it ended before there were any.
    async fn checked_arguments(
        &self,
        tool: &Tool,
        rehearsal: &Rehearsal,
        id: &str,
    ) -> Result<Result<String, Box<Finished>>, NotRun> {
        let request = Request {
            call_id: id.to_owned(),
            turn: 0,
            tool_call_id: id.to_owned(),
            name: tool.definition().name.clone(),
            arguments: rehearsal.arguments.clone(),
        };
        match self.plan(&rehearsal.tenant.id, request, vec![tool.clone()]).await {
            Ok(Ok(plan)) => Ok(Ok(plan.arguments)),
            Err(Unplanned::Ended(finished)) => Ok(Err(finished)),
            Err(Unplanned::Broken(error)) => Err(NotRun::Planning(error)),
            Ok(Err(refusal)) => {
                let told = self.capabilities.shape_outcome(&Outcome::Refused(refusal), Audience::Model);
                Err(NotRun::Arguments(told.map_err(NotRun::Planning)?))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use anyhow::Context as _;

    use super::*;

    #[test]
    fn a_version_that_has_no_room_is_told_from_one_that_is_broken() {
        let full = Err::<(), _>(Full::Tenant).context("loading a tool");
        assert!(matches!(not_loaded(full.unwrap_err()), NotRun::NoRoom(Full::Tenant)));
        assert!(matches!(not_loaded(anyhow::anyhow!("it is broken")), NotRun::Version(_)));
    }
}
