//! Versions that another gate or engine looked at last, and what the one of now finds in them.

use super::{GateCheck, REFUSED_KEPT};
use crate::db::{Batch, Row};
use crate::tools::history::{ToolAction, note};
use crate::tools::{Act, ToolDigest, ToolError, ToolName, ToolQuota, aliases, quarantine, tiers};
use crate::{Db, Statement, Store, StoreError, TenantId, Timestamp, Value};

/// A version that another gate or another engine looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outdated {
    /// Whose it is.
    pub tenant: TenantId,
    /// The tool.
    pub tool: ToolName,
    /// The version.
    pub digest: ToolDigest,
}

/// Whether the version `v` is outdated for gate `?1` and engine `?2`, where bytes of refused ones are kept since `?3`.
macro_rules! outdated {
    () => {
        "(v.state = 'accepted' OR (v.checked_at > v.uploaded_at AND v.checked_at >= ?3)) \
         AND v.deleted_at IS NULL AND (v.gate <> ?1 OR v.engine <> ?2) \
         AND NOT EXISTS (SELECT 1 FROM tool_quarantines q WHERE q.digest = v.digest)"
    };
}

impl<D: Db> Store<D> {
    /// The tenants that have versions which another gate or engine looked at last, after the one named `after`; at most
    /// `limit`. See [`Store::outdated_tool_versions`]; reads all versions for it.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn outdated_tool_tenants(
        &self,
        gate: &str,
        engine: &str,
        now: Timestamp,
        after: Option<&TenantId>,
        limit: u32,
    ) -> Result<Vec<TenantId>, StoreError> {
        let sql = concat!(
            "SELECT DISTINCT v.tenant FROM tool_versions v WHERE ",
            outdated!(),
            " AND v.tenant > ?4 ORDER BY v.tenant LIMIT ?5"
        );
        let params: [Value; 5] = [
            gate.into(),
            engine.into(),
            now.minus(REFUSED_KEPT).into(),
            after.map_or("", TenantId::as_str).into(),
            limit.into(),
        ];
        let rows = self.db.query(Statement::new(sql, params)).await?;
        rows.iter().map(|row| row.parse("tenant")).collect()
    }

    /// The tenant's versions that another gate or engine looked at last, after the one named `after`; at most `limit`. Those
    /// are the accepted ones, and the ones that such a gate refused, of which the bytes are kept still at `now`
    /// ([`REFUSED_KEPT`]); of quarantined bytes none, until they are released.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn outdated_tool_versions(
        &self,
        tenant: &TenantId,
        (gate, engine): (&str, &str),
        now: Timestamp,
        after: Option<&Outdated>,
        limit: u32,
    ) -> Result<Vec<Outdated>, StoreError> {
        let sql = concat!(
            "SELECT v.tenant, v.tool, v.digest FROM tool_versions v WHERE ",
            outdated!(),
            " AND v.tenant = ?4 AND (v.tool, v.digest) > (?5, ?6) ORDER BY v.tool, v.digest LIMIT ?7"
        );
        let [tool, digest] = after.map_or(["", ""], |after| [after.tool.as_str(), after.digest.as_str()]);
        let params: [Value; 7] = [
            gate.into(),
            engine.into(),
            now.minus(REFUSED_KEPT).into(),
            tenant.into(),
            tool.into(),
            digest.into(),
            limit.into(),
        ];
        let rows = self.db.query(Statement::new(sql, params)).await?;
        let outdated = |row: Row<'_>| {
            Ok(Outdated {
                tenant: row.parse("tenant")?,
                tool: row.parse("tool")?,
                digest: row.parse("digest")?,
            })
        };
        rows.iter().map(outdated).collect()
    }

    /// Notes what another gate or engine found in a version that was accepted once. Aliases leave one that is refused now,
    /// for the accepted version before it, or for nothing where there is none. One that was refused and passes may run
    /// again, if the tenant has room for its bytes, which must be there; history has that as [`ToolAction::Released`], and
    /// no alias goes back to it by itself. One that was refused when it was uploaded stays so: it has no bytes.
    ///
    /// # Errors
    /// When there is no such version, it was uploaded for another tier meanwhile and so looked at again anyway, its bytes
    /// are quarantined, there is no room for what was refused, or the database fails. Then nothing is noted.
    pub async fn revalidate_tool_version(
        &self,
        tenant: &TenantId,
        tool: &ToolName,
        digest: &ToolDigest,
        check: &GateCheck,
        quota: &ToolQuota,
        act: &Act<'_>,
    ) -> Result<(), ToolError> {
        act.check()?;
        let (free, mark) =
            (quarantine::is_free(digest).required(), mark(tenant, tool, digest, check, act)?.required());
        let passes = check.refusal.is_none();
        let statements = if passes {
            let room = room_again(tenant, tool, digest, quota).required();
            // What it was before is known only before it is marked.
            vec![free, room, note_released(tenant, tool, digest, act), mark]
        } else {
            let mut statements = vec![free, mark, note(tenant, tool, ToolAction::Refused, Some(digest), act)];
            statements.extend(aliases::leave(tenant, tool, digest, act));
            statements
        };
        match self.db.batch(statements).await? {
            Batch::Done(_) => Ok(()),
            Batch::Unmet(0) => Err(ToolError::Quarantined),
            Batch::Unmet(1) if passes => Err(ToolError::QuotaExceeded("bytes of tools")),
            Batch::Unmet(_) => Err(ToolError::NoSuchVersion),
        }
    }
}

/// Returns a row if there is such a version. That it was looked at after it was uploaded tells that it was accepted once, so it
/// has to hold whatever the clock says.
fn mark(
    tenant: &TenantId,
    tool: &ToolName,
    digest: &ToolDigest,
    check: &GateCheck,
    act: &Act<'_>,
) -> Result<Statement, ToolError> {
    let sql = "UPDATE tool_versions SET state = ?4, refusal = ?5, gate = ?6, engine = ?7, report_json = ?8, \
               checked_at = CASE WHEN uploaded_at >= ?9 THEN uploaded_at + 1 ELSE CAST(?9 AS BIGINT) END \
               WHERE tenant = ?1 AND tool = ?2 AND digest = ?3 \
               AND (state = 'accepted' OR checked_at > uploaded_at) AND deleted_at IS NULL \
               AND (report_json LIKE ?10 OR (report_json NOT LIKE ?11 AND report_json NOT LIKE ?12)) \
               RETURNING digest";
    let [same_tier, standard, large] = tiers::unless_another(&check.report);
    let params: [Value; 12] = [
        tenant.into(),
        tool.into(),
        digest.into(),
        check.state().as_str().into(),
        check.refusal.as_deref().into(),
        check.gate.as_str().into(),
        check.engine.as_str().into(),
        check.checked_report()?.into(),
        act.at.into(),
        same_tier,
        standard,
        large,
    ];
    Ok(Statement::new(sql, params))
}

/// Returns a row unless the version was refused and the tenant has no room for its bytes. Those of accepted ones are
/// counted already.
fn room_again(tenant: &TenantId, tool: &ToolName, digest: &ToolDigest, quota: &ToolQuota) -> Statement {
    let sql = "SELECT CAST(1 AS BIGINT) AS room WHERE NOT EXISTS (SELECT 1 FROM tool_versions v \
               WHERE v.tenant = ?1 AND v.tool = ?2 AND v.digest = ?3 AND v.state = 'refused' \
               AND v.checked_at > v.uploaded_at AND v.deleted_at IS NULL \
               AND v.bytes + (SELECT CAST(COALESCE(SUM(o.bytes), 0) AS BIGINT) FROM tool_versions o \
               WHERE o.tenant = ?1 AND o.state = 'accepted' AND o.deleted_at IS NULL) > ?4)";
    let bytes = i64::try_from(quota.bytes).unwrap_or(i64::MAX);
    Statement::new(sql, [tenant.into(), tool.into(), digest.into(), bytes.into()])
}

/// Notes that a version which was refused may run again; of one that was not refused, nothing.
fn note_released(tenant: &TenantId, tool: &ToolName, digest: &ToolDigest, act: &Act<'_>) -> Statement {
    let sql = "INSERT INTO tool_history (tenant, tool, seq, at, actor, action, to_digest, why) \
               SELECT v.tenant, v.tool, (SELECT COALESCE(MAX(n.seq), 0) + 1 FROM tool_history n \
               WHERE n.tenant = v.tenant AND n.tool = v.tool), CAST(?4 AS BIGINT), CAST(?5 AS TEXT), \
               CAST(?6 AS TEXT), v.digest, CAST(?7 AS TEXT) FROM tool_versions v \
               WHERE v.tenant = ?1 AND v.tool = ?2 AND v.digest = ?3 AND v.state = 'refused' \
               AND v.deleted_at IS NULL";
    let params: [Value; 7] = [
        tenant.into(),
        tool.into(),
        digest.into(),
        act.at.into(),
        act.by.into(),
        ToolAction::Released.into(),
        act.why.into(),
    ];
    Statement::new(sql, params)
}
