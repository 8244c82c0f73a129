//! How often somebody may do something, counted in the database, so that it holds across processes.
//!
//! The generic cell rate algorithm keeps one number for each key: when the next request would arrive if all had come
//! evenly. A request is admitted unless that is further ahead than a full burst.

use std::time::Duration;

use crate::db::Batch;
use crate::{Db, Statement, Store, StoreError, Timestamp, Value};

/// How often: `count` at once, and then again as the time goes by, `count` in each `per`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// How many.
    pub count: u32,
    /// In which time.
    pub per: Duration,
}

/// Whether a request may pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission {
    /// It may, and was counted.
    Admitted,
    /// It may not, and was not counted.
    Over {
        /// When one may pass again, if none comes before.
        retry_after: Duration,
    },
}

impl<D: Db> Store<D> {
    /// Admits a request by `key` within `scope`, for example an address within `api-admin`. A rate of nothing admits
    /// nothing.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn admit(
        &self,
        scope: &str,
        key: &str,
        rate: Rate,
        now: Timestamp,
    ) -> Result<Admission, StoreError> {
        let Some(statement) = admission(scope, key, rate, now) else {
            return Ok(Admission::Over { retry_after: rate.per });
        };
        if let Batch::Done(_) = self.db.batch(vec![statement]).await? {
            return Ok(Admission::Admitted);
        }
        let (at, latest) = (micros(now), latest(rate, now));
        let sql = "SELECT arrives_at FROM limits WHERE scope = ?1 AND key = ?2";
        let rows = self.db.query(Statement::new(sql, [scope.into(), key.into()])).await?;
        let arrives_at = rows.first().map(|row| row.integer("arrives_at")).transpose()?;
        let wait = arrives_at.unwrap_or(at).saturating_sub(latest);
        // Rounded up to the resolution of our times, so that whoever waits as long is not refused again.
        let millis = u64::try_from(wait).unwrap_or_default().div_ceil(1000).max(1);
        Ok(Admission::Over { retry_after: Duration::from_millis(millis) })
    }
}

/// Counts a request, and returns a row if it may pass. `None` for a rate of nothing.
pub(crate) fn admission(scope: &str, key: &str, rate: Rate, now: Timestamp) -> Option<Statement> {
    // Further ahead than twice what this rate can lead to was written by a clock that ran ahead, or under a slower
    // rate: it is forgotten instead of keeping somebody out for as long.
    let sql = "INSERT INTO limits (scope, key, arrives_at) VALUES (?1, ?2, ?3) \
               ON CONFLICT (scope, key) DO UPDATE SET arrives_at = CASE \
               WHEN limits.arrives_at > ?5 AND limits.arrives_at <= ?7 THEN limits.arrives_at + ?4 ELSE ?3 END \
               WHERE limits.arrives_at <= ?6 OR limits.arrives_at > ?7 RETURNING arrives_at";
    let Pace { interval, burst } = Pace::of(rate)?;
    let at = micros(now);
    let params: [Value; 7] = [
        scope.into(),
        key.into(),
        (at + interval).into(),
        interval.into(),
        at.into(),
        latest(rate, now).into(),
        (at + 2 * burst).into(),
    ];
    Some(Statement::new(sql, params).required())
}

/// Up to when the next request may be expected, for one that comes now to pass.
fn latest(rate: Rate, now: Timestamp) -> i64 {
    let ahead = Pace::of(rate).map_or(0, |pace| pace.burst - pace.interval);
    micros(now) + ahead
}

/// A rate in microseconds, which are fine enough that a rate of 7 a minute is not one of 7.0001.
#[derive(Clone, Copy)]
struct Pace {
    interval: i64,
    burst: i64,
}

impl Pace {
    /// `None` for a rate of nothing.
    fn of(rate: Rate) -> Option<Self> {
        let per = i64::try_from(rate.per.as_micros()).unwrap_or(i64::MAX).min(PER_MAX);
        let interval = per.checked_div(i64::from(rate.count))?.max(1);
        Some(Self { interval, burst: interval.saturating_mul(rate.count.into()) })
    }
}

/// A century in microseconds: far from what the sums above can hold.
const PER_MAX: i64 = 100 * 366 * 24 * 60 * 60 * 1_000_000;

/// Microseconds since the Unix epoch, as far as a rate's sums can hold.
fn micros(now: Timestamp) -> i64 {
    now.0.saturating_mul(1000).clamp(-PER_MAX * 100, PER_MAX * 100)
}

/// What is due: whoever comes with such a key stands as if it had never come.
pub(crate) fn forget(now: Timestamp) -> Statement {
    let sql = "DELETE FROM limits WHERE (scope, key) IN \
               (SELECT scope, key FROM limits WHERE arrives_at <= ?1 LIMIT ?2)";
    Statement::new(sql, [micros(now).into(), crate::deliveries::SWEEP_MAX.into()])
}
