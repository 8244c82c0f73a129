//! Bytes of tools that nobody may run, whoever uploads them: for the operator, who knows the internal secret.

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use serde::Deserialize;
use store::{Act, Timestamp, ToolDigest, ToolError};

use super::{Refused, answer, database, read};
use crate::serve::Shared;

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
