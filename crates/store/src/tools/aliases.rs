//! Which version calls get.

use sha2::{Digest, Sha256};

use super::history::{ToolAction, note_alias};
use super::names::{Act, ToolAlias, ToolDigest, ToolName};
use super::{ToolError, VersionState, quarantine};
use crate::db::{Batch, Row};
use crate::{CallId, Db, Statement, Store, StoreError, TenantId, Value};

/// What an alias names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Aliased {
    /// The alias.
    pub alias: ToolAlias,
    /// The version.
    pub digest: ToolDigest,
    /// The part of the calls that get it, in percent; of `live`, what the canary leaves is meant by 100.
    pub share: u32,
}

/// What became of going back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RolledBack {
    /// The alias names this version from now on, or none: without a canary every call gets the live version.
    To(Option<ToolDigest>),
    /// It named another version by then, or none; nothing was changed.
    Other(Option<ToolDigest>),
    /// There is no version to go back to; nothing was changed.
    NothingEarlier,
}

/// The version before, seen from a row `a` of `tool_aliases`: the last one that may run still, and that the alias did
/// not have to leave since.
macro_rules! earlier {
    () => {
        "(SELECT h.to_digest FROM tool_history h WHERE h.tenant = a.tenant AND h.tool = a.tool \
         AND h.alias = a.alias AND h.to_digest <> a.digest AND EXISTS (SELECT 1 FROM tool_versions v \
         WHERE v.tenant = h.tenant AND v.tool = h.tool AND v.digest = h.to_digest AND v.state = 'accepted' \
         AND v.deleted_at IS NULL AND NOT EXISTS (SELECT 1 FROM tool_quarantines q WHERE q.digest = v.digest)) \
         AND NOT EXISTS (SELECT 1 FROM tool_history r WHERE r.tenant = h.tenant AND r.tool = h.tool \
         AND r.alias = h.alias AND r.seq > h.seq AND r.from_digest = h.to_digest \
         AND r.action IN ('rolled-back', 'rolled-back-automatically', 'taken-down')) \
         ORDER BY h.seq DESC LIMIT 1)"
    };
}

/// Notes that alias `?4` leaves its version for `$to`, where `$which` holds of its row `a`.
macro_rules! leaves {
    ($to:expr, $which:literal) => {
        concat!(
            "INSERT INTO tool_history (tenant, tool, seq, at, actor, action, alias, from_digest, to_digest, share, \
             why) SELECT a.tenant, a.tool, (SELECT COALESCE(MAX(n.seq), 0) + 1 FROM tool_history n \
             WHERE n.tenant = a.tenant AND n.tool = a.tool), CAST(?1 AS BIGINT), CAST(?2 AS TEXT), \
             CAST(?3 AS TEXT), a.alias, a.digest, ",
            $to,
            ", a.share, CAST(?5 AS TEXT) FROM tool_aliases a WHERE a.alias = ?4 AND ",
            $which
        )
    };
}

/// What the last event says that an alias names; the row is that of `tool_aliases`.
macro_rules! noted {
    () => {
        "(SELECT h.to_digest FROM tool_history h WHERE h.tenant = tool_aliases.tenant \
         AND h.tool = tool_aliases.tool AND h.alias = tool_aliases.alias ORDER BY h.seq DESC LIMIT 1)"
    };
}

pub(super) use {earlier, leaves, noted};

impl<D: Db> Store<D> {
    /// Lets an alias name a version, from the next call of the tool on. A canary gets `share` percent of the calls; for
    /// `live` it has no meaning.
    ///
    /// # Errors
    /// When there is no such version, it may not run, the share is above 100, or the database fails.
    pub async fn switch_tool(
        &self,
        tenant: &TenantId,
        tool: &ToolName,
        (alias, share): (ToolAlias, u32),
        digest: &ToolDigest,
        act: &Act<'_>,
    ) -> Result<(), ToolError> {
        act.check()?;
        let mut statements =
            vec![may_run(tenant, tool, digest).required(), quarantine::is_free(digest).required()];
        statements.extend(name(tenant, tool, (alias, share), digest, act)?);
        match self.db.batch(statements).await? {
            Batch::Done(_) => Ok(()),
            Batch::Unmet(0) => match self.tool_version(tenant, tool, digest).await? {
                Some(found) if found.deleted_at.is_none() && found.state == VersionState::Refused => {
                    Err(ToolError::Refused)
                }
                _ => Err(ToolError::NoSuchVersion),
            },
            Batch::Unmet(_) => Err(ToolError::Quarantined),
        }
    }

    /// Takes an alias back from the version `from`, which it must name still, so that of several who notice the same
    /// trouble only one goes back. `live` goes to the last version before it that may run and was not gone back from;
    /// a canary goes away.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn roll_back_tool(
        &self,
        tenant: &TenantId,
        tool: &ToolName,
        alias: ToolAlias,
        from: &ToolDigest,
        automatic: bool,
        act: &Act<'_>,
    ) -> Result<RolledBack, ToolError> {
        act.check()?;
        let action = if automatic { ToolAction::RolledBackAutomatically } else { ToolAction::RolledBack };
        let names =
            "SELECT digest FROM tool_aliases WHERE tenant = ?1 AND tool = ?2 AND alias = ?3 AND digest = ?4";
        let names = Statement::new(names, [tenant.into(), tool.into(), alias.into(), from.into()]);
        let mut statements = vec![names.required()];
        match alias {
            ToolAlias::Live => {
                let sql = concat!(
                    leaves!(earlier!(), "a.tenant = ?6 AND a.tool = ?7 AND "),
                    earlier!(),
                    " IS NOT NULL RETURNING to_digest"
                );
                let who = left(action, alias, act).into_iter().chain([tenant.into(), tool.into()]);
                statements.push(Statement::new(sql, who).required());
                statements.push(follow(tenant, tool, alias));
            }
            ToolAlias::Canary => {
                statements.push(note_alias(tenant, tool, (action, alias), None, act));
                statements.push(remove(tenant, tool, alias));
            }
        }
        match self.db.batch(statements).await? {
            Batch::Done(rows) => {
                let to = rows.get(1).and_then(|rows| rows.first());
                Ok(RolledBack::To(to.map(|row| row.parse("to_digest")).transpose()?))
            }
            Batch::Unmet(0) => {
                let named = self.tool_aliases(tenant, tool).await?;
                let other = named.into_iter().find(|named| named.alias == alias);
                Ok(RolledBack::Other(other.map(|named| named.digest)))
            }
            Batch::Unmet(_) => Ok(RolledBack::NothingEarlier),
        }
    }

    /// Takes an alias away. Returns whether it was there.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn clear_tool_alias(
        &self,
        tenant: &TenantId,
        tool: &ToolName,
        alias: ToolAlias,
        act: &Act<'_>,
    ) -> Result<bool, ToolError> {
        act.check()?;
        let there = "SELECT digest FROM tool_aliases WHERE tenant = ?1 AND tool = ?2 AND alias = ?3";
        let statements = vec![
            Statement::new(there, [tenant.into(), tool.into(), alias.into()]).required(),
            note_alias(tenant, tool, (ToolAction::Cleared, alias), None, act),
            remove(tenant, tool, alias),
        ];
        Ok(matches!(self.db.batch(statements).await?, Batch::Done(_)))
    }

    /// What a tool's aliases name.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn tool_aliases(&self, tenant: &TenantId, tool: &ToolName) -> Result<Vec<Aliased>, StoreError> {
        let sql = "SELECT * FROM tool_aliases WHERE tenant = ?1 AND tool = ?2 ORDER BY alias DESC";
        let rows = self.db.query(Statement::new(sql, [tenant.into(), tool.into()])).await?;
        let aliased = |row: Row<'_>| {
            Ok(Aliased {
                alias: row.parse("alias")?,
                digest: row.parse("digest")?,
                share: row.count("share")?,
            })
        };
        rows.iter().map(aliased).collect()
    }

    /// The bytes that an alias of any tenant's names, each once and in the order of their digests, after `after`; at most
    /// `limit`.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn aliased_tool_digests(
        &self,
        after: Option<&ToolDigest>,
        limit: u32,
    ) -> Result<Vec<ToolDigest>, StoreError> {
        let sql = "SELECT DISTINCT digest FROM tool_aliases WHERE digest > ?1 ORDER BY digest LIMIT ?2";
        let after = after.map_or("", ToolDigest::as_str);
        let rows = self.db.query(Statement::new(sql, [after.into(), limit.into()])).await?;
        rows.iter().map(|row| row.parse("digest")).collect()
    }

    /// The version that a call gets of a tool, and by which alias: the same one throughout the call while the aliases
    /// stand. A call that asks for `live` gets the canary if it is among its share; one that asks for the canary gets
    /// it always, or the live version where there is none.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn tool_for_call(
        &self,
        tenant: &TenantId,
        tool: &ToolName,
        alias: ToolAlias,
        call: &CallId,
    ) -> Result<Option<Aliased>, StoreError> {
        let aliases = self.tool_aliases(tenant, tool).await?;
        let lot = lot(tenant, tool, call);
        let named = |alias| aliases.iter().find(move |named| named.alias == alias);
        let canary =
            named(ToolAlias::Canary).filter(|canary| alias == ToolAlias::Canary || lot < canary.share);
        Ok(canary.or_else(|| named(ToolAlias::Live)).cloned())
    }
}

/// Lets an alias name a version that may run.
pub(super) fn name(
    tenant: &TenantId,
    tool: &ToolName,
    (alias, share): (ToolAlias, u32),
    digest: &ToolDigest,
    act: &Act<'_>,
) -> Result<[Statement; 2], ToolError> {
    if share > 100 {
        return Err(ToolError::Invalid("a share is 0 to 100 percent"));
    }
    let share = if alias == ToolAlias::Live { 100 } else { share };
    let put = "INSERT INTO tool_aliases (tenant, tool, alias, digest, share) VALUES (?1, ?2, ?3, ?4, ?5) \
               ON CONFLICT (tenant, tool, alias) DO UPDATE SET digest = excluded.digest, share = excluded.share";
    Ok([
        note_alias(tenant, tool, (ToolAction::Switched, alias), Some((digest, share)), act),
        Statement::new(put, [tenant.into(), tool.into(), alias.into(), digest.into(), share.into()]),
    ])
}

/// The percentile of a call among a tool's calls, 0 to 99. A canary's share grows by calls and never trades one for
/// another; and who is first to try one tool is not first to try all.
fn lot(tenant: &TenantId, tool: &ToolName, call: &CallId) -> u32 {
    let mut hash = Sha256::new();
    for part in [tenant.as_str(), tool.as_str(), call.as_str()] {
        hash.update(part);
        // No id or name holds it.
        hash.update([0]);
    }
    let number = hash.finalize().iter().take(8).fold(0_u64, |number, byte| number << 8 | u64::from(*byte));
    u32::try_from(number % 100).unwrap_or_default()
}

fn may_run(tenant: &TenantId, tool: &ToolName, digest: &ToolDigest) -> Statement {
    let sql = "SELECT digest FROM tool_versions WHERE tenant = ?1 AND tool = ?2 AND digest = ?3 \
               AND state = 'accepted' AND deleted_at IS NULL";
    Statement::new(sql, [tenant.into(), tool.into(), digest.into()])
}

/// The first parameters of a statement made by `leaves!`.
pub(super) fn left(action: ToolAction, alias: ToolAlias, act: &Act<'_>) -> [Value; 5] {
    [act.at.into(), act.by.into(), action.into(), alias.into(), act.why.into()]
}

/// Lets an alias name what the last event says.
fn follow(tenant: &TenantId, tool: &ToolName, alias: ToolAlias) -> Statement {
    let sql = concat!(
        "UPDATE tool_aliases SET digest = ",
        noted!(),
        " WHERE tenant = ?1 AND tool = ?2 AND alias = ?3 AND ",
        noted!(),
        " IS NOT NULL"
    );
    Statement::new(sql, [tenant.into(), tool.into(), alias.into()])
}

fn remove(tenant: &TenantId, tool: &ToolName, alias: ToolAlias) -> Statement {
    let sql = "DELETE FROM tool_aliases WHERE tenant = ?1 AND tool = ?2 AND alias = ?3";
    Statement::new(sql, [tenant.into(), tool.into(), alias.into()])
}

/// Makes the aliases leave a version of one tenant's tool that may not run any more.
pub(super) fn leave(
    tenant: &TenantId,
    tool: &ToolName,
    digest: &ToolDigest,
    act: &Act<'_>,
) -> [Statement; 4] {
    let name = || [tenant.into(), tool.into(), digest.into()];
    let whose = |alias| left(ToolAction::TakenDown, alias, act).into_iter().chain(name());
    let live = leaves!(earlier!(), "a.tenant = ?6 AND a.tool = ?7 AND a.digest = ?8");
    let canary = leaves!("NULL", "a.tenant = ?6 AND a.tool = ?7 AND a.digest = ?8");
    let gone = concat!(
        "DELETE FROM tool_aliases WHERE tenant = ?1 AND tool = ?2 AND digest = ?3 AND ",
        noted!(),
        " IS NULL"
    );
    [
        Statement::new(live, whose(ToolAlias::Live)),
        Statement::new(canary, whose(ToolAlias::Canary)),
        Statement::new(gone, name()),
        follow(tenant, tool, ToolAlias::Live),
    ]
}

/// Takes all aliases of a tool away.
pub(super) fn clear_all(tenant: &TenantId, tool: &ToolName, act: &Act<'_>) -> [Statement; 3] {
    let sql = leaves!("NULL", "a.tenant = ?6 AND a.tool = ?7");
    let whose = |alias| left(ToolAction::Cleared, alias, act).into_iter().chain([tenant.into(), tool.into()]);
    let gone = "DELETE FROM tool_aliases WHERE tenant = ?1 AND tool = ?2";
    [
        Statement::new(sql, whose(ToolAlias::Live)),
        Statement::new(sql, whose(ToolAlias::Canary)),
        Statement::new(gone, [tenant.into(), tool.into()]),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_are_drawn_evenly_and_for_each_tool_anew() {
        let tenant: TenantId = "t".parse().unwrap();
        let [one, other] = ["one", "other"].map(|name| name.parse::<ToolName>().unwrap());
        let calls: Vec<CallId> =
            (0..10_000).map(|number| format!("call-{number}").parse().unwrap()).collect();
        let among = |tool, share: u32| calls.iter().filter(|call| lot(&tenant, tool, call) < share).count();
        assert_eq!((among(&one, 0), among(&one, 100)), (0, calls.len()));
        // Within five standard deviations, of calls that are always the same.
        for share in [1, 5, 20, 50, 90] {
            let expected = f64::from(share) * 100.0;
            let deviation = (expected * (1.0 - f64::from(share) / 100.0)).sqrt();
            assert!((among(&one, share) as f64 - expected).abs() < 5.0 * deviation, "{share}");
        }
        let both = calls
            .iter()
            .filter(|call| lot(&tenant, &one, call) < 20 && lot(&tenant, &other, call) < 20)
            .count();
        assert!((300..500).contains(&both), "{both}");
    }
}
