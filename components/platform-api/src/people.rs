//! `/v1/customers/{id or phone}/memories`: what is remembered of a caller.

use serde_json::json;
use store::{CustomerId, Db, Store, TenantId};

use crate::problem::Problem;
use crate::query::Query;
use crate::service::body;

/// `GET /v1/customers/{id or phone}/memories?limit`, the newest first.
pub(crate) async fn memories<D: Db>(
    store: &Store<D>,
    tenant: &TenantId,
    who: &str,
    mut query: Query,
) -> Result<String, Problem> {
    let limit = query.limit()?;
    query.finish()?;
    let known = if who.starts_with('+') {
        store.known_customer(tenant, who).await?
    } else {
        let id: CustomerId = who.parse().map_err(|_| Problem::NotFound)?;
        store.customer(tenant, &id).await?
    };
    let customer = known.ok_or(Problem::NotFound)?;
    let memories = store.memories_of(tenant, &customer.id, limit).await?;
    // The embeddings are of no use to people.
    let items = memories.iter().map(|memory| {
        json!({ "id": memory.id, "kind": memory.kind, "text": memory.text, "model": memory.model, "at": memory.at })
    });
    body(&json!({ "customer": customer, "items": items.collect::<Vec<_>>() }))
}
