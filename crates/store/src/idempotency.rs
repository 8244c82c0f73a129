//! What must happen once: webhooks, tool calls, media tokens.

use crate::db::Batch;
use crate::{Db, Statement, Store, StoreError, TenantId, Timestamp};

/// Who comes with a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Claim {
    /// The first. Act, then store the result with [`Store::complete_claim`].
    First,
    /// Somebody came before; what they stored, or `None` while they are at work
    /// or broke down before they could.
    Seen(Option<String>),
}

impl<D: Db> Store<D> {
    /// Claims `key` within `scope`, for example a token's nonce within `media-token`. Of several
    /// claimants at once exactly one is the first.
    ///
    /// # Errors
    /// When the tenant does not exist or the database fails; then treat the key as seen.
    pub async fn claim(
        &self,
        tenant: &TenantId,
        scope: &str,
        key: &str,
        now: Timestamp,
    ) -> Result<Claim, StoreError> {
        if let Batch::Done(_) = self.db.batch(vec![claim(tenant, scope, key, now).required()]).await? {
            return Ok(Claim::First);
        }
        let sql = "SELECT result FROM idempotency_keys WHERE tenant = ?1 AND scope = ?2 AND key = ?3";
        let rows = self.db.query(Statement::new(sql, [tenant.into(), scope.into(), key.into()])).await?;
        let result = rows.first().map(|row| row.optional_parse("result")).transpose()?;
        Ok(Claim::Seen(result.flatten()))
    }

    /// Stores the result for whoever claims `key` again. The first result stays.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn complete_claim(
        &self,
        tenant: &TenantId,
        scope: &str,
        key: &str,
        result: &str,
    ) -> Result<(), StoreError> {
        let sql = "UPDATE idempotency_keys SET result = ?4 \
                   WHERE tenant = ?1 AND scope = ?2 AND key = ?3 AND result IS NULL";
        let params = [tenant.into(), scope.into(), key.into(), result.into()];
        self.db.execute(Statement::new(sql, params)).await?;
        Ok(())
    }

    /// Gives `key` back, so that the next claimant is the first: for work that
    /// certainly was not done.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn release_claim(&self, tenant: &TenantId, scope: &str, key: &str) -> Result<(), StoreError> {
        let sql = "DELETE FROM idempotency_keys \
                   WHERE tenant = ?1 AND scope = ?2 AND key = ?3 AND result IS NULL";
        self.db.execute(Statement::new(sql, [tenant.into(), scope.into(), key.into()])).await?;
        Ok(())
    }

    /// Forgets claims of all tenants made before `before`, with their results, at most `limit` of them;
    /// returns how many.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn forget_claims(&self, before: Timestamp, limit: u32) -> Result<u64, StoreError> {
        // By tenant, because the index is.
        let sql = "DELETE FROM idempotency_keys WHERE (tenant, scope, key) IN \
                   (SELECT k.tenant, k.scope, k.key FROM tenants t CROSS JOIN idempotency_keys k \
                   WHERE k.tenant = t.id AND k.at < ?1 LIMIT ?2)";
        Ok(self.db.execute(Statement::new(sql, [before.into(), limit.into()])).await?)
    }
}

/// Returns a row if the key was free.
pub(crate) fn claim(tenant: &TenantId, scope: &str, key: &str, now: Timestamp) -> Statement {
    let sql = "INSERT INTO idempotency_keys (tenant, scope, key, at) VALUES (?1, ?2, ?3, ?4) \
               ON CONFLICT (tenant, scope, key) DO NOTHING RETURNING key";
    Statement::new(sql, [tenant.into(), scope.into(), key.into(), now.into()])
}
