//! The append-only log of a call, and the turns projected from it.

use events::CallEvent;

use crate::db::{Batch, Row};
use crate::{CallId, Db, DbError, Statement, Store, StoreError, TenantId, Timestamp, Value, accounts};

/// One line of a call's log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredEvent {
    /// Its place in the log, from 1.
    pub seq: u64,
    /// When it was logged.
    pub at: Timestamp,
    /// Its type.
    pub kind: String,
    /// Its data, JSON.
    pub data: String,
}

impl StoredEvent {
    /// The event, or `None` where this code does not know its type or form.
    pub fn event(&self) -> Option<CallEvent> {
        CallEvent::from_stored(&self.kind, &self.data).ok()
    }
}

/// What became of events that were to be appended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Appended {
    /// All are in the log; the last has this number (0 for an empty log).
    UpTo(u64),
    /// The log did not end where it was expected to; nothing was appended.
    Moved,
}

/// One turn, as projected from the log.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredTurn {
    /// Its number.
    pub turn: u32,
    /// When its first event was logged.
    pub began_at: Timestamp,
    /// What was understood of the caller.
    pub caller: String,
    /// All that the agent was going to say.
    pub said: String,
    /// What the caller heard of it.
    pub heard: String,
    /// Whether the caller cut it short.
    pub interrupted: bool,
    /// The mood of the caller's words, where it was assessed: label and score.
    pub sentiment: Option<(String, f64)>,
    /// Where the time went, JSON of [`events::Latency`].
    pub latency_json: Option<String>,
}

impl<D: Db> Store<D> {
    /// Appends events to a call's log in order, all or none, and with them their
    /// projections. Where `expected` is given, only if the log's last number is that.
    ///
    /// # Errors
    /// [`StoreError::NoSuchCall`], and when the database fails.
    pub async fn append_events(
        &self,
        tenant: &TenantId,
        call: &CallId,
        events: &[(Timestamp, CallEvent)],
        expected: Option<u64>,
    ) -> Result<Appended, StoreError> {
        let mut statements = Vec::new();
        for (index, (at, event)) in events.iter().enumerate() {
            let expected = expected.filter(|_| index == 0);
            statements.extend(append(tenant, call, event, expected, *at)?);
        }
        match self.db.batch(statements).await {
            Ok(Batch::Done(results)) => {
                let mut seqs = results.iter().rev().filter_map(|rows| rows.first()?.integer("seq").ok());
                Ok(Appended::UpTo(seqs.next().and_then(|seq| u64::try_from(seq).ok()).unwrap_or_default()))
            }
            Ok(Batch::Unmet(_)) => Ok(Appended::Moved),
            Err(DbError::Constraint(_)) => Err(StoreError::NoSuchCall),
            Err(error) => Err(error.into()),
        }
    }

    /// Appends one event; returns its number.
    ///
    /// # Errors
    /// As [`Store::append_events`].
    pub async fn append_event(
        &self,
        tenant: &TenantId,
        call: &CallId,
        event: CallEvent,
        at: Timestamp,
    ) -> Result<u64, StoreError> {
        match self.append_events(tenant, call, &[(at, event)], None).await? {
            Appended::UpTo(seq) => Ok(seq),
            Appended::Moved => Err(StoreError::Unreadable("an append without expectation moved".to_owned())),
        }
    }

    /// Logs that the carrier asked again for a lost call, unless that happened `limit` times
    /// already. Returns whether it was logged.
    ///
    /// # Errors
    /// As [`Store::append_events`].
    pub async fn recover_call(
        &self,
        tenant: &TenantId,
        call: &CallId,
        limit: u32,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let sql = "SELECT 1 AS allowed FROM calls WHERE tenant = ?1 AND id = ?2 AND (\
                   SELECT COUNT(*) FROM call_events WHERE tenant = ?1 AND call = ?2 AND type = ?3) < ?4";
        let kind = CallEvent::Recovered.kind();
        let params = [tenant.into(), call.into(), kind.into(), limit.into()];
        let mut statements = vec![Statement::new(sql, params).required()];
        statements.extend(append(tenant, call, &CallEvent::Recovered, None, now)?);
        Ok(matches!(self.db.batch(statements).await?, Batch::Done(_)))
    }

    /// A call's log from the number after `after` on, in order.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn events(
        &self,
        tenant: &TenantId,
        call: &CallId,
        after: u64,
    ) -> Result<Vec<StoredEvent>, StoreError> {
        let sql = "SELECT seq, at, type, data FROM call_events \
                   WHERE tenant = ?1 AND call = ?2 AND seq > ?3 ORDER BY seq";
        let after = i64::try_from(after).unwrap_or(i64::MAX);
        let rows = self.db.query(Statement::new(sql, [tenant.into(), call.into(), after.into()])).await?;
        rows.iter().map(|row| stored(&row)).collect()
    }

    /// The last event of a type in a call's log, if there is one.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn last_event(
        &self,
        tenant: &TenantId,
        call: &CallId,
        kind: &str,
    ) -> Result<Option<StoredEvent>, StoreError> {
        let sql = "SELECT seq, at, type, data FROM call_events \
                   WHERE tenant = ?1 AND call = ?2 AND type = ?3 ORDER BY seq DESC LIMIT 1";
        let rows = self.db.query(Statement::new(sql, [tenant.into(), call.into(), kind.into()])).await?;
        rows.first().map(|row| stored(&row)).transpose()
    }

    /// A call's turns, in order.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn turns(&self, tenant: &TenantId, call: &CallId) -> Result<Vec<StoredTurn>, StoreError> {
        let sql = "SELECT * FROM turns WHERE tenant = ?1 AND call = ?2 ORDER BY turn";
        let rows = self.db.query(Statement::new(sql, [tenant.into(), call.into()])).await?;
        let turns = rows.iter().map(|row| {
            let label = row.optional_parse("sentiment_label")?;
            Ok(StoredTurn {
                turn: u32::try_from(row.integer("turn")?).unwrap_or(u32::MAX),
                began_at: Timestamp(row.integer("began_at")?),
                caller: row.parse("caller")?,
                said: row.parse("said")?,
                heard: row.parse("heard")?,
                interrupted: row.integer("interrupted")? != 0,
                sentiment: label.zip(row.optional_real("sentiment_score")?),
                latency_json: row.optional_parse("latency_json")?,
            })
        });
        turns.collect()
    }

    /// Projects a call's turns anew from its log.
    ///
    /// # Errors
    /// When the database fails; then the turns are as before.
    pub async fn rebuild_turns(&self, tenant: &TenantId, call: &CallId) -> Result<(), StoreError> {
        let sql = "DELETE FROM turns WHERE tenant = ?1 AND call = ?2";
        let mut statements = vec![Statement::new(sql, [tenant.into(), call.into()])];
        for stored in self.events(tenant, call, 0).await? {
            if let Some(event) = stored.event() {
                statements.extend(project_turn(tenant, call, &event, stored.at));
            }
        }
        self.db.batch(statements).await?;
        Ok(())
    }
}

/// The statements that log `event` and project it. The first returns the event's number.
pub(crate) fn append(
    tenant: &TenantId,
    call: &CallId,
    event: &CallEvent,
    expected: Option<u64>,
    at: Timestamp,
) -> Result<Vec<Statement>, StoreError> {
    const ANYWHERE: &str = "INSERT INTO call_events (tenant, call, seq, at, type, data) \
         SELECT ?1, ?2, COALESCE(MAX(seq), 0) + 1, ?3, ?4, ?5 FROM call_events \
         WHERE tenant = ?1 AND call = ?2 RETURNING seq";
    const AFTER: &str = "INSERT INTO call_events (tenant, call, seq, at, type, data) \
         SELECT ?1, ?2, COALESCE(MAX(seq), 0) + 1, ?3, ?4, ?5 FROM call_events \
         WHERE tenant = ?1 AND call = ?2 HAVING COALESCE(MAX(seq), 0) = ?6 RETURNING seq";
    let data = event.data().map_err(StoreError::Event)?;
    let mut params: Vec<Value> =
        vec![tenant.into(), call.into(), at.into(), event.kind().into(), data.into()];
    let logged = match expected.map(i64::try_from) {
        None => Statement::new(ANYWHERE, params),
        Some(expected) => {
            params.push(expected.unwrap_or(i64::MAX).into());
            Statement::new(AFTER, params).required()
        }
    };
    let mut statements = vec![logged];
    statements.extend(accounts::told_by_log(tenant, call, event, at)?);
    statements.extend(project_turn(tenant, call, event, at));
    Ok(statements)
}

fn stored(row: &Row<'_>) -> Result<StoredEvent, StoreError> {
    Ok(StoredEvent {
        seq: u64::try_from(row.integer("seq")?).unwrap_or_default(),
        at: Timestamp(row.integer("at")?),
        kind: row.parse("type")?,
        data: row.parse("data")?,
    })
}

fn project_turn(tenant: &TenantId, call: &CallId, event: &CallEvent, at: Timestamp) -> Option<Statement> {
    let turn = |number: &u32, sql, values: Vec<Value>| {
        let key: [Value; 4] = [tenant.into(), call.into(), (*number).into(), at.into()];
        Statement::new(sql, key.into_iter().chain(values))
    };
    match event {
        CallEvent::TurnCommitted { turn: number, text } => {
            let sql = "INSERT INTO turns (tenant, call, turn, began_at, caller) VALUES (?1, ?2, ?3, ?4, ?5) \
                       ON CONFLICT (tenant, call, turn) DO UPDATE SET caller = excluded.caller";
            Some(turn(number, sql, vec![text.as_str().into()]))
        }
        CallEvent::SentimentAssessed { turn: number, label, score, .. } => {
            let sql = "INSERT INTO turns (tenant, call, turn, began_at, sentiment_label, sentiment_score) \
                       VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT (tenant, call, turn) DO UPDATE \
                       SET sentiment_label = excluded.sentiment_label, sentiment_score = excluded.sentiment_score";
            Some(turn(number, sql, vec![label.as_str().into(), f64::from(*score).into()]))
        }
        CallEvent::TurnInterrupted { turn: number, heard } => {
            let sql = "INSERT INTO turns (tenant, call, turn, began_at, heard, interrupted) \
                       VALUES (?1, ?2, ?3, ?4, ?5, 1) ON CONFLICT (tenant, call, turn) DO UPDATE \
                       SET heard = excluded.heard, interrupted = 1";
            Some(turn(number, sql, vec![heard.as_str().into()]))
        }
        CallEvent::TurnFinished { turn: number, said, heard, interrupted, latency } => {
            let sql = "INSERT INTO turns (tenant, call, turn, began_at, said, heard, interrupted, latency_json) \
                       VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT (tenant, call, turn) DO UPDATE \
                       SET said = excluded.said, heard = excluded.heard, interrupted = excluded.interrupted, \
                       latency_json = excluded.latency_json";
            let latency = latency.and_then(|latency| serde_json::to_string(&latency).ok());
            let values =
                vec![said.as_str().into(), heard.as_str().into(), (*interrupted).into(), latency.into()];
            Some(turn(number, sql, values))
        }
        _ => None,
    }
}
