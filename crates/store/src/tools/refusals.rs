//! The last uploads that were refused, for whoever sent them.

use std::time::Duration;

use super::errors::beginning;
use super::names::ToolDigest;
use crate::db::Row;
use crate::{Db, Statement, Store, StoreError, TenantId, Timestamp, Value};

/// How many refused uploads of a tenant are kept.
pub const TOOL_REFUSALS_MAX: u32 = 50;

/// An upload that was refused. Its bytes are not kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ToolRefusal {
    /// When it was sent.
    pub at: Timestamp,
    /// Who sent it, for example the name of an API key.
    pub by: String,
    /// The digest of its bytes.
    pub digest: ToolDigest,
    /// How many they were.
    pub bytes: u64,
    /// The tier that it was sent for.
    pub tier: String,
    /// Why it was refused, as a code.
    pub code: String,
    /// The offending item, or nothing; cut where it is long.
    pub item: String,
    /// What to change, or nothing; cut where it is long.
    pub mend: String,
    /// How long the gate took, in whole milliseconds; zero where it was not asked.
    pub took: Duration,
}

impl<D: Db> Store<D> {
    /// Keeps a refused upload of a tenant's, and forgets the oldest where there are too many.
    ///
    /// # Errors
    /// When there is no such tenant or the database fails.
    pub async fn add_tool_refusal(&self, tenant: &TenantId, refusal: &ToolRefusal) -> Result<(), StoreError> {
        let put = "INSERT INTO tool_refusals (tenant, seq, at, actor, digest, bytes, tier, code, item, mend, \
                   took_ms) VALUES (?1, (SELECT COALESCE(MAX(seq), 0) + 1 FROM tool_refusals WHERE tenant = ?1), \
                   ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)";
        let old = "DELETE FROM tool_refusals WHERE tenant = ?1 AND seq <= \
                   (SELECT MAX(seq) FROM tool_refusals WHERE tenant = ?1) - ?2";
        let params: [Value; 10] = [
            tenant.into(),
            refusal.at.into(),
            beginning(&refusal.by).into(),
            (&refusal.digest).into(),
            i64::try_from(refusal.bytes).unwrap_or(i64::MAX).into(),
            beginning(&refusal.tier).into(),
            beginning(&refusal.code).into(),
            beginning(&refusal.item).into(),
            beginning(&refusal.mend).into(),
            i64::try_from(refusal.took.as_millis()).unwrap_or(i64::MAX).into(),
        ];
        let statements =
            vec![Statement::new(put, params), Statement::new(old, [tenant.into(), TOOL_REFUSALS_MAX.into()])];
        self.db.batch(statements).await?;
        Ok(())
    }

    /// The last uploads of a tenant that were refused, the newest first; at most [`TOOL_REFUSALS_MAX`].
    ///
    /// # Errors
    /// When the database fails.
    pub async fn tool_refusals(&self, tenant: &TenantId) -> Result<Vec<ToolRefusal>, StoreError> {
        let sql = "SELECT * FROM tool_refusals WHERE tenant = ?1 ORDER BY seq DESC LIMIT ?2";
        let rows = self.db.query(Statement::new(sql, [tenant.into(), TOOL_REFUSALS_MAX.into()])).await?;
        rows.iter().map(|row| refusal(&row)).collect()
    }
}

fn refusal(row: &Row<'_>) -> Result<ToolRefusal, StoreError> {
    let number = |column: &str| row.integer(column).map(|number| u64::try_from(number).unwrap_or_default());
    Ok(ToolRefusal {
        at: Timestamp(row.integer("at")?),
        by: row.parse("actor")?,
        digest: row.parse("digest")?,
        bytes: number("bytes")?,
        tier: row.parse("tier")?,
        code: row.parse("code")?,
        item: row.parse("item")?,
        mend: row.parse("mend")?,
        took: Duration::from_millis(number("took_ms")?),
    })
}
