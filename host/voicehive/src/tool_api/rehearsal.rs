//! `POST /v1/tools/{tool}/calls`: one run outside of any phone call.
//!
//! It runs under the very limits of a phone call's run, and on the tenant's own records: what it changes is changed.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::response::Response;
use sandbox::{Answer, Finished, Reply, RunError, RuntimeLimits, Spent};
use serde::Deserialize;
use serde_json::{Value, json};
use store::{E164, Tenant, ToolAlias, ToolDigest, ToolName, VersionState};

use super::access::Running;
use super::query::{Named, Query};
use super::{Refused, ToolApi, body, found};
use crate::tools::Rehearsal;

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
    let wanted: Wanted = body::read(request).await?;
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
    let ran = json!({ "tool": rehearsal.tool, "version": rehearsal.version, "records": "own" });
    let finished = api.workshop.rehearse(rehearsal).await?;
    match not_begun(&finished) {
        Some(refused) => Err(refused),
        None => Ok(found(&became(ran, &finished))),
    }
}

/// Why a run did not begin that may do so another time.
fn not_begun(finished: &Finished) -> Option<Refused> {
    match finished.outcome {
        Err(RunError::Busy) => Some(Refused::Busy),
        // How much of the window is over is not told; after a whole one it is for certain.
        Err(RunError::OverBudget) => {
            Some(Refused::OverBudget { retry_after: RuntimeLimits::default().window })
        }
        _ => None,
    }
}

/// Adds to `ran` what became of the run.
fn became(mut ran: Value, finished: &Finished) -> Value {
    let (outcome, name, what) = match &finished.outcome {
        Ok(Ok(Reply::Done(answer))) => ("done", "answer", answered(answer)),
        Ok(Ok(Reply::Confirm(question))) => ("confirm", "question", json!(question)),
        Ok(Err(refused)) => ("failed", "error", json!({ "code": refused.kind, "message": refused.message })),
        Err(error) => ("broken", "error", json!({ "code": error.code(), "message": error.to_string() })),
    };
    if let Some(members) = ran.as_object_mut() {
        members.insert("outcome".to_owned(), outcome.into());
        members.insert(name.to_owned(), what);
        members.insert("spent".to_owned(), spent(&finished.spent));
    }
    ran
}

fn answered(answer: &Answer) -> Value {
    json!({
        "content": answer.content,
        "speech": answer.speech,
        "data": answer.data,
        "follow_up": answer.follow_up,
    })
}

fn spent(spent: &Spent) -> Value {
    let micros = |time: Duration| u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
    json!({
        "waited_us": micros(spent.waited),
        "guest_us": micros(spent.guest),
        "host_us": micros(spent.host),
        "memory_bytes": spent.memory_bytes,
        "http_requests": spent.http_requests,
        "egress_bytes": spent.egress_bytes,
        "log_bytes": spent.log_bytes,
    })
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
    async fn named_by(
        &self,
        tenant: &Tenant,
        tool: &ToolName,
        alias: ToolAlias,
    ) -> Result<ToolDigest, Refused> {
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
            Some(VersionState::Refused) => Err(Refused::BadVersion),
            Some(VersionState::Quarantined) => Err(Refused::Quarantined),
        }
    }
}

#[cfg(test)]
mod tests {
    use sandbox::Failure;

    use super::*;

    #[test]
    fn what_did_not_begin_is_told_when_it_may() {
        let refused = |error| not_begun(&Finished { outcome: Err(error), spent: Spent::default() });
        assert!(matches!(refused(RunError::Busy), Some(Refused::Busy)));
        let Some(Refused::OverBudget { retry_after }) = refused(RunError::OverBudget) else {
            panic!("it is told as something else");
        };
        assert_eq!(retry_after, RuntimeLimits::default().window);
        let over = [RunError::Abandoned, RunError::HostBroke, RunError::Trap("unreachable".into())];
        assert!(over.into_iter().all(|error| refused(error).is_none()), "they began");
    }

    #[test]
    fn each_end_of_a_run_has_its_form() {
        let shown =
            |outcome| became(json!({ "tool": "status" }), &Finished { outcome, spent: Spent::default() });
        let answer = Answer { content: "42".into(), speech: Some("Hi.".into()), ..Answer::default() };
        let done = shown(Ok(Ok(Reply::Done(answer))));
        let expected = json!({ "content": "42", "speech": "Hi.", "data": null, "follow_up": null });
        assert_eq!(
            (&done["outcome"], &done["answer"], &done["tool"]),
            (&json!("done"), &expected, &json!("status"))
        );
        assert_eq!(done["spent"]["http_requests"], 0);
        let asks = shown(Ok(Ok(Reply::Confirm("Really?".into()))));
        assert_eq!((&asks["outcome"], &asks["question"]), (&json!("confirm"), &json!("Really?")));
        let failed = shown(Ok(Err(Failure { kind: "not-found", message: "No such order.".into() })));
        assert_eq!(failed["error"], json!({ "code": "not-found", "message": "No such order." }));
        let broken = shown(Err(RunError::Trap("unreachable".into())));
        assert_eq!((&broken["outcome"], &broken["error"]["code"]), (&json!("broken"), &json!("trap")));
    }
}
