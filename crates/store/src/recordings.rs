//! Recordings of calls: what carriers offer, and what became of fetching it.

use std::time::Duration;

use call_state::{CarrierEvent, EventKind};
use serde::Serialize;

use crate::db::Row;
use crate::{CallId, Db, Statement, Store, StoreError, TenantId, Timestamp, Value};

/// A recording of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recording {
    /// The carrier's id of it.
    pub id: String,
    /// Where the carrier offers it; the newest address it gave. Some addresses hold for minutes only.
    pub url: Option<String>,
    /// How long it is, where the carrier says.
    pub duration: Option<Duration>,
    /// What became of fetching it.
    pub state: RecordingState,
    /// Its size, once it was fetched.
    pub bytes: Option<u64>,
    /// The SHA-256 of it in hex, once it was fetched.
    pub sha256: Option<String>,
    /// When it was fetched.
    pub fetched_at: Option<Timestamp>,
    /// Why it was not fetched.
    pub error: Option<String>,
}

/// What became of fetching a recording.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum RecordingState {
    /// The carrier offers it.
    Known,
    /// We have it.
    Fetched,
    /// It could not be fetched.
    Failed,
}

impl RecordingState {
    fn as_str(self) -> &'static str {
        match self {
            Self::Known => "known",
            Self::Fetched => "fetched",
            Self::Failed => "failed",
        }
    }
}

impl std::str::FromStr for RecordingState {
    type Err = StoreError;

    fn from_str(text: &str) -> Result<Self, StoreError> {
        let all = [Self::Known, Self::Fetched, Self::Failed];
        let found = all.into_iter().find(|state| state.as_str() == text);
        found.ok_or_else(|| StoreError::Unreadable("a recording's state".to_owned()))
    }
}

impl<D: Db> Store<D> {
    /// A call's recordings, the one that was known first, first.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn recordings(&self, tenant: &TenantId, call: &CallId) -> Result<Vec<Recording>, StoreError> {
        let sql = "SELECT * FROM recordings WHERE tenant = ?1 AND call = ?2 ORDER BY created_at, id";
        let rows = self.db.query(Statement::new(sql, [tenant.into(), call.into()])).await?;
        rows.iter().map(|row| recording(&row)).collect()
    }

    /// Notes that a recording was fetched. Returns whether the call has it.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn recording_fetched(
        &self,
        tenant: &TenantId,
        call: &CallId,
        id: &str,
        bytes: u64,
        sha256: &str,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let sql = "UPDATE recordings SET state = 'fetched', bytes = ?4, sha256 = ?5, fetched_at = ?6, error = NULL \
                   WHERE tenant = ?1 AND call = ?2 AND id = ?3";
        let bytes = i64::try_from(bytes).unwrap_or(i64::MAX);
        let params: [Value; 6] =
            [tenant.into(), call.into(), id.into(), bytes.into(), sha256.into(), now.into()];
        Ok(self.db.execute(Statement::new(sql, params)).await? == 1)
    }

    /// Notes why a recording could not be fetched; one that was fetched stays so. Returns whether it was noted.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn recording_failed(
        &self,
        tenant: &TenantId,
        call: &CallId,
        id: &str,
        error: &str,
    ) -> Result<bool, StoreError> {
        let sql = "UPDATE recordings SET state = 'failed', error = ?4 \
                   WHERE tenant = ?1 AND call = ?2 AND id = ?3 AND state <> 'fetched'";
        let params = [tenant.into(), call.into(), id.into(), error.into()];
        Ok(self.db.execute(Statement::new(sql, params)).await? == 1)
    }
}

/// The recording that an event tells of.
pub(crate) fn of(event: &CarrierEvent) -> Option<&call_state::Recording> {
    match &event.kind {
        EventKind::RecordingSaved(recording) => Some(recording),
        EventKind::Ended(ending) => ending.recording.as_ref(),
        _ => None,
    }
}

/// Notes a recording. A new address gives one that could not be fetched another chance; what was fetched stays so.
pub(crate) fn known(
    tenant: &TenantId,
    call: &CallId,
    recording: &call_state::Recording,
    now: Timestamp,
) -> Statement {
    let sql = "INSERT INTO recordings (tenant, call, id, url, duration_ms, state, created_at) \
               VALUES (?1, ?2, ?3, ?4, ?5, 'known', ?6) ON CONFLICT (tenant, call, id) DO UPDATE SET \
               url = COALESCE(excluded.url, recordings.url), \
               duration_ms = COALESCE(excluded.duration_ms, recordings.duration_ms), \
               state = CASE WHEN recordings.state = 'failed' AND excluded.url IS NOT NULL THEN 'known' \
               ELSE recordings.state END";
    let millis = recording.duration.map(|duration| i64::try_from(duration.as_millis()).unwrap_or(i64::MAX));
    let params: [Value; 6] = [
        tenant.into(),
        call.into(),
        recording.id.as_str().into(),
        recording.url.as_deref().into(),
        millis.into(),
        now.into(),
    ];
    Statement::new(sql, params)
}

fn recording(row: &Row<'_>) -> Result<Recording, StoreError> {
    let positive =
        |column| Ok::<_, StoreError>(row.optional_integer(column)?.and_then(|n| u64::try_from(n).ok()));
    Ok(Recording {
        id: row.parse("id")?,
        url: row.optional_parse("url")?,
        duration: positive("duration_ms")?.map(Duration::from_millis),
        state: row.parse("state")?,
        bytes: positive("bytes")?,
        sha256: row.optional_parse("sha256")?,
        fetched_at: row.optional_timestamp("fetched_at")?,
        error: row.optional_parse("error")?,
    })
}
