//! Which webhooks were delivered, so that none counts twice.

use crate::db::Batch;
use crate::{Db, Statement, Store, StoreError, Timestamp, limits};

impl<D: Db> Store<D> {
    /// Notes a delivery by what makes it unlike any other of its scheme, until `forget_at`: as long as the scheme would
    /// take it for fresh. Returns whether it is the first; of several at once exactly one is.
    ///
    /// # Errors
    /// When the database fails; then the sender is to try again.
    pub async fn first_delivery(
        &self,
        scheme: &str,
        key: &str,
        forget_at: Timestamp,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let sql = "INSERT INTO deliveries (scheme, key, forget_at) VALUES (?1, ?2, ?3) \
                   ON CONFLICT (scheme, key) DO UPDATE SET forget_at = excluded.forget_at \
                   WHERE deliveries.forget_at <= ?4 RETURNING key";
        let params = [scheme.into(), key.into(), forget_at.into(), now.into()];
        let noted = self.db.batch(vec![Statement::new(sql, params).required()]).await?;
        Ok(matches!(noted, Batch::Done(_)))
    }

    /// Whether a delivery was noted and is not forgotten yet.
    ///
    /// # Errors
    /// When the database fails; then the sender is to try again.
    pub async fn was_delivered(&self, scheme: &str, key: &str, now: Timestamp) -> Result<bool, StoreError> {
        let sql = "SELECT key FROM deliveries WHERE scheme = ?1 AND key = ?2 AND forget_at > ?3";
        let params = [scheme.into(), key.into(), now.into()];
        Ok(!self.db.query(Statement::new(sql, params)).await?.is_empty())
    }

    /// Forgets deliveries and limits that are due, at most [`SWEEP_MAX`] of each; returns how many.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn sweep(&self, now: Timestamp) -> Result<u64, StoreError> {
        let sql = "DELETE FROM deliveries WHERE (scheme, key) IN \
                   (SELECT scheme, key FROM deliveries WHERE forget_at <= ?1 LIMIT ?2)";
        let deliveries = self.db.execute(Statement::new(sql, [now.into(), SWEEP_MAX.into()])).await?;
        Ok(deliveries + self.db.execute(limits::forget(now)).await?)
    }
}

/// What one sweep forgets of each kind, so that it does not hold up who else writes.
pub const SWEEP_MAX: u32 = 10_000;
