//! How the runs of versions went, added up in windows.

use std::time::Duration;

use super::ToolError;
use super::names::{ToolDigest, ToolName};
use crate::db::{Batch, Row};
use crate::{Db, Statement, Store, StoreError, TenantId, Timestamp, Value};

/// How long one window is: short enough to go back soon, long enough that few rows are written.
pub const RUN_WINDOW: Duration = Duration::from_mins(1);

/// How long windows are kept: a day of them shows what every hour of it is like.
pub const RUNS_KEPT: Duration = Duration::from_hours(24);

/// Runs, added up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Runs {
    /// How many.
    pub calls: u64,
    /// Of them, how many trapped.
    pub traps: u64,
    /// How many were out of time.
    pub timeouts: u64,
    /// How many went wrong otherwise, for example with a result that is too large.
    pub faults: u64,
    /// What they spent of a processor.
    pub cpu: Duration,
    /// How long they took, one after the other, host calls included.
    pub took: Duration,
    /// How many took at most as long as [`Runs::BOUNDS`] say, each bound without those before; the last, longer.
    pub spread: [u64; 7],
}

impl Runs {
    /// The bounds of [`Runs::spread`].
    pub const BOUNDS: [Duration; 6] = [
        Duration::from_millis(10),
        Duration::from_millis(30),
        Duration::from_millis(100),
        Duration::from_millis(300),
        Duration::from_millis(1000),
        Duration::from_millis(3000),
    ];

    /// One run that went well.
    pub fn one(cpu: Duration, took: Duration) -> Self {
        let slot = Self::BOUNDS.iter().position(|bound| took <= *bound).unwrap_or(Self::BOUNDS.len());
        let mut spread = [0; 7];
        if let Some(count) = spread.get_mut(slot) {
            *count = 1;
        }
        Self { calls: 1, cpu, took, spread, ..Self::default() }
    }

    /// These runs and those.
    #[must_use]
    pub fn and(self, more: &Self) -> Self {
        let mut spread = self.spread;
        for (count, more) in spread.iter_mut().zip(more.spread) {
            *count = count.saturating_add(more);
        }
        Self {
            calls: self.calls.saturating_add(more.calls),
            traps: self.traps.saturating_add(more.traps),
            timeouts: self.timeouts.saturating_add(more.timeouts),
            faults: self.faults.saturating_add(more.faults),
            cpu: self.cpu.saturating_add(more.cpu),
            took: self.took.saturating_add(more.took),
            spread,
        }
    }

    /// The least of [`Runs::BOUNDS`] within which `percent` of the runs ended; [`Duration::MAX`] where none is long
    /// enough, and nothing where there were no runs.
    pub fn within(&self, percent: u32) -> Duration {
        let all: u64 = self.spread.iter().fold(0, |sum, count| sum.saturating_add(*count));
        let wanted = u128::from(all) * u128::from(percent.min(100));
        let mut ended = 0_u128;
        if all == 0 {
            return Duration::ZERO;
        }
        for (bound, count) in Self::BOUNDS.iter().zip(self.spread) {
            ended += u128::from(count);
            if ended * 100 >= wanted {
                return *bound;
            }
        }
        Duration::MAX
    }
}

impl<D: Db> Store<D> {
    /// Adds runs to a version's window at `now`, and forgets its windows that are too old. Whoever runs tools adds runs
    /// up for a second or so before, for each write waits for those of live calls.
    ///
    /// # Errors
    /// When there is no such tool or the database fails.
    pub async fn add_tool_runs(
        &self,
        tenant: &TenantId,
        tool: &ToolName,
        digest: &ToolDigest,
        runs: &Runs,
        now: Timestamp,
    ) -> Result<(), ToolError> {
        let there = "SELECT name FROM tools WHERE tenant = ?1 AND name = ?2";
        let old = "DELETE FROM tool_runs WHERE tenant = ?1 AND tool = ?2 AND digest = ?3 AND window_at < ?4";
        let name = || [tenant.into(), tool.into(), digest.into()];
        let kept = Value::from(window(now.minus(RUNS_KEPT)));
        let statements = vec![
            Statement::new(there, [tenant.into(), tool.into()]).required(),
            add(tenant, tool, digest, runs, now),
            Statement::new(old, name().into_iter().chain([kept])),
        ];
        match self.db.batch(statements).await? {
            Batch::Done(_) => Ok(()),
            Batch::Unmet(_) => Err(ToolError::NoSuchTool),
        }
    }

    /// Forgets windows of all versions that are older than [`RUNS_KEPT`] at `now`, at most `limit` of them: those of a
    /// version that runs no more are forgotten by nobody else. Returns how many went.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn forget_tool_runs(&self, now: Timestamp, limit: u32) -> Result<u64, StoreError> {
        let sql = "DELETE FROM tool_runs WHERE (tenant, tool, digest, window_at) IN \
                   (SELECT r.tenant, r.tool, r.digest, r.window_at FROM tool_runs r WHERE r.window_at < ?1 \
                   ORDER BY r.window_at LIMIT ?2)";
        let kept = window(now.minus(RUNS_KEPT));
        Ok(self.db.execute(Statement::new(sql, [kept.into(), limit.into()])).await?)
    }

    /// The runs of a version in the windows that begin at `since` or later.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn tool_runs(
        &self,
        tenant: &TenantId,
        tool: &ToolName,
        digest: &ToolDigest,
        since: Timestamp,
    ) -> Result<Runs, StoreError> {
        let sql =
            "SELECT * FROM tool_runs WHERE tenant = ?1 AND tool = ?2 AND digest = ?3 AND window_at >= ?4";
        let params = [tenant.into(), tool.into(), digest.into(), since.into()];
        let rows = self.db.query(Statement::new(sql, params)).await?;
        rows.iter().try_fold(Runs::default(), |sum, row| Ok(sum.and(&runs(&row)?)))
    }

    /// The runs of each version of a tool in the windows that begin at `since` or later.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn tool_usage(
        &self,
        tenant: &TenantId,
        tool: &ToolName,
        since: Timestamp,
    ) -> Result<Vec<(ToolDigest, Runs)>, StoreError> {
        let sql = "SELECT * FROM tool_runs WHERE tenant = ?1 AND tool = ?2 AND window_at >= ?3 \
                   ORDER BY digest, window_at";
        let rows = self.db.query(Statement::new(sql, [tenant.into(), tool.into(), since.into()])).await?;
        let mut usage: Vec<(ToolDigest, Runs)> = Vec::new();
        for row in rows.iter() {
            let (digest, more) = (row.parse::<ToolDigest>("digest")?, runs(&row)?);
            match usage.last_mut() {
                Some((last, sum)) if *last == digest => *sum = sum.and(&more),
                _ => usage.push((digest, more)),
            }
        }
        Ok(usage)
    }
}

fn add(tenant: &TenantId, tool: &ToolName, digest: &ToolDigest, runs: &Runs, now: Timestamp) -> Statement {
    let sql = "INSERT INTO tool_runs (tenant, tool, digest, window_at, calls, traps, timeouts, faults, cpu_ms, \
               took_ms, up_to_10, up_to_30, up_to_100, up_to_300, up_to_1000, up_to_3000, longer) \
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17) \
               ON CONFLICT (tenant, tool, digest, window_at) DO UPDATE SET \
               calls = tool_runs.calls + excluded.calls, traps = tool_runs.traps + excluded.traps, \
               timeouts = tool_runs.timeouts + excluded.timeouts, faults = tool_runs.faults + excluded.faults, \
               cpu_ms = tool_runs.cpu_ms + excluded.cpu_ms, took_ms = tool_runs.took_ms + excluded.took_ms, \
               up_to_10 = tool_runs.up_to_10 + excluded.up_to_10, \
               up_to_30 = tool_runs.up_to_30 + excluded.up_to_30, \
               up_to_100 = tool_runs.up_to_100 + excluded.up_to_100, \
               up_to_300 = tool_runs.up_to_300 + excluded.up_to_300, \
               up_to_1000 = tool_runs.up_to_1000 + excluded.up_to_1000, \
               up_to_3000 = tool_runs.up_to_3000 + excluded.up_to_3000, longer = tool_runs.longer + excluded.longer";
    let name: [Value; 4] = [tenant.into(), tool.into(), digest.into(), window(now).into()];
    let counts = [runs.calls, runs.traps, runs.timeouts, runs.faults, millis(runs.cpu), millis(runs.took)];
    // Far below what a sum of a window could overflow by.
    let whole = |count: u64| Value::from(i64::try_from(count).unwrap_or(i64::MAX).min(1 << 40));
    Statement::new(sql, name.into_iter().chain(counts.into_iter().chain(runs.spread).map(whole)))
}

/// When the window around `at` begins.
fn window(at: Timestamp) -> Timestamp {
    let length = i64::try_from(RUN_WINDOW.as_millis()).unwrap_or(i64::MAX);
    Timestamp(at.0.saturating_sub(at.0.rem_euclid(length)))
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

fn runs(row: &Row<'_>) -> Result<Runs, StoreError> {
    let count = |column| Ok::<_, StoreError>(u64::try_from(row.integer(column)?).unwrap_or_default());
    Ok(Runs {
        calls: count("calls")?,
        traps: count("traps")?,
        timeouts: count("timeouts")?,
        faults: count("faults")?,
        cpu: Duration::from_millis(count("cpu_ms")?),
        took: Duration::from_millis(count("took_ms")?),
        spread: [
            count("up_to_10")?,
            count("up_to_30")?,
            count("up_to_100")?,
            count("up_to_300")?,
            count("up_to_1000")?,
            count("up_to_3000")?,
            count("longer")?,
        ],
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn took(millis: u64) -> Runs {
        Runs::one(Duration::ZERO, Duration::from_millis(millis))
    }

    #[test]
    fn a_percentile_is_never_shown_shorter_than_it_was() {
        let mut times: Vec<u64> = (0..100).map(|number| (number * 37) % 5000).collect();
        let runs = times.iter().fold(Runs::default(), |sum, millis| sum.and(&took(*millis)));
        times.sort_unstable();
        for percent in 1..=100_u32 {
            let true_time = Duration::from_millis(times[percent as usize - 1]);
            let shown = runs.within(percent);
            assert!(shown >= true_time, "{percent}");
            // And by one bound at most longer.
            let below = Runs::BOUNDS.iter().rev().find(|bound| **bound < shown);
            assert!(below.is_none_or(|below| true_time > *below), "{percent}");
        }
        assert_eq!(Runs::default().within(99), Duration::ZERO);
    }

    #[test]
    fn windows_meet_without_overlap() {
        for at in [0, 59_999, 60_000, -1] {
            let begin = window(Timestamp(at)).0;
            assert!(begin <= at && at < begin + 60_000, "{at}");
            assert_eq!(begin % 60_000, 0);
        }
    }
}
