//! The recordings that are still to be fetched, of all tenants.

use crate::db::Row;
use crate::recordings::{Recording, recording};
use crate::{CallAccount, CallId, Db, Statement, Store, StoreError, TenantId, Timestamp};

/// A recording that the carrier offers and nobody has fetched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DueRecording {
    /// The tenant of the call.
    pub tenant: TenantId,
    /// The call.
    pub call: CallId,
    /// The carrier that offers it.
    pub carrier: String,
    /// As [`crate::Call::carrier_account`].
    pub carrier_account: Option<CallAccount>,
    /// When we first heard of it. Some addresses hold for minutes from then on.
    pub known_at: Timestamp,
    /// The recording.
    pub recording: Recording,
}

impl<D: Db> Store<D> {
    /// At most `limit` recordings that the carriers offer and that were neither fetched nor given up, and of no tenant
    /// more than `each`. Tenants take turns, so that none keeps another waiting; of a tenant's own the one that was known
    /// last comes first: its address has the best chance to hold. Nobody leases one: fetching it twice does no harm.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn recordings_due(&self, each: u32, limit: u32) -> Result<Vec<DueRecording>, StoreError> {
        let sql = "SELECT r.*, c.carrier AS carrier, c.carrier_account AS carrier_account \
                   FROM (SELECT recordings.*, ROW_NUMBER() OVER (PARTITION BY tenant \
                   ORDER BY created_at DESC, call, id) AS turn FROM recordings WHERE state = 'known') AS r \
                   JOIN calls c ON c.tenant = r.tenant AND c.id = r.call WHERE r.turn <= ?1 \
                   ORDER BY r.turn, r.created_at DESC, r.tenant, r.call, r.id LIMIT ?2";
        let rows = self.db.query(Statement::new(sql, [each.into(), limit.into()])).await?;
        rows.iter().map(|row| due(&row)).collect()
    }
}

fn due(row: &Row<'_>) -> Result<DueRecording, StoreError> {
    Ok(DueRecording {
        tenant: row.parse("tenant")?,
        call: row.parse("call")?,
        carrier: row.parse("carrier")?,
        carrier_account: row.optional_parse("carrier_account")?,
        known_at: Timestamp(row.integer("created_at")?),
        recording: recording(row)?,
    })
}
