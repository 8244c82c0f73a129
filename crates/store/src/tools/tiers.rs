//! Under which limits a version runs: those of the tier that its bytes were uploaded for last. The bytes never change.
//!
//! What a tier is, is the gate's matter; here it is a member of the gate's report.

use serde_json::Value as Json;

use super::history::note_tier;
use super::names::{Act, ToolName};
use super::versions::{NewVersion, Uploaded};
use super::{ToolError, quarantine};
use crate::db::Batch;
use crate::{Db, Statement, Store, TenantId, Value};

/// The tiers there are.
const TIERS: [&str; 2] = ["standard", "large"];

impl<D: Db> Store<D> {
    /// Gives a version that is there already, and accepted, the tier that it was uploaded for now, with what the gate
    /// found under it. Calls that have the version keep its limits of before.
    pub(super) async fn change_tier(
        &self,
        tenant: &TenantId,
        tool: &ToolName,
        version: &NewVersion,
        act: &Act<'_>,
    ) -> Result<Uploaded, ToolError> {
        let check = &version.check;
        let Some(tier) = named(&check.report).filter(|_| check.refusal.is_none()) else {
            return Ok(Uploaded::Known);
        };
        let sql = "UPDATE tool_versions SET gate = ?4, engine = ?5, report_json = ?6, checked_at = ?7 \
                   WHERE tenant = ?1 AND tool = ?2 AND digest = ?3 AND state = 'accepted' AND deleted_at IS NULL \
                   AND report_json NOT LIKE ?8 RETURNING digest";
        let params: [Value; 8] = [
            tenant.into(),
            tool.into(),
            (&version.digest).into(),
            check.gate.as_str().into(),
            check.engine.as_str().into(),
            check.checked_report()?.into(),
            act.at.into(),
            like(tier).into(),
        ];
        let statements = vec![
            quarantine::is_free(&version.digest).required(),
            Statement::new(sql, params).required(),
            note_tier(tenant, tool, (&version.digest, tier), act),
        ];
        match self.db.batch(statements).await? {
            Batch::Done(_) => Ok(Uploaded::TierChanged),
            Batch::Unmet(0) => Err(ToolError::Quarantined),
            Batch::Unmet(_) => Ok(Uploaded::Known),
        }
    }
}

/// The tier that a report names.
fn named(report: &Json) -> Option<&'static str> {
    let tier = report.get("tier")?.as_str()?;
    TIERS.into_iter().find(|known| *known == tier)
}

/// What a stored report is like that names `tier`: an object's members are written in the order of their names, and `tier`
/// is the last that a report has.
fn like(tier: &str) -> String {
    format!(r#"%"tier":"{tier}"}}"#)
}

/// What tells, as three patterns, whether a stored report names another tier than `report`: it is not like the first, and
/// like one of the others.
pub(super) fn unless_another(report: &Json) -> [Value; 3] {
    let [standard, large] = TIERS.map(like);
    let same = named(report).map_or_else(|| "%".to_owned(), like);
    [same.into(), standard.into(), large.into()]
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_report_that_names_a_tier_ends_as_it_is_looked_for() {
        for tier in TIERS {
            let reports = [
                json!({ "tier": tier }),
                json!({ "tier": tier, "report": {}, "measured": 1, "definition": { "name": "a" } }),
                json!({ "tier": tier, "refusal": { "item": "i", "mend": "m" } }),
            ];
            for report in reports {
                assert_eq!(named(&report), Some(tier));
                assert!(report.to_string().ends_with(like(tier).trim_start_matches('%')), "{report}");
            }
        }
        for none in [json!({}), json!({ "tier": "huge" }), json!({ "tier": 1 }), json!("large")] {
            assert_eq!(named(&none), None, "{none}");
        }
    }
}
