//! Whether a version that fails is to leave its aliases.

use std::collections::BTreeSet;
use std::time::Duration;

use store::{
    Act, NativeDb, RollBackReason, RolledBack, Runs, Store, StoreError, Thresholds, Timestamp, ToolAction,
    ToolAlias, ToolError, Verdict,
};

use crate::tools::UsedVersion;

/// The runs that count: those of so long before now.
const JUDGED: Duration = Duration::from_mins(10);

/// How far back the history is read for the last time that a version was gone back from.
const EVENTS: u32 = 100;

/// Who goes back, as history has it.
const BY: &str = "voicehive";

/// How many versions without a version before them are remembered, so that each is told of once.
const TOLD_MAX: usize = 1024;

/// When a version is to go. One that fails more often than not is spared after some failures in a row, so that few runs are all
/// there is to judge it by.
fn thresholds() -> [Thresholds; 2] {
    let usual = Thresholds::default();
    [usual, Thresholds { calls: 8, traps: 500, timeouts: 500, failures: 500, ..usual }]
}

fn verdict(runs: &Runs) -> Option<RollBackReason> {
    let verdicts = thresholds().map(|thresholds| thresholds.judge(runs));
    verdicts.into_iter().find_map(|verdict| match verdict {
        Verdict::RollBack(reason) => Some(reason),
        Verdict::TooFew | Verdict::Stay => None,
    })
}

/// Judges versions.
#[derive(Default)]
pub struct Judge {
    told: BTreeSet<UsedVersion>,
}

impl Judge {
    /// Takes the aliases that name a version back from it, if too many of its last runs failed.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn judge(
        &mut self,
        store: &Store<NativeDb>,
        version: &UsedVersion,
        now: Timestamp,
    ) -> Result<(), ToolError> {
        let UsedVersion { tenant, tool, digest } = version;
        let aliases = store.tool_aliases(tenant, tool).await?;
        let naming: Vec<ToolAlias> =
            aliases.iter().filter(|named| named.digest == *digest).map(|named| named.alias).collect();
        if naming.is_empty() {
            return Ok(());
        }
        let since = since(store, version, now).await?;
        let runs = store.tool_runs(tenant, tool, digest, since).await?;
        let Some(reason) = verdict(&runs) else { return Ok(()) };
        let why = reason.to_string();
        for alias in naming {
            let act = Act { by: BY, why: &why, at: now };
            match store.roll_back_tool(tenant, tool, alias, digest, true, &act).await? {
                RolledBack::To(to) => {
                    let to = to.as_ref().map_or("nothing", |to| to.as_str());
                    let (tenant, tool, alias) = (tenant.as_str(), tool.as_str(), alias.as_str());
                    tracing::warn!(tenant, tool, alias, from = digest.as_str(), to, why, "a tool went back");
                }
                // Somebody else was first.
                RolledBack::Other(_) => {}
                RolledBack::NothingEarlier => self.tell(version, &why),
            }
        }
        Ok(())
    }

    /// A version that keeps failing where there is no other is spared for a while by whoever runs it.
    fn tell(&mut self, version: &UsedVersion, why: &str) {
        if self.told.len() >= TOLD_MAX {
            self.told.clear();
        }
        if self.told.insert(version.clone()) {
            let UsedVersion { tenant, tool, digest } = version;
            let (tenant, tool, from) = (tenant.as_str(), tool.as_str(), digest.as_str());
            tracing::warn!(tenant, tool, from, why, "a tool keeps failing, and has no version to go back to");
        }
    }
}

/// From when on a version's runs count. Whoever lets an alias name a version again that was gone back from may have mended
/// what it depends on; so what it did before is forgiven.
async fn since(
    store: &Store<NativeDb>,
    UsedVersion { tenant, tool, digest }: &UsedVersion,
    now: Timestamp,
) -> Result<Timestamp, StoreError> {
    let history = store.tool_history(tenant, tool, None, EVENTS).await?;
    let left = history.iter().find(|event| {
        let went_back = matches!(event.action, ToolAction::RolledBack | ToolAction::RolledBackAutomatically);
        went_back && event.from.as_ref() == Some(digest)
    });
    let earliest = now.minus(JUDGED);
    Ok(left.map_or(earliest, |event| event.at.max(earliest)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_goes_when_nearly_all_runs_fail_or_too_many_of_many() {
        let goes = |calls, traps| verdict(&Runs { calls, traps, ..Runs::default() }).is_some();
        assert!(!goes(2, 2));
        assert!(goes(3, 3));
        assert!(!goes(4, 3), "one in four went well");
        assert!(!goes(8, 4));
        assert!(goes(8, 5));
        assert!(!goes(20, 2));
        assert!(goes(20, 3));
    }
}
