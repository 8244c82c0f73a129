//! Bytes that nobody may run, whoever uploads them.

use super::ToolError;
use super::aliases::{earlier, leaves, left, noted};
use super::history::ToolAction;
use super::names::{Act, ToolAlias, ToolDigest};
use crate::{Db, Statement, Store, StoreError, Value};

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

    /// Lets bytes out of quarantine. No alias goes back to them by itself. Returns whether they were in it.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn release_tool(&self, digest: &ToolDigest, act: &Act<'_>) -> Result<bool, ToolError> {
        act.check()?;
        let free = "DELETE FROM tool_quarantines WHERE digest = ?1 RETURNING digest";
        let statements = vec![
            Statement::new(free, [digest.into()]).required(),
            note_everywhere(ToolAction::Released, digest, act),
        ];
        Ok(matches!(self.db.batch(statements).await?, crate::Batch::Done(_)))
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
