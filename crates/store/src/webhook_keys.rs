//! The keys by which carriers prove their webhooks to a tenant; several of a scheme while they are being replaced.

use std::fmt;

use crate::db::{Batch, Row, Rows};
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

/// What became of a key that was to be taken away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyRemoval {
    /// It is gone.
    Removed,
    /// The tenant has no such key.
    NoSuchKey,
    /// It stays: it is the last one by which the webhooks of an account are proven that the tenant has with this carrier.
    Needed,
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

    /// Takes a key away, unless it is the last for a carrier with whom the tenant has an account of its own: calls would go
    /// on being placed by that account, and nothing that the carrier says of them would be believed.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn remove_webhook_key(&self, tenant: &TenantId, id: &str) -> Result<KeyRemoval, StoreError> {
        // A carrier's scheme is called as the carrier is.
        let remove = "DELETE FROM webhook_keys WHERE tenant = ?1 AND id = ?2 \
                      AND (NOT EXISTS (SELECT 1 FROM carrier_accounts AS held WHERE held.tenant = ?1 \
                      AND held.carrier = webhook_keys.scheme) \
                      OR EXISTS (SELECT 1 FROM webhook_keys AS other WHERE other.tenant = ?1 \
                      AND other.scheme = webhook_keys.scheme AND other.id <> ?2)) RETURNING id";
        let stays = "SELECT id FROM webhook_keys WHERE tenant = ?1 AND id = ?2";
        let statement = |sql| Statement::new(sql, [tenant.into(), id.into()]);
        let Batch::Done(results) = self.db.batch(vec![statement(remove), statement(stays)]).await? else {
            return Err(StoreError::Unreadable("the key that was to be removed".to_owned()));
        };
        let has_row = |rows: Option<&Rows>| rows.is_some_and(|rows| !rows.is_empty());
        Ok(match (has_row(results.first()), has_row(results.last())) {
            (true, _) => KeyRemoval::Removed,
            (false, true) => KeyRemoval::Needed,
            (false, false) => KeyRemoval::NoSuchKey,
        })
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
