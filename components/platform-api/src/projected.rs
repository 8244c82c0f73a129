//! `/v1/appointments`, `/v1/leads`, `/v1/notifications`: what the built-in tools keep.

use serde_json::json;
use store::projections::Projection;
use store::{Db, Store, TenantId};

use crate::problem::Problem;
use crate::query::Query;
use crate::service::body;

/// `GET …?limit&cursor&status`, in the order of ids.
pub(crate) async fn list<D: Db>(
    store: &Store<D>,
    tenant: &TenantId,
    projection: Projection,
    mut query: Query,
) -> Result<String, Problem> {
    let limit = query.limit()?;
    let (cursor, status) = (query.text("cursor")?, query.text("status")?);
    query.finish()?;
    let page = store.projected(tenant, projection, status.as_deref(), cursor.as_deref(), limit).await?;
    body(&json!({ "items": page.items, "next_cursor": page.next }))
}
