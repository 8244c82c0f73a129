//! Whether the service works.

use serde_json::json;
use store::migrations::LATEST;

use crate::incoming::Incoming;
use crate::problem::Problem;
use crate::service::{self, Platform, body};

/// It runs.
pub(crate) fn live() -> Result<String, Problem> {
    body(&json!({ "status": "ok" }))
}

/// It can serve: its configuration can be used, the database answers and has the schema that this
/// code needs.
pub(crate) async fn ready<P: Platform>(platform: &P, request: &Incoming) -> Result<String, Problem> {
    if let Err(fault) = platform.settings() {
        service::log(platform, request, "error", "misconfigured", &fault.to_string());
        return Err(Problem::NotReady("its configuration cannot be used"));
    }
    let unavailable = "the database does not answer";
    let store = platform.open_store().await.map_err(|_| Problem::NotReady(unavailable))?;
    match store.schema_version().await {
        Ok(Some(LATEST)) => body(&json!({ "status": "ok", "database": "ok", "schema": LATEST })),
        Ok(_) => Err(Problem::NotReady("the database has another schema, run the migrations")),
        Err(_) => Err(Problem::NotReady(unavailable)),
    }
}
