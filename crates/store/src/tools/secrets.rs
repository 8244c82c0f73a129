//! What a tool needs to prove who it is: known to it by a handle, and shown to nobody.

use std::fmt;

use super::history::note_secret;
use super::names::{Act, ToolName};
use super::{ToolError, ToolQuota};
use crate::db::{Batch, Row};
use crate::{Db, Statement, Store, StoreError, TenantId, Timestamp, Value};

/// The longest secret in bytes: a private key in PEM has less.
pub const SECRET_BYTES_MAX: usize = 8 * 1024;

/// The longest name of a host in bytes; one with its port has less.
const HOST_BYTES_MAX: usize = 300;

/// A secret's value. It is not shown by `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretValue(String);

impl SecretValue {
    /// Wraps a value.
    pub(crate) fn new(value: String) -> Self {
        Self(value)
    }

    /// The value, for the request that needs it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for SecretValue {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("SecretValue(..)")
    }
}

/// That there is a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecretHandle {
    /// What the tool calls it.
    pub handle: String,
    /// Who set it last.
    pub set_by: String,
    /// When.
    pub set_at: Timestamp,
}

impl<D: Db> Store<D> {
    /// Sets a secret of one tool; no other tool can read it. It replaces one of the same handle. What the history keeps
    /// of it are its handle and `host`, for whom it is.
    ///
    /// # Errors
    /// When there is no such tool or no room, a part of it has not the form, or the database fails.
    pub async fn set_tool_secret(
        &self,
        tenant: &TenantId,
        tool: &ToolName,
        (handle, host, value): (&str, &str, &str),
        quota: &ToolQuota,
        act: &Act<'_>,
    ) -> Result<(), ToolError> {
        act.check()?;
        check_handle(handle)?;
        if host.is_empty() || host.len() > HOST_BYTES_MAX || host.contains('\0') {
            return Err(ToolError::Invalid(
                "a secret's host is 1 to 300 bytes of text without null characters",
            ));
        }
        if value.is_empty() || value.len() > SECRET_BYTES_MAX || value.contains('\0') {
            return Err(ToolError::Invalid("a secret is 1 to 8192 bytes of text without null characters"));
        }
        let there = "SELECT name FROM tools WHERE tenant = ?1 AND name = ?2 AND deleted_at IS NULL";
        let put = "INSERT INTO tool_secrets (tenant, tool, handle, value, set_by, set_at) \
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT (tenant, tool, handle) DO UPDATE SET \
                   value = excluded.value, set_by = excluded.set_by, set_at = excluded.set_at";
        let room = "SELECT COUNT(*) AS taken FROM tool_secrets WHERE tenant = ?1 AND tool = ?2 \
                    HAVING COUNT(*) <= ?3";
        let name = || [tenant.into(), tool.into()];
        let params: [Value; 4] = [handle.into(), value.into(), act.by.into(), act.at.into()];
        let statements = vec![
            Statement::new(there, name()).required(),
            Statement::new(put, name().into_iter().chain(params)),
            Statement::new(room, name().into_iter().chain([quota.secrets.into()])).required(),
            note_secret(tenant, tool, (handle, Some(host)), act),
        ];
        match self.db.batch(statements).await? {
            Batch::Done(_) => Ok(()),
            Batch::Unmet(0) => Err(ToolError::NoSuchTool),
            Batch::Unmet(_) => Err(ToolError::QuotaExceeded("secrets of the tool")),
        }
    }

    /// The secret that a tool knows by `handle`.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn tool_secret(
        &self,
        tenant: &TenantId,
        tool: &ToolName,
        handle: &str,
    ) -> Result<Option<SecretValue>, StoreError> {
        let sql = "SELECT value FROM tool_secrets WHERE tenant = ?1 AND tool = ?2 AND handle = ?3";
        let rows = self.db.query(Statement::new(sql, [tenant.into(), tool.into(), handle.into()])).await?;
        rows.first().map(|row| Ok(SecretValue(row.parse("value")?))).transpose()
    }

    /// Which secrets a tool has, without their values.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn tool_secret_handles(
        &self,
        tenant: &TenantId,
        tool: &ToolName,
    ) -> Result<Vec<SecretHandle>, StoreError> {
        let sql =
            "SELECT handle, set_by, set_at FROM tool_secrets WHERE tenant = ?1 AND tool = ?2 ORDER BY handle";
        let rows = self.db.query(Statement::new(sql, [tenant.into(), tool.into()])).await?;
        rows.iter().map(|row| handle(&row)).collect()
    }

    /// All secrets of a tool with their values, by handle.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn tool_secrets(
        &self,
        tenant: &TenantId,
        tool: &ToolName,
    ) -> Result<Vec<(SecretHandle, SecretValue)>, StoreError> {
        let sql = "SELECT * FROM tool_secrets WHERE tenant = ?1 AND tool = ?2 ORDER BY handle";
        let rows = self.db.query(Statement::new(sql, [tenant.into(), tool.into()])).await?;
        rows.iter().map(|row| Ok((handle(&row)?, SecretValue(row.parse("value")?)))).collect()
    }

    /// Takes a secret away. Returns whether the tool had it; only then there is something for the history.
    ///
    /// # Errors
    /// When who acts, or why, has not the form, or the database fails.
    pub async fn remove_tool_secret(
        &self,
        tenant: &TenantId,
        tool: &ToolName,
        handle: &str,
        act: &Act<'_>,
    ) -> Result<bool, ToolError> {
        act.check()?;
        let sql = "DELETE FROM tool_secrets WHERE tenant = ?1 AND tool = ?2 AND handle = ?3 RETURNING handle";
        let statements = vec![
            Statement::new(sql, [tenant.into(), tool.into(), handle.into()]).required(),
            note_secret(tenant, tool, (handle, None), act),
        ];
        Ok(matches!(self.db.batch(statements).await?, Batch::Done(_)))
    }
}

fn handle(row: &Row<'_>) -> Result<SecretHandle, StoreError> {
    Ok(SecretHandle {
        handle: row.parse("handle")?,
        set_by: row.parse("set_by")?,
        set_at: Timestamp(row.integer("set_at")?),
    })
}

fn check_handle(handle: &str) -> Result<(), ToolError> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
    if (1..=64).contains(&handle.len()) && handle.bytes().all(allowed) {
        return Ok(());
    }
    Err(ToolError::Invalid("a secret's handle is 1 to 64 letters, digits, `_`, `-` and `.`"))
}
