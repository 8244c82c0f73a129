//! The keys by which carriers prove their webhooks to a tenant; several of a scheme while they are being replaced.

use std::fmt;

use crate::db::Row;
use crate::{Db, Statement, Store, StoreError, TenantId, Timestamp, Value};

/// A key of a tenant's.
#[derive(Clone, PartialEq, Eq)]
pub struct WebhookKey {
    /// Its id.
    pub id: String,
    /// The scheme it is for: `twilio`, `telnyx`, `vapi-bearer`, `vapi-secret` or `vapi-hmac`.
    pub scheme: String,
    /// The key itself, in the scheme's form.
    pub secret: String,
    /// When it was added.
    pub created_at: Timestamp,
}

impl fmt::Debug for WebhookKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = formatter.debug_struct("WebhookKey");
        shown.field("id", &self.id).field("scheme", &self.scheme).field("created_at", &self.created_at);
        shown.finish_non_exhaustive()
    }
}

impl<D: Db> Store<D> {
    /// The tenant's keys for a scheme, the newest first.
    ///
    /// # Errors
    /// When the database fails; then no webhook is to pass.
    pub async fn webhook_keys(&self, tenant: &TenantId, scheme: &str) -> Result<Vec<WebhookKey>, StoreError> {
        let sql =
            "SELECT * FROM webhook_keys WHERE tenant = ?1 AND scheme = ?2 ORDER BY created_at DESC, id DESC";
        let rows = self.db.query(Statement::new(sql, [tenant.into(), scheme.into()])).await?;
        rows.iter().map(|row| key(&row)).collect()
    }

    /// Gives the tenant another key for a scheme.
    ///
    /// # Errors
    /// When the key is empty, the tenant does not exist or the database fails.
    pub async fn add_webhook_key(
        &self,
        tenant: &TenantId,
        scheme: &str,
        secret: &str,
        now: Timestamp,
    ) -> Result<WebhookKey, StoreError> {
        if secret.is_empty() {
            return Err(StoreError::Refused("an empty key proves nothing"));
        }
        let sql =
            "INSERT INTO webhook_keys (tenant, id, scheme, secret, created_at) VALUES (?1, ?2, ?3, ?4, ?5)";
        let id = crate::id::sortable_uuid(now);
        let params: [Value; 5] =
            [tenant.into(), id.as_str().into(), scheme.into(), secret.into(), now.into()];
        self.db.execute(Statement::new(sql, params)).await?;
        Ok(WebhookKey { id, scheme: scheme.to_owned(), secret: secret.to_owned(), created_at: now })
    }

    /// Takes a key away. Returns whether the tenant had it.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn remove_webhook_key(&self, tenant: &TenantId, id: &str) -> Result<bool, StoreError> {
        let sql = "DELETE FROM webhook_keys WHERE tenant = ?1 AND id = ?2";
        Ok(self.db.execute(Statement::new(sql, [tenant.into(), id.into()])).await? == 1)
    }
}

fn key(row: &Row<'_>) -> Result<WebhookKey, StoreError> {
    Ok(WebhookKey {
        id: row.parse("id")?,
        scheme: row.parse("scheme")?,
        secret: row.parse("secret")?,
        created_at: Timestamp(row.integer("created_at")?),
    })
}
