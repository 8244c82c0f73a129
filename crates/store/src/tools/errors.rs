//! The last errors of tools, for whoever wrote them.

use super::ToolError;
use super::names::{ToolDigest, ToolName};
use crate::db::{Batch, Row};
use crate::{CallId, Db, Statement, Store, StoreError, TenantId, Timestamp, Value};

/// How many errors of a tool are kept.
pub const TOOL_ERRORS_MAX: u32 = 50;

/// The most of a text that is kept, in bytes.
const TEXT_BYTES_MAX: usize = 2000;

/// A run that went wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunError {
    /// The version that ran.
    pub digest: ToolDigest,
    /// The call it ran in.
    pub call: CallId,
    /// When.
    pub at: Timestamp,
    /// What went wrong, as a code.
    pub code: String,
    /// More of it, cut where it is long.
    pub detail: String,
}

impl<D: Db> Store<D> {
    /// Keeps an error, and forgets the oldest where there are too many.
    ///
    /// # Errors
    /// When there is no such tool or the database fails.
    pub async fn add_tool_error(
        &self,
        tenant: &TenantId,
        tool: &ToolName,
        error: &RunError,
    ) -> Result<(), ToolError> {
        let there = "SELECT name FROM tools WHERE tenant = ?1 AND name = ?2 AND deleted_at IS NULL";
        let put = "INSERT INTO tool_errors (tenant, tool, seq, digest, call, at, code, detail) VALUES (?1, ?2, \
                   (SELECT COALESCE(MAX(seq), 0) + 1 FROM tool_errors WHERE tenant = ?1 AND tool = ?2), \
                   ?3, ?4, ?5, ?6, ?7)";
        let old = "DELETE FROM tool_errors WHERE tenant = ?1 AND tool = ?2 AND seq <= \
                   (SELECT MAX(seq) FROM tool_errors WHERE tenant = ?1 AND tool = ?2) - ?3";
        let params: [Value; 7] = [
            tenant.into(),
            tool.into(),
            (&error.digest).into(),
            (&error.call).into(),
            error.at.into(),
            beginning(&error.code).into(),
            beginning(&error.detail).into(),
        ];
        let statements = vec![
            Statement::new(there, [tenant.into(), tool.into()]).required(),
            Statement::new(put, params),
            Statement::new(old, [tenant.into(), tool.into(), TOOL_ERRORS_MAX.into()]),
        ];
        match self.db.batch(statements).await? {
            Batch::Done(_) => Ok(()),
            Batch::Unmet(_) => Err(ToolError::NoSuchTool),
        }
    }

    /// The last errors of a tool, the newest first; at most [`TOOL_ERRORS_MAX`].
    ///
    /// # Errors
    /// When the database fails.
    pub async fn tool_errors(&self, tenant: &TenantId, tool: &ToolName) -> Result<Vec<RunError>, StoreError> {
        let sql = "SELECT * FROM tool_errors WHERE tenant = ?1 AND tool = ?2 ORDER BY seq DESC LIMIT ?3";
        let params = [tenant.into(), tool.into(), TOOL_ERRORS_MAX.into()];
        let rows = self.db.query(Statement::new(sql, params)).await?;
        let error = |row: Row<'_>| {
            Ok(RunError {
                digest: row.parse("digest")?,
                call: row.parse("call")?,
                at: Timestamp(row.integer("at")?),
                code: row.parse("code")?,
                detail: row.parse("detail")?,
            })
        };
        rows.iter().map(error).collect()
    }
}

/// As much of a text as is kept. A hostile tool chooses it, and PostgreSQL keeps no text with a null character.
pub(super) fn beginning(text: &str) -> String {
    let end = text.floor_char_boundary(TEXT_BYTES_MAX);
    text.get(..end).unwrap_or_default().replace('\0', "\u{fffd}")
}
