//! Bytes of tools that nobody may run, or might not once, whoever uploads them: for the operator, who knows the internal
//! secret.

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use serde::Deserialize;
use serde_json::{Value, json};
use store::{Act, Timestamp, ToolDigest, ToolError, ToolQuarantine};

use super::{Refused, answer, database, found, read};
use crate::serve::Shared;

/// The most quarantines of the same bytes that are listed.
const LISTED_MAX: u32 = 100;

/// Which bytes, who decides so, and why: both are kept in the history of every tool that has them.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Decision {
    digest: ToolDigest,
    by: String,
    why: String,
}

/// `POST /internal/v1/quarantine`: aliases leave the bytes, and no call gets them.
pub(super) async fn quarantine(State(shared): State<Shared>, request: Request) -> Response {
    decide(&shared, request, true).await
}

/// `POST /internal/v1/release`: the bytes may run again. No alias goes back to them by itself.
pub(super) async fn release(State(shared): State<Shared>, request: Request) -> Response {
    decide(&shared, request, false).await
}

/// Whose quarantines are asked for.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Question {
    digest: ToolDigest,
}

/// `POST /internal/v1/quarantines`: those of these bytes, the one that holds and those that ended, the newest first.
pub(super) async fn list(State(shared): State<Shared>, request: Request) -> Response {
    let listed = async {
        let Question { digest } = read(&shared.platform.internal_secret, request).await?;
        let quarantines = shared.platform.store.tool_quarantines(&digest, LISTED_MAX).await;
        quarantines.map_err(database)
    };
    match listed.await {
        Ok(quarantines) => found(&json!({ "items": quarantines.iter().map(shown).collect::<Vec<_>>() })),
        Err(refused) => answer(refused),
    }
}

fn shown(quarantine: &ToolQuarantine) -> Value {
    let released = quarantine.released.as_ref();
    let released = released.map(|release| json!({ "by": release.by, "why": release.why, "at": release.at }));
    json!({ "by": quarantine.by, "why": quarantine.why, "at": quarantine.at, "released": released })
}

async fn decide(shared: &Shared, request: Request, quarantined: bool) -> Response {
    let decided = async {
        let Decision { digest, by, why } = read(&shared.platform.internal_secret, request).await?;
        let act = Act { by: &by, why: &why, at: Timestamp::now() };
        let store = &shared.platform.store;
        let changed = match quarantined {
            true => store.quarantine_tool(&digest, &act).await,
            false => store.release_tool(&digest, &act).await,
        };
        let changed = changed.map_err(|error| match error {
            ToolError::Store(error) => database(error),
            error => Refused::Malformed(error.to_string()),
        })?;
        tracing::warn!(%digest, by, why, quarantined, changed, "an operator decided on a tool's bytes");
        Ok::<_, Refused>(())
    };
    match decided.await {
        Ok(()) => StatusCode::NO_CONTENT.into_response(),
        Err(refused) => answer(refused),
    }
}
