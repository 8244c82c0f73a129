//! How versions and tools go: nothing runs them any more, and what was done to them stays known.

use super::history::{ToolAction, note};
use super::names::{Act, ToolDigest, ToolName};
use super::{ToolError, aliases};
use crate::db::Batch;
use crate::{Db, Statement, Store, TenantId};

impl<D: Db> Store<D> {
    /// Deletes a version that no alias names. What was done to it stays known, what the gate measured does not.
    ///
    /// # Errors
    /// When an alias names it, there is no such version, or the database fails.
    pub async fn delete_tool_version(
        &self,
        tenant: &TenantId,
        tool: &ToolName,
        digest: &ToolDigest,
        act: &Act<'_>,
    ) -> Result<(), ToolError> {
        act.check()?;
        let mark = "UPDATE tool_versions SET deleted_at = ?4, report_json = '{}' \
                    WHERE tenant = ?1 AND tool = ?2 AND digest = ?3 AND deleted_at IS NULL RETURNING digest";
        let unnamed = "SELECT name FROM tools WHERE tenant = ?1 AND name = ?2 AND NOT EXISTS \
                       (SELECT 1 FROM tool_aliases WHERE tenant = ?1 AND tool = ?2 AND digest = ?3)";
        let name = || [tenant.into(), tool.into(), digest.into()];
        let statements = vec![
            Statement::new(mark, name().into_iter().chain([act.at.into()])).required(),
            Statement::new(unnamed, name()).required(),
            note(tenant, tool, ToolAction::Deleted, Some(digest), act),
        ];
        match self.db.batch(statements).await? {
            Batch::Done(_) => Ok(()),
            Batch::Unmet(0) => Err(ToolError::NoSuchVersion),
            Batch::Unmet(_) => Err(ToolError::InUse),
        }
    }

    /// Deletes a tool with its aliases, versions and secrets. What was done to it stays known, and goes on if a tool
    /// of that name is uploaded again.
    ///
    /// # Errors
    /// When there is no such tool or the database fails.
    pub async fn delete_tool(
        &self,
        tenant: &TenantId,
        tool: &ToolName,
        act: &Act<'_>,
    ) -> Result<(), ToolError> {
        act.check()?;
        let name = || [tenant.into(), tool.into()];
        let at = || name().into_iter().chain([act.at.into()]);
        let mark = "UPDATE tools SET deleted_at = ?3 WHERE tenant = ?1 AND name = ?2 AND deleted_at IS NULL \
                    RETURNING name";
        let versions = "UPDATE tool_versions SET deleted_at = ?3, report_json = '{}' \
                        WHERE tenant = ?1 AND tool = ?2 AND deleted_at IS NULL";
        let mut statements = vec![Statement::new(mark, at()).required()];
        statements.extend(aliases::clear_all(tenant, tool, act));
        statements.extend([
            Statement::new(versions, at()),
            Statement::new("DELETE FROM tool_secrets WHERE tenant = ?1 AND tool = ?2", name()),
            Statement::new("DELETE FROM tool_errors WHERE tenant = ?1 AND tool = ?2", name()),
            note(tenant, tool, ToolAction::Deleted, None, act),
        ]);
        match self.db.batch(statements).await? {
            Batch::Done(_) => Ok(()),
            Batch::Unmet(_) => Err(ToolError::NoSuchTool),
        }
    }
}
