//! Bytes that nobody may run, whoever uploads them.

use super::ToolError;
use super::aliases::{earlier, leaves, left, noted};
use super::history::ToolAction;
use super::names::{Act, ToolAlias, ToolDigest};
use crate::db::Row;
use crate::{Db, Statement, Store, StoreError, Timestamp, Value};

/// That bytes are quarantined, or were.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ToolQuarantine {
    /// Who decided so.
    pub by: String,
    /// Why.
    pub why: String,
    /// From when on.
    pub at: Timestamp,
    /// How it ended; nothing while it holds.
    pub released: Option<ToolRelease>,
}

/// How a quarantine ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ToolRelease {
    /// Who decided so.
    pub by: String,
    /// Why.
    pub why: String,
    /// Until when it held.
    pub at: Timestamp,
}

impl<D: Db> Store<D> {
    /// Quarantines bytes for all tenants, those who upload them later included. Aliases leave them for the accepted
    /// version before, or for nothing where there is none. Returns whether they were free before.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn quarantine_tool(&self, digest: &ToolDigest, act: &Act<'_>) -> Result<bool, ToolError> {
        act.check()?;
        let put = "INSERT INTO tool_quarantines (digest, actor, why, at) VALUES (?1, ?2, ?3, ?4) \
                   ON CONFLICT (digest) DO NOTHING RETURNING digest";
        let put = Statement::new(put, [digest.into(), act.by.into(), act.why.into(), act.at.into()]);
        let live = leaves!(earlier!(), "a.digest = ?6");
        let canary = leaves!("NULL", "a.digest = ?6");
        let whose = |alias| left(ToolAction::TakenDown, alias, act).into_iter().chain([digest.into()]);
        let gone = concat!("DELETE FROM tool_aliases WHERE digest = ?1 AND ", noted!(), " IS NULL");
        let moved = concat!("UPDATE tool_aliases SET digest = ", noted!(), " WHERE digest = ?1");
        let statements = vec![
            put.required(),
            note_everywhere(ToolAction::Quarantined, digest, act),
            Statement::new(live, whose(ToolAlias::Live)),
            Statement::new(canary, whose(ToolAlias::Canary)),
            Statement::new(gone, [digest.into()]),
            Statement::new(moved, [digest.into()]),
        ];
        Ok(matches!(self.db.batch(statements).await?, crate::Batch::Done(_)))
    }

    /// Lets bytes out of quarantine. No alias goes back to them by itself. Returns whether they were in it. That they were
    /// stays known, also where no tenant has them: see [`Store::tool_quarantines`].
    ///
    /// # Errors
    /// When the database fails.
    pub async fn release_tool(&self, digest: &ToolDigest, act: &Act<'_>) -> Result<bool, ToolError> {
        act.check()?;
        let keep = "INSERT INTO tool_quarantines_ended (digest, seq, actor, why, at, released_by, released_why, \
                    released_at) SELECT q.digest, (SELECT COALESCE(MAX(e.seq), 0) + 1 FROM tool_quarantines_ended e \
                    WHERE e.digest = q.digest), q.actor, q.why, q.at, CAST(?2 AS TEXT), CAST(?3 AS TEXT), \
                    CAST(?4 AS BIGINT) FROM tool_quarantines q WHERE q.digest = ?1 RETURNING digest";
        let keep = Statement::new(keep, [digest.into(), act.by.into(), act.why.into(), act.at.into()]);
        let statements = vec![
            keep.required(),
            Statement::new("DELETE FROM tool_quarantines WHERE digest = ?1", [digest.into()]),
            note_everywhere(ToolAction::Released, digest, act),
        ];
        Ok(matches!(self.db.batch(statements).await?, crate::Batch::Done(_)))
    }

    /// The quarantines of these bytes, the one that holds and those that ended; the newest first, at most `limit`.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn tool_quarantines(
        &self,
        digest: &ToolDigest,
        limit: u32,
    ) -> Result<Vec<ToolQuarantine>, StoreError> {
        // The one that holds comes after all that ended.
        let sql = "SELECT q.actor, q.why, q.at, CAST(NULL AS TEXT) AS released_by, \
                   CAST(NULL AS TEXT) AS released_why, CAST(NULL AS BIGINT) AS released_at, \
                   (SELECT COALESCE(MAX(n.seq), 0) + 1 FROM tool_quarantines_ended n WHERE n.digest = ?1) AS seq \
                   FROM tool_quarantines q WHERE q.digest = ?1 UNION ALL \
                   SELECT e.actor, e.why, e.at, e.released_by, e.released_why, e.released_at, e.seq \
                   FROM tool_quarantines_ended e WHERE e.digest = ?1 ORDER BY seq DESC LIMIT ?2";
        let rows = self.db.query(Statement::new(sql, [digest.into(), limit.into()])).await?;
        rows.iter().map(|row| quarantine(&row)).collect()
    }

    /// Whether nobody may run these bytes.
    ///
    /// # Errors
    /// When the database fails; then they are not to run.
    pub async fn is_quarantined(&self, digest: &ToolDigest) -> Result<bool, StoreError> {
        let sql = "SELECT digest FROM tool_quarantines WHERE digest = ?1";
        Ok(!self.db.query(Statement::new(sql, [digest.into()])).await?.is_empty())
    }
}

fn quarantine(row: &Row<'_>) -> Result<ToolQuarantine, StoreError> {
    let released = match row.optional_timestamp("released_at")? {
        Some(at) => Some(ToolRelease { by: row.parse("released_by")?, why: row.parse("released_why")?, at }),
        None => None,
    };
    Ok(ToolQuarantine {
        by: row.parse("actor")?,
        why: row.parse("why")?,
        at: Timestamp(row.integer("at")?),
        released,
    })
}

/// Returns a row unless the bytes are quarantined.
pub(super) fn is_free(digest: &ToolDigest) -> Statement {
    let sql = "SELECT COUNT(*) AS quarantined FROM tool_quarantines WHERE digest = ?1 HAVING COUNT(*) = 0";
    Statement::new(sql, [digest.into()])
}

/// Notes what was done to these bytes with every tool that has them.
fn note_everywhere(action: ToolAction, digest: &ToolDigest, act: &Act<'_>) -> Statement {
    let sql = "INSERT INTO tool_history (tenant, tool, seq, at, actor, action, to_digest, why) \
               SELECT v.tenant, v.tool, (SELECT COALESCE(MAX(n.seq), 0) + 1 FROM tool_history n \
               WHERE n.tenant = v.tenant AND n.tool = v.tool), CAST(?2 AS BIGINT), CAST(?3 AS TEXT), \
               CAST(?4 AS TEXT), v.digest, CAST(?5 AS TEXT) FROM tool_versions v WHERE v.digest = ?1";
    let params: [Value; 5] = [digest.into(), act.at.into(), act.by.into(), action.into(), act.why.into()];
    Statement::new(sql, params)
}
