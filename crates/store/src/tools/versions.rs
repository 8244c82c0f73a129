//! What was uploaded, and what the gate found.

mod revalidation;

use std::time::Duration;

use serde_json::Value as Json;

use super::history::{ToolAction, note};
use super::names::{Act, ToolAlias, ToolDigest, ToolName};
use super::{ToolError, ToolQuota, aliases, quarantine};
use crate::db::{Batch, Row};
use crate::{Db, Statement, Store, StoreError, TenantId, Timestamp, Value};
pub use revalidation::Outdated;

/// A tool of a tenant's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tool {
    /// Its name.
    pub name: ToolName,
    /// When its first version was uploaded.
    pub created_at: Timestamp,
}

/// Whether a version may run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VersionState {
    /// It passed the gate.
    Accepted,
    /// It did not. Its bytes are not kept, but for [`REFUSED_KEPT`] where it had passed before.
    Refused,
    /// It may not run, whatever the gate found.
    Quarantined,
}

impl VersionState {
    /// Its name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Refused => "refused",
            Self::Quarantined => "quarantined",
        }
    }
}

impl std::str::FromStr for VersionState {
    type Err = StoreError;

    fn from_str(text: &str) -> Result<Self, StoreError> {
        let all = [Self::Accepted, Self::Refused, Self::Quarantined];
        let found = all.into_iter().find(|state| state.as_str() == text);
        found.ok_or_else(|| StoreError::Unreadable("a version's state".to_owned()))
    }
}

/// What a gate found in a component.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GateCheck {
    /// The gate's version.
    pub gate: String,
    /// The hash that tells which engines can load what was compiled.
    pub engine: String,
    /// The code of the refusal; none where it was accepted.
    pub refusal: Option<String>,
    /// What was measured, and warnings; an empty object once the version is deleted.
    pub report: Json,
}

impl GateCheck {
    fn state(&self) -> VersionState {
        if self.refusal.is_some() { VersionState::Refused } else { VersionState::Accepted }
    }

    /// The report as it is stored.
    pub(super) fn checked_report(&self) -> Result<String, ToolError> {
        let report = self.report.to_string();
        if report.len() > REPORT_BYTES_MAX {
            return Err(ToolError::Invalid("a gate's report has at most 64 KiB of JSON"));
        }
        Ok(report)
    }
}

const REPORT_BYTES_MAX: usize = 64 * 1024;

/// How long the bytes of a version are kept that had passed the gate and was refused when it was checked again, from then on:
/// so long another gate may find otherwise.
pub const REFUSED_KEPT: Duration = Duration::from_hours(7 * 24);

/// A component that went through the gate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewVersion {
    /// The digest of its bytes, which are in their file already if it was accepted.
    pub digest: ToolDigest,
    /// How many they are.
    pub bytes: u64,
    /// How many were compiled of them; they count as the tenant's too.
    pub compiled_bytes: u64,
    /// What the gate found.
    pub check: GateCheck,
}

/// A version of a tool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ToolVersion {
    /// The digest of its bytes.
    pub digest: ToolDigest,
    /// How many they are.
    pub bytes: u64,
    /// Whether it may run.
    pub state: VersionState,
    /// What the gate found last.
    pub check: GateCheck,
    /// Who uploaded it.
    pub uploaded_by: String,
    /// When.
    pub uploaded_at: Timestamp,
    /// When the gate looked at it last.
    pub checked_at: Timestamp,
    /// When it was deleted, if it was.
    pub deleted_at: Option<Timestamp>,
}

/// What became of an upload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Uploaded {
    /// It is kept, with what the gate found.
    New,
    /// The tool has these bytes already, accepted; nothing was changed.
    Known,
    /// The tool has these bytes already, accepted for another tier; it has the new one from now on, with what the gate
    /// found.
    TierChanged,
}

impl<D: Db> Store<D> {
    /// Keeps a version, under a tool that is created where there is none. One that was refused or deleted is replaced
    /// by the same bytes' new upload; of one that was accepted only the tier is ever changed, with what the gate found.
    ///
    /// # Errors
    /// When there is no room, the bytes are quarantined, or the database fails; see [`ToolError`].
    pub async fn put_tool_version(
        &self,
        tenant: &TenantId,
        tool: &ToolName,
        version: &NewVersion,
        quota: &ToolQuota,
        act: &Act<'_>,
    ) -> Result<Uploaded, ToolError> {
        self.keep_version(tenant, tool, (version, None), quota, act).await
    }

    /// As [`Store::put_tool_version`], and lets an alias name the version in the same transaction, if it is new and
    /// accepted.
    ///
    /// # Errors
    /// As [`Store::put_tool_version`], and when the share is above 100.
    pub async fn publish_tool_version(
        &self,
        tenant: &TenantId,
        tool: &ToolName,
        (version, named): (&NewVersion, (ToolAlias, u32)),
        quota: &ToolQuota,
        act: &Act<'_>,
    ) -> Result<Uploaded, ToolError> {
        self.keep_version(tenant, tool, (version, Some(named)), quota, act).await
    }

    async fn keep_version(
        &self,
        tenant: &TenantId,
        tool: &ToolName,
        (version, named): (&NewVersion, Option<(ToolAlias, u32)>),
        quota: &ToolQuota,
        act: &Act<'_>,
    ) -> Result<Uploaded, ToolError> {
        act.check()?;
        let accepted = version.check.state() == VersionState::Accepted;
        let action = if accepted { ToolAction::Uploaded } else { ToolAction::Refused };
        let mut statements = vec![
            quarantine::is_free(&version.digest).required(),
            put_tool(tenant, tool, act.at),
            put_version(tenant, tool, version, act)?.required(),
            note(tenant, tool, action, Some(&version.digest), act),
            room_for_tools(tenant, quota).required(),
            room_for_versions(tenant, tool, quota).required(),
            room_for_bytes(tenant, quota).required(),
        ];
        if !accepted {
            statements.push(forget_refused(tenant, tool, act.at));
        } else if let Some(named) = named {
            statements.extend(aliases::name(tenant, tool, named, &version.digest, act)?);
        }
        match self.db.batch(statements).await? {
            Batch::Done(_) => Ok(Uploaded::New),
            Batch::Unmet(0) => Err(ToolError::Quarantined),
            Batch::Unmet(2) => self.change_tier(tenant, tool, version, act).await,
            Batch::Unmet(4) => Err(ToolError::QuotaExceeded("tools")),
            Batch::Unmet(5) => Err(ToolError::QuotaExceeded("versions of the tool")),
            Batch::Unmet(_) => Err(ToolError::QuotaExceeded("bytes of tools")),
        }
    }

    /// The tenant's tools, by name.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn tools(&self, tenant: &TenantId) -> Result<Vec<Tool>, StoreError> {
        let sql = "SELECT * FROM tools WHERE tenant = ?1 AND deleted_at IS NULL ORDER BY name";
        let rows = self.db.query(Statement::new(sql, [tenant.into()])).await?;
        let tool = |row: Row<'_>| {
            Ok(Tool { name: row.parse("name")?, created_at: Timestamp(row.integer("created_at")?) })
        };
        rows.iter().map(tool).collect()
    }

    /// A tool's versions that are not deleted, the one uploaded last first; at most `limit`. Of their reports only the
    /// `tier` is read: a list of whole ones has megabytes.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn tool_versions(
        &self,
        tenant: &TenantId,
        tool: &ToolName,
        limit: u32,
    ) -> Result<Vec<ToolVersion>, StoreError> {
        // An object's members are written in the order of their names, and `tier` is the last that a report has.
        let sql = "SELECT v.digest, v.bytes, v.state, v.refusal, v.gate, v.engine, v.uploaded_by, v.uploaded_at, \
                   v.checked_at, v.deleted_at, q.digest AS quarantined, \
                   CASE WHEN v.report_json LIKE ?4 THEN CAST(?5 AS TEXT) \
                   WHEN v.report_json LIKE ?6 THEN CAST(?7 AS TEXT) ELSE '{}' END AS report_json \
                   FROM tool_versions v LEFT JOIN tool_quarantines q ON q.digest = v.digest \
                   WHERE v.tenant = ?1 AND v.tool = ?2 AND v.deleted_at IS NULL \
                   ORDER BY v.uploaded_at DESC, v.digest LIMIT ?3";
        let [standard, large] = ["standard", "large"].map(|tier| format!(r#""tier":"{tier}"}}"#));
        let params: [Value; 7] = [
            tenant.into(),
            tool.into(),
            limit.into(),
            format!("%{standard}").into(),
            format!("{{{standard}").into(),
            format!("%{large}").into(),
            format!("{{{large}").into(),
        ];
        let rows = self.db.query(Statement::new(sql, params)).await?;
        rows.iter().map(|row| version(&row)).collect()
    }

    /// One version, deleted or not.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn tool_version(
        &self,
        tenant: &TenantId,
        tool: &ToolName,
        digest: &ToolDigest,
    ) -> Result<Option<ToolVersion>, StoreError> {
        let sql = "SELECT v.*, q.digest AS quarantined FROM tool_versions v \
                   LEFT JOIN tool_quarantines q ON q.digest = v.digest \
                   WHERE v.tenant = ?1 AND v.tool = ?2 AND v.digest = ?3";
        let rows = self.db.query(Statement::new(sql, [tenant.into(), tool.into(), digest.into()])).await?;
        rows.first().map(|row| version(&row)).transpose()
    }

    /// Whether any tenant may still run these bytes at `now`, or again if another gate lets them pass ([`REFUSED_KEPT`]); if
    /// not, their file can go.
    ///
    /// # Errors
    /// When the database fails; then no file is to go.
    pub async fn needs_tool_bytes(&self, digest: &ToolDigest, now: Timestamp) -> Result<bool, StoreError> {
        let sql = "SELECT digest FROM tool_versions WHERE digest = ?1 AND deleted_at IS NULL \
                   AND (state = 'accepted' OR (checked_at > uploaded_at AND checked_at >= ?2)) LIMIT 1";
        let params = [digest.into(), now.minus(REFUSED_KEPT).into()];
        Ok(!self.db.query(Statement::new(sql, params)).await?.is_empty())
    }
}

fn put_tool(tenant: &TenantId, tool: &ToolName, now: Timestamp) -> Statement {
    let sql = "INSERT INTO tools (tenant, name, created_at) VALUES (?1, ?2, ?3) \
               ON CONFLICT (tenant, name) DO UPDATE SET deleted_at = NULL";
    Statement::new(sql, [tenant.into(), tool.into(), now.into()])
}

/// Returns a row unless these bytes were accepted before.
fn put_version(
    tenant: &TenantId,
    tool: &ToolName,
    version: &NewVersion,
    act: &Act<'_>,
) -> Result<Statement, ToolError> {
    let sql = "INSERT INTO tool_versions (tenant, tool, digest, bytes, state, refusal, gate, engine, report_json, \
               uploaded_by, uploaded_at, checked_at, compiled_bytes) \
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?11, ?12) \
               ON CONFLICT (tenant, tool, digest) DO UPDATE SET bytes = excluded.bytes, \
               compiled_bytes = excluded.compiled_bytes, state = excluded.state, \
               refusal = excluded.refusal, gate = excluded.gate, engine = excluded.engine, \
               report_json = excluded.report_json, uploaded_by = excluded.uploaded_by, \
               uploaded_at = excluded.uploaded_at, checked_at = excluded.checked_at, deleted_at = NULL \
               WHERE tool_versions.state = 'refused' OR tool_versions.deleted_at IS NOT NULL RETURNING digest";
    let check = &version.check;
    let count = |bytes: u64| i64::try_from(bytes).map_err(|_| ToolError::QuotaExceeded("bytes of tools"));
    let params: [Value; 12] = [
        tenant.into(),
        tool.into(),
        (&version.digest).into(),
        count(version.bytes)?.into(),
        check.state().as_str().into(),
        check.refusal.as_deref().into(),
        check.gate.as_str().into(),
        check.engine.as_str().into(),
        check.checked_report()?.into(),
        act.by.into(),
        act.at.into(),
        count(version.compiled_bytes)?.into(),
    ];
    Ok(Statement::new(sql, params))
}

fn room_for_tools(tenant: &TenantId, quota: &ToolQuota) -> Statement {
    let sql =
        "SELECT COUNT(*) AS taken FROM tools WHERE tenant = ?1 AND deleted_at IS NULL HAVING COUNT(*) <= ?2";
    Statement::new(sql, [tenant.into(), quota.tools.into()])
}

fn room_for_versions(tenant: &TenantId, tool: &ToolName, quota: &ToolQuota) -> Statement {
    let sql = "SELECT COUNT(*) AS taken FROM tool_versions WHERE tenant = ?1 AND tool = ?2 \
               AND state = 'accepted' AND deleted_at IS NULL HAVING COUNT(*) <= ?3";
    Statement::new(sql, [tenant.into(), tool.into(), quota.versions.into()])
}

fn room_for_bytes(tenant: &TenantId, quota: &ToolQuota) -> Statement {
    let sql = "SELECT COUNT(*) AS taken FROM tool_versions WHERE tenant = ?1 AND state = 'accepted' \
               AND deleted_at IS NULL HAVING CAST(COALESCE(SUM(bytes + compiled_bytes), 0) AS BIGINT) <= ?2";
    let bytes = i64::try_from(quota.bytes).unwrap_or(i64::MAX);
    Statement::new(sql, [tenant.into(), bytes.into()])
}

/// Of refused versions only the last are kept, and those that may pass again; nothing can refer to them.
fn forget_refused(tenant: &TenantId, tool: &ToolName, now: Timestamp) -> Statement {
    let sql = "DELETE FROM tool_versions WHERE tenant = ?1 AND tool = ?2 AND state = 'refused' AND digest IN \
               (SELECT digest FROM tool_versions WHERE tenant = ?1 AND tool = ?2 AND state = 'refused' \
               AND (checked_at = uploaded_at OR checked_at < ?3) \
               ORDER BY uploaded_at DESC, digest LIMIT 1000 OFFSET 50)";
    Statement::new(sql, [tenant.into(), tool.into(), now.minus(REFUSED_KEPT).into()])
}

fn version(row: &Row<'_>) -> Result<ToolVersion, StoreError> {
    let quarantined = row.optional_text("quarantined")?.is_some();
    let state = if quarantined { VersionState::Quarantined } else { row.parse("state")? };
    Ok(ToolVersion {
        digest: row.parse("digest")?,
        bytes: u64::try_from(row.integer("bytes")?).unwrap_or_default(),
        state,
        check: GateCheck {
            gate: row.parse("gate")?,
            engine: row.parse("engine")?,
            refusal: row.optional_parse("refusal")?,
            report: row.json("report_json")?,
        },
        uploaded_by: row.parse("uploaded_by")?,
        uploaded_at: Timestamp(row.integer("uploaded_at")?),
        checked_at: Timestamp(row.integer("checked_at")?),
        deleted_at: row.optional_timestamp("deleted_at")?,
    })
}
