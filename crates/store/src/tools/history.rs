//! What was done to tools: the audit trail, from which the aliases follow.

use serde::{Deserialize, Serialize};

use super::names::{Act, ToolAlias, ToolDigest, ToolName};
use crate::db::Row;
use crate::{Db, Statement, Store, StoreError, TenantId, Timestamp, Value};

/// What was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ToolAction {
    /// A version was uploaded and accepted.
    Uploaded,
    /// A version was uploaded, or checked again, and refused.
    Refused,
    /// Somebody let an alias name another version, or another share of the calls.
    Switched,
    /// Somebody took an alias back to the version before.
    RolledBack,
    /// An alias went back by itself.
    RolledBackAutomatically,
    /// An alias had to leave a version that may not run any more.
    TakenDown,
    /// Somebody took an alias away.
    Cleared,
    /// A version was quarantined for all tenants.
    Quarantined,
    /// A version may run again: it was let out of quarantine, or passed the gate after it had been refused.
    Released,
    /// A version was deleted, or the whole tool where there is no digest.
    Deleted,
    /// An accepted version was uploaded again for another tier.
    TierChanged,
    /// A secret was set, or replaced.
    SecretSet,
    /// A secret was taken away.
    SecretRemoved,
}

impl ToolAction {
    const ALL: [Self; 13] = [
        Self::Uploaded,
        Self::Refused,
        Self::Switched,
        Self::RolledBack,
        Self::RolledBackAutomatically,
        Self::TakenDown,
        Self::Cleared,
        Self::Quarantined,
        Self::Released,
        Self::Deleted,
        Self::TierChanged,
        Self::SecretSet,
        Self::SecretRemoved,
    ];

    /// Its name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Uploaded => "uploaded",
            Self::Refused => "refused",
            Self::Switched => "switched",
            Self::RolledBack => "rolled-back",
            Self::RolledBackAutomatically => "rolled-back-automatically",
            Self::TakenDown => "taken-down",
            Self::Cleared => "cleared",
            Self::Quarantined => "quarantined",
            Self::Released => "released",
            Self::Deleted => "deleted",
            Self::TierChanged => "tier-changed",
            Self::SecretSet => "secret-set",
            Self::SecretRemoved => "secret-removed",
        }
    }
}

impl std::str::FromStr for ToolAction {
    type Err = StoreError;

    fn from_str(text: &str) -> Result<Self, StoreError> {
        let found = Self::ALL.into_iter().find(|action| action.as_str() == text);
        found.ok_or_else(|| StoreError::Unreadable("what was done to a tool".to_owned()))
    }
}

impl From<ToolAction> for Value {
    fn from(action: ToolAction) -> Self {
        action.as_str().into()
    }
}

/// One thing that was done to a tool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ToolEvent {
    /// Its number, from 1 without gaps within the tool.
    pub seq: u64,
    /// When.
    pub at: Timestamp,
    /// Who did it.
    pub by: String,
    /// What was done.
    pub action: ToolAction,
    /// The alias it was done to, if to one.
    pub alias: Option<ToolAlias>,
    /// The version that the alias named before.
    pub from: Option<ToolDigest>,
    /// The version that the alias names from then on; or, where no alias is concerned, the version it was done to.
    pub to: Option<ToolDigest>,
    /// The alias's share of the calls from then on, in percent.
    pub share: Option<u32>,
    /// The tier that the version has from then on, where that was changed.
    pub tier: Option<String>,
    /// The name of the secret that was set or taken away; its value is nowhere.
    pub secret: Option<String>,
    /// The host that the secret is for, if that is known.
    pub host: Option<String>,
    /// Why.
    pub why: String,
}

impl<D: Db> Store<D> {
    /// What was done to a tool before the event numbered `before`, or until now; the newest first, at most `limit`.
    /// A deleted tool has its history still.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn tool_history(
        &self,
        tenant: &TenantId,
        tool: &ToolName,
        before: Option<u64>,
        limit: u32,
    ) -> Result<Vec<ToolEvent>, StoreError> {
        let sql = "SELECT * FROM tool_history WHERE tenant = ?1 AND tool = ?2 AND seq < ?3 \
                   ORDER BY seq DESC LIMIT ?4";
        let before = before.and_then(|seq| i64::try_from(seq).ok()).unwrap_or(i64::MAX);
        let params = [tenant.into(), tool.into(), before.into(), limit.into()];
        let rows = self.db.query(Statement::new(sql, params)).await?;
        rows.iter().map(|row| event(&row)).collect()
    }
}

fn event(row: &Row<'_>) -> Result<ToolEvent, StoreError> {
    Ok(ToolEvent {
        seq: row.count("seq")?.into(),
        at: Timestamp(row.integer("at")?),
        by: row.parse("actor")?,
        action: row.parse("action")?,
        alias: row.optional_parse("alias")?,
        from: row.optional_parse("from_digest")?,
        to: row.optional_parse("to_digest")?,
        share: row.optional_count("share")?,
        tier: row.optional_parse("tier")?,
        secret: row.optional_parse("secret")?,
        host: row.optional_parse("host")?,
        why: row.parse("why")?,
    })
}

/// Notes what was done to a version, or to the tool.
pub(super) fn note(
    tenant: &TenantId,
    tool: &ToolName,
    action: ToolAction,
    digest: Option<&ToolDigest>,
    act: &Act<'_>,
) -> Statement {
    let sql = "INSERT INTO tool_history (tenant, tool, seq, at, actor, action, to_digest, why) VALUES (?1, ?2, \
               (SELECT COALESCE(MAX(seq), 0) + 1 FROM tool_history WHERE tenant = ?1 AND tool = ?2), \
               ?3, ?4, ?5, ?6, ?7)";
    let params: [Value; 7] = [
        tenant.into(),
        tool.into(),
        act.at.into(),
        act.by.into(),
        action.into(),
        digest.into(),
        act.why.into(),
    ];
    Statement::new(sql, params)
}

/// Notes that a version has another tier from now on.
pub(super) fn note_tier(
    tenant: &TenantId,
    tool: &ToolName,
    (digest, tier): (&ToolDigest, &str),
    act: &Act<'_>,
) -> Statement {
    let sql = "INSERT INTO tool_history (tenant, tool, seq, at, actor, action, to_digest, tier, why) VALUES (?1, ?2, \
               (SELECT COALESCE(MAX(seq), 0) + 1 FROM tool_history WHERE tenant = ?1 AND tool = ?2), \
               ?3, ?4, ?5, ?6, ?7, ?8)";
    let params: [Value; 8] = [
        tenant.into(),
        tool.into(),
        act.at.into(),
        act.by.into(),
        ToolAction::TierChanged.into(),
        digest.into(),
        tier.into(),
        act.why.into(),
    ];
    Statement::new(sql, params)
}

/// Notes that a secret was set for `host`, or taken away: then it is for the host that it was set for last.
pub(super) fn note_secret(
    tenant: &TenantId,
    tool: &ToolName,
    (name, host): (&str, Option<&str>),
    act: &Act<'_>,
) -> Statement {
    let sql = "INSERT INTO tool_history (tenant, tool, seq, at, actor, action, secret, host, why) VALUES (?1, ?2, \
               (SELECT COALESCE(MAX(seq), 0) + 1 FROM tool_history WHERE tenant = ?1 AND tool = ?2), \
               ?3, ?4, ?5, ?6, COALESCE(CAST(?7 AS TEXT), (SELECT h.host FROM tool_history h WHERE h.tenant = ?1 \
               AND h.tool = ?2 AND h.secret = ?6 ORDER BY h.seq DESC LIMIT 1)), ?8)";
    let action = if host.is_some() { ToolAction::SecretSet } else { ToolAction::SecretRemoved };
    let params: [Value; 8] = [
        tenant.into(),
        tool.into(),
        act.at.into(),
        act.by.into(),
        action.into(),
        name.into(),
        host.into(),
        act.why.into(),
    ];
    Statement::new(sql, params)
}

/// Notes that an alias names `to` from now on, or nothing.
pub(super) fn note_alias(
    tenant: &TenantId,
    tool: &ToolName,
    (action, alias): (ToolAction, ToolAlias),
    to: Option<(&ToolDigest, u32)>,
    act: &Act<'_>,
) -> Statement {
    let sql = "INSERT INTO tool_history (tenant, tool, seq, at, actor, action, alias, from_digest, to_digest, share, \
               why) VALUES (?1, ?2, \
               (SELECT COALESCE(MAX(seq), 0) + 1 FROM tool_history WHERE tenant = ?1 AND tool = ?2), \
               ?3, ?4, ?5, ?6, \
               (SELECT digest FROM tool_aliases WHERE tenant = ?1 AND tool = ?2 AND alias = ?6), ?7, ?8, ?9)";
    let params: [Value; 9] = [
        tenant.into(),
        tool.into(),
        act.at.into(),
        act.by.into(),
        action.into(),
        alias.into(),
        to.map(|(digest, _)| digest).into(),
        to.map(|(_, share)| share).into(),
        act.why.into(),
    ];
    Statement::new(sql, params)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_action_survives_its_text() {
        for action in ToolAction::ALL {
            assert_eq!(action.as_str().parse::<ToolAction>().ok(), Some(action));
            assert_eq!(serde_json::to_value(action).ok(), Some(action.as_str().into()));
        }
    }
}
