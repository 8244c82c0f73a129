//! Tenants' tools over REST: what is uploaded, which version calls get, how its runs went.
//!
//! The routes are this process's own, never the edge's: a tenant's bytes reach neither Spin nor its components. All of them
//! are for whoever has the tenant's API key, and of another tenant's tools none exists.
//!
//! | method and path, below `/v1/tools` | what it does |
//! | --- | --- |
//! | `POST ?tier=&alias=&share=` | uploads a component (`application/wasm`) |
//! | `GET` | lists the tools |
//! | `GET`, `DELETE /{tool}` | one tool |
//! | `GET /{tool}/versions` | its versions |
//! | `GET`, `DELETE /{tool}/versions/{digest}` | one version |
//! | `PUT`, `DELETE /{tool}/aliases/{alias}` | lets an alias name a version, or nothing |
//! | `POST /{tool}/rollback` | takes an alias back to the version before |
//! | `POST /{tool}/calls` | runs a version once, outside of any phone call |
//! | `GET /{tool}/usage`, `/errors`, `/history`, `/logs` | how it went |
//! | `GET /{tool}/secrets` | which secrets it has |
//! | `PUT`, `DELETE /{tool}/secrets/{name}` | sets or takes away one |
//!
//! `GET /v1/tool-refusals` lists the uploads that became no version.
//!
//! Beside them, for the keys are this process's too, are the tenant's own accounts with carriers, below
//! `/v1/carrier-accounts`: `GET` lists them, `PUT` and `DELETE /{carrier}` set one and take it away.

mod access;
mod aliases;
mod body;
mod carrier_accounts;
mod effort;
mod insight;
mod leftovers;
mod query;
mod receive;
mod refused;
mod rehearsal;
mod secrets;
mod shown;
#[cfg(test)]
mod tests;
mod upload;
mod versions;
mod workshop;

use std::sync::Arc;

use axum::Router;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{delete, get, post, put};
use serde_json::Value;
use store::native::Artifacts;
use store::{NativeDb, Store};
use tokio::sync::RwLock;

use crate::problem;
use crate::tool_lines::ToolLines;
use crate::tool_secrets::SecretKeys;
pub use refused::Refused;
use upload::Uploads;
#[cfg(test)]
pub use workshop::Identity;
pub use workshop::{Found, Workshop, refused_now};

/// What the routes work with.
pub struct ToolApi {
    store: Store<NativeDb>,
    artifacts: Artifacts,
    workshop: Arc<dyn Workshop>,
    keys: Arc<SecretKeys>,
    lines: Arc<ToolLines>,
    /// Held for reading from when a version's bytes are kept until its row is, and for writing while bytes that no row
    /// needs are removed.
    keeping: Arc<RwLock<()>>,
    uploads: Uploads,
}

impl ToolApi {
    /// Works with these; `keeping` is shared with whoever removes bytes.
    pub fn new(
        store: Store<NativeDb>,
        artifacts: Artifacts,
        workshop: Arc<dyn Workshop>,
        keys: Arc<SecretKeys>,
        lines: Arc<ToolLines>,
        keeping: Arc<RwLock<()>>,
    ) -> Self {
        Self { store, artifacts, workshop, keys, lines, keeping, uploads: Uploads::default() }
    }
}

/// The routes.
pub fn routes<S: Clone + Send + Sync + 'static>(api: Arc<ToolApi>) -> Router<S> {
    let tools = Router::new()
        .route("/", get(versions::tools).post(upload::upload))
        .route("/{tool}", get(versions::tool).delete(versions::delete_tool))
        .route("/{tool}/versions", get(versions::list))
        .route("/{tool}/versions/{version}", get(versions::one).delete(versions::delete))
        .route("/{tool}/aliases/{alias}", put(aliases::switch).delete(aliases::clear))
        .route("/{tool}/rollback", post(aliases::roll_back))
        .route("/{tool}/calls", post(rehearsal::call))
        .route("/{tool}/usage", get(insight::usage))
        .route("/{tool}/errors", get(insight::errors))
        .route("/{tool}/history", get(insight::history))
        .route("/{tool}/logs", get(insight::logs))
        .route("/{tool}/secrets", get(secrets::list))
        .route("/{tool}/secrets/{secret}", delete(secrets::remove).put(secrets::set))
        // Whatever else is sent here is not for the edge: it may be a component.
        .fallback(|| async { Refused::NotFound })
        .method_not_allowed_fallback(problem::method_not_allowed);
    // Beside the tools, not among them: below `/v1/tools` each name may be a tool's.
    let refusals = get(insight::refusals);
    let accounts = Router::new()
        .route("/", get(carrier_accounts::list))
        .route("/{carrier}", delete(carrier_accounts::remove).put(carrier_accounts::set))
        .fallback(|| async { Refused::NotFound })
        .method_not_allowed_fallback(problem::method_not_allowed);
    Router::new()
        .nest("/v1/tools", tools)
        .route("/v1/tool-refusals", refusals)
        .nest("/v1/carrier-accounts", accounts)
        .with_state(api)
}

/// What was asked for. It holds personal data, or is true for the moment only.
fn found(body: &Value) -> Response {
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("application/json")),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    ];
    (headers, body.to_string()).into_response()
}

/// It was done, and there is nothing to say.
fn done() -> Response {
    StatusCode::NO_CONTENT.into_response()
}
