//! Appointments, leads and notifications, projected from tool records.
//!
//! A record whose key is `appointments/<id>`, `leads/<id>` or
//! `notifications/<id>` and whose value is a JSON object is also a row of that
//! table, written in the same transaction. The tool owns the record; the row
//! exists to be listed, and can be rebuilt. Keys with a further `/` are the
//! tool's own business.

use serde::Serialize;
use serde_json::Value as Json;

use crate::db::Row;
use crate::{Db, Statement, Store, StoreError, TenantId, Value};

/// The beginnings of the keys that are projected.
pub const PREFIXES: [&str; 3] = ["appointments/", "leads/", "notifications/"];

/// A row of one of the projections.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Projected {
    /// The key without its prefix.
    pub id: String,
    /// The record's value.
    pub data: Json,
}

/// One page of a projection.
#[derive(Clone, Debug, PartialEq)]
pub struct ProjectedPage {
    /// The rows.
    pub items: Vec<Projected>,
    /// The id after which the next page begins; `None` on the last one.
    pub next: Option<String>,
}

/// Which projection to list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Projection {
    /// `appointments/`.
    Appointments,
    /// `leads/`.
    Leads,
    /// `notifications/`.
    Notifications,
}

impl<D: Db> Store<D> {
    /// One page of a projection, in the order of ids. `status`: only rows with it.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn projected(
        &self,
        tenant: &TenantId,
        projection: Projection,
        status: Option<&str>,
        after: Option<&str>,
        limit: u32,
    ) -> Result<ProjectedPage, StoreError> {
        let sql = match projection {
            Projection::Appointments => {
                "SELECT id, data_json FROM appointments \
                 WHERE tenant = ?1 AND id > ?2 AND (?3 = '' OR status = ?3) ORDER BY id LIMIT ?4"
            }
            Projection::Leads => {
                "SELECT id, data_json FROM leads \
                 WHERE tenant = ?1 AND id > ?2 AND (?3 = '' OR status = ?3) ORDER BY id LIMIT ?4"
            }
            Projection::Notifications => {
                "SELECT id, data_json FROM notifications \
                 WHERE tenant = ?1 AND id > ?2 AND (?3 = '' OR status = ?3) ORDER BY id LIMIT ?4"
            }
        };
        let more = limit.saturating_add(1);
        let params: [Value; 4] =
            [tenant.into(), after.unwrap_or_default().into(), status.unwrap_or_default().into(), more.into()];
        let rows = self.db.query(Statement::new(sql, params)).await?;
        let mut items = rows.iter().map(|row| projected(&row)).collect::<Result<Vec<_>, _>>()?;
        let has_more = items.len() > limit as usize;
        items.truncate(limit as usize);
        let next = items.last().filter(|_| has_more).map(|item| item.id.clone());
        Ok(ProjectedPage { items, next })
    }
}

/// The statements that bring the projection of `key` to `value`, `None` for a removed record.
pub(crate) fn project(tenant: &TenantId, key: &str, value: Option<&[u8]>) -> Option<Statement> {
    let (prefix, id) = PREFIXES.into_iter().find_map(|prefix| Some((prefix, key.strip_prefix(prefix)?)))?;
    if id.is_empty() || id.contains('/') {
        return None;
    }
    let object = value.and_then(|bytes| serde_json::from_slice::<Json>(bytes).ok()).filter(Json::is_object);
    let Some(data) = object else {
        return Some(remove(prefix, tenant, id));
    };
    let field = |names: &[&str]| names.iter().find_map(|name| text(data.get(name)?)).into();
    let mut params: Vec<Value> = vec![tenant.into(), id.into(), data.to_string().into()];
    let sql = match prefix {
        "appointments/" => {
            params.extend([
                field(&["phone", "customer_phone"]),
                field(&["name", "customer_name"]),
                field(&["service"]),
                field(&["start_at", "start"]),
                field(&["end_at", "end"]),
                field(&["status"]),
            ]);
            "INSERT INTO appointments (tenant, id, data_json, phone, name, service, start_at, end_at, status) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9) ON CONFLICT (tenant, id) DO UPDATE \
             SET data_json = excluded.data_json, phone = excluded.phone, name = excluded.name, \
             service = excluded.service, start_at = excluded.start_at, end_at = excluded.end_at, \
             status = excluded.status"
        }
        "leads/" => {
            params.extend([field(&["phone"]), field(&["name"]), field(&["status"])]);
            "INSERT INTO leads (tenant, id, data_json, phone, name, status) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT (tenant, id) DO UPDATE \
             SET data_json = excluded.data_json, phone = excluded.phone, name = excluded.name, \
             status = excluded.status"
        }
        _ => {
            params.extend([field(&["channel"]), field(&["recipient", "to"]), field(&["status"])]);
            "INSERT INTO notifications (tenant, id, data_json, channel, recipient, status) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT (tenant, id) DO UPDATE \
             SET data_json = excluded.data_json, channel = excluded.channel, recipient = excluded.recipient, \
             status = excluded.status"
        }
    };
    Some(Statement::new(sql, params))
}

/// The statements that empty the tenant's projections.
pub(crate) fn clear(tenant: &TenantId) -> Vec<Statement> {
    let all = [
        "DELETE FROM appointments WHERE tenant = ?1",
        "DELETE FROM leads WHERE tenant = ?1",
        "DELETE FROM notifications WHERE tenant = ?1",
    ];
    all.map(|sql| Statement::new(sql, [tenant.into()])).to_vec()
}

fn remove(prefix: &str, tenant: &TenantId, id: &str) -> Statement {
    let sql = match prefix {
        "appointments/" => "DELETE FROM appointments WHERE tenant = ?1 AND id = ?2",
        "leads/" => "DELETE FROM leads WHERE tenant = ?1 AND id = ?2",
        _ => "DELETE FROM notifications WHERE tenant = ?1 AND id = ?2",
    };
    Statement::new(sql, [tenant.into(), id.into()])
}

fn text(value: &Json) -> Option<String> {
    match value {
        Json::String(text) => Some(text.clone()),
        Json::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

fn projected(row: &Row<'_>) -> Result<Projected, StoreError> {
    let data = serde_json::from_str(row.text("data_json")?)
        .map_err(|_| StoreError::Unreadable("a projected record is not JSON".to_owned()))?;
    Ok(Projected { id: row.parse("id")?, data })
}
