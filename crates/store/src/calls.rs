//! Calls: made from a carrier's webhook, moved by its reports, listed by page.

use std::fmt;
use std::str::FromStr;

use events::CallEvent;
use serde::{Deserialize, Serialize};

use crate::db::{Batch, Row, Rows};
use crate::{
    AgentId, CallId, CallStatus, Db, Statement, StatusChange, StatusReport, Store, StoreError, TenantId,
    Timestamp, Value, event_log, idempotency,
};

/// Which way a call runs, seen from the platform.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Direction {
    /// The carrier offered it to us.
    Inbound,
    /// We placed it.
    Outbound,
}

impl Direction {
    fn as_str(self) -> &'static str {
        match self {
            Self::Inbound => "inbound",
            Self::Outbound => "outbound",
        }
    }
}

impl FromStr for Direction {
    type Err = StoreError;

    fn from_str(text: &str) -> Result<Self, StoreError> {
        match text {
            "inbound" => Ok(Self::Inbound),
            "outbound" => Ok(Self::Outbound),
            _ => Err(StoreError::Unreadable("a call's direction".to_owned())),
        }
    }
}

/// A call as it stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Call {
    /// The tenant it belongs to.
    #[serde(skip)]
    pub tenant: TenantId,
    /// Its id.
    pub id: CallId,
    /// The carrier, for example `twilio`.
    pub carrier: String,
    /// The carrier's id of it.
    pub carrier_call_id: String,
    /// The calling number; empty when withheld.
    pub from: String,
    /// The called number.
    pub to: String,
    /// Which way it runs.
    pub direction: Direction,
    /// The agent that answers, where one does.
    pub agent: Option<AgentId>,
    /// Where it stands.
    pub status: CallStatus,
    /// When the platform first heard of it.
    pub started_at: Timestamp,
    /// When it was answered.
    pub answered_at: Option<Timestamp>,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// How long the carrier says it took, in seconds.
    pub duration_s: Option<u32>,
    /// Why it ended, in the words of the call's log.
    pub end_reason: Option<String>,
}

/// What is known of a call when it begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewCall {
    /// The id it gets, unless the carrier's id is known already.
    pub id: CallId,
    /// The carrier, for example `twilio`.
    pub carrier: String,
    /// The carrier's id of it; unique by tenant and carrier.
    pub carrier_call_id: String,
    /// The calling number; empty when withheld.
    pub from: String,
    /// The called number.
    pub to: String,
    /// Which way it runs.
    pub direction: Direction,
    /// The agent that is to answer, where one is.
    pub agent: Option<AgentId>,
    /// Where it stands.
    pub status: CallStatus,
}

/// What [`Store::create_call`] found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Created {
    /// The call is new.
    New(Call),
    /// The carrier's id was known; nothing was written.
    Existing(Call),
}

/// Which calls to list. Empty: all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CallFilter {
    /// Only those with this status.
    pub status: Option<CallStatus>,
    /// Only those from this number.
    pub from: Option<String>,
}

/// One page of calls, the newest first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallPage {
    /// The calls.
    pub calls: Vec<Call>,
    /// Where the next page begins; `None` on the last one.
    pub next: Option<Cursor>,
}

/// A place in the list of calls. Its text is opaque to clients and stays valid
/// while calls come and go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cursor {
    started_at: Timestamp,
    id: CallId,
}

/// A text that is no cursor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("that is not a cursor that this list gave out")]
pub struct ParseCursorError;

impl fmt::Display for Cursor {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}~{}", self.started_at.0, self.id)
    }
}

impl FromStr for Cursor {
    type Err = ParseCursorError;

    fn from_str(text: &str) -> Result<Self, ParseCursorError> {
        let (started_at, id) = text.split_once('~').ok_or(ParseCursorError)?;
        let started_at = started_at.parse().map_err(|_| ParseCursorError)?;
        Ok(Self { started_at: Timestamp(started_at), id: id.parse().map_err(|_| ParseCursorError)? })
    }
}

impl<D: Db> Store<D> {
    /// Stores a call and the events it begins with, unless the carrier's id of
    /// it is known already.
    ///
    /// # Errors
    /// When the tenant does not exist or the database fails; then nothing is stored.
    pub async fn create_call(
        &self,
        tenant: &TenantId,
        new: NewCall,
        events: &[CallEvent],
        now: Timestamp,
    ) -> Result<Created, StoreError> {
        let mut statements = vec![insert(tenant, &new, now)];
        for event in events {
            statements.extend(event_log::append(tenant, &new.id, event, None, now)?);
        }
        match self.db.batch(statements).await? {
            Batch::Done(_) => Ok(Created::New(Call::from_new(tenant, new, now))),
            Batch::Unmet(_) => {
                let existing = self.call_by_carrier_id(tenant, &new.carrier, &new.carrier_call_id).await?;
                existing.map(Created::Existing).ok_or(StoreError::NoSuchCall)
            }
        }
    }

    /// The call with this id, if the tenant has it.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn call(&self, tenant: &TenantId, id: &CallId) -> Result<Option<Call>, StoreError> {
        let sql = "SELECT * FROM calls WHERE tenant = ?1 AND id = ?2";
        let rows = self.db.query(Statement::new(sql, [tenant.into(), id.into()])).await?;
        rows.first().map(|row| Call::from_row(&row)).transpose()
    }

    /// The call that the carrier knows by `carrier_call_id`, if the tenant has it.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn call_by_carrier_id(
        &self,
        tenant: &TenantId,
        carrier: &str,
        carrier_call_id: &str,
    ) -> Result<Option<Call>, StoreError> {
        let sql = "SELECT * FROM calls WHERE tenant = ?1 AND carrier = ?2 AND carrier_call_id = ?3";
        let params = [tenant.into(), carrier.into(), carrier_call_id.into()];
        let rows = self.db.query(Statement::new(sql, params)).await?;
        rows.first().map(|row| Call::from_row(&row)).transpose()
    }

    /// One page of the tenant's calls, the newest first.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn calls(
        &self,
        tenant: &TenantId,
        filter: &CallFilter,
        after: Option<&Cursor>,
        limit: u32,
    ) -> Result<CallPage, StoreError> {
        let rows = self.db.query(page(tenant, filter, after, limit)).await?;
        let mut calls = rows.iter().map(|row| Call::from_row(&row)).collect::<Result<Vec<_>, _>>()?;
        let more = calls.len() > limit as usize;
        calls.truncate(limit as usize);
        let last = calls.last().filter(|_| more);
        let next = last.map(|call| Cursor { started_at: call.started_at, id: call.id.clone() });
        Ok(CallPage { calls, next })
    }

    /// Takes a carrier's report on a call: logs it once, and moves the call's
    /// status unless a later one is known. Reports may come in any order.
    ///
    /// # Errors
    /// When the database fails; then nothing is stored and the report may come again.
    pub async fn apply_status(
        &self,
        tenant: &TenantId,
        carrier: &str,
        carrier_call_id: &str,
        report: &StatusReport,
        now: Timestamp,
    ) -> Result<StatusChange, StoreError> {
        let Some(call) = self.call_by_carrier_id(tenant, carrier, carrier_call_id).await? else {
            return Ok(StatusChange::UnknownCall);
        };
        let key = format!("{carrier}/{carrier_call_id}/{}/{}", Sequence(report.sequence), report.status);
        let event =
            CallEvent::Status { status: report.status.as_str().to_owned(), sequence: report.sequence };
        let mut statements = vec![idempotency::claim(tenant, "call-status", &key, now).required()];
        statements.extend(event_log::append(tenant, &call.id, &event, None, now)?);
        if report.status == CallStatus::InProgress {
            statements.push(answered(tenant, &call.id, report.at));
        }
        statements.push(status_moved(tenant, &call.id, report));
        match self.db.batch(statements).await? {
            Batch::Unmet(_) => Ok(StatusChange::Duplicate),
            Batch::Done(rows) if rows.last().is_none_or(Rows::is_empty) => Ok(StatusChange::Late),
            Batch::Done(_) => Ok(StatusChange::Applied),
        }
    }
}

fn insert(tenant: &TenantId, new: &NewCall, now: Timestamp) -> Statement {
    let sql = "INSERT INTO calls (tenant, id, carrier, carrier_call_id, from_number, to_number, direction, \
               agent, status, status_order, started_at) \
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11) \
               ON CONFLICT (tenant, carrier, carrier_call_id) DO NOTHING RETURNING id";
    let params: [Value; 11] = [
        tenant.into(),
        (&new.id).into(),
        new.carrier.as_str().into(),
        new.carrier_call_id.as_str().into(),
        new.from.as_str().into(),
        new.to.as_str().into(),
        new.direction.as_str().into(),
        new.agent.as_ref().into(),
        new.status.as_str().into(),
        new.status.order(None).into(),
        now.into(),
    ];
    Statement::new(sql, params).required()
}

fn page(tenant: &TenantId, filter: &CallFilter, after: Option<&Cursor>, limit: u32) -> Statement {
    const ALL: &str = "SELECT * FROM calls WHERE tenant = ?1 AND (started_at, id) < (?2, ?3) \
                       AND (?4 = '' OR status = ?4) ORDER BY started_at DESC, id DESC LIMIT ?5";
    const FROM: &str = "SELECT * FROM calls WHERE tenant = ?1 AND (started_at, id) < (?2, ?3) \
                        AND (?4 = '' OR status = ?4) AND from_number = ?6 \
                        ORDER BY started_at DESC, id DESC LIMIT ?5";
    let (started_at, id) = after.map_or((i64::MAX, ""), |cursor| (cursor.started_at.0, cursor.id.as_str()));
    let status = filter.status.map_or("", CallStatus::as_str);
    // One more than asked for tells whether there is a next page.
    let limit = limit.saturating_add(1);
    let mut params: Vec<Value> =
        vec![tenant.into(), started_at.into(), id.into(), status.into(), limit.into()];
    match &filter.from {
        None => Statement::new(ALL, params),
        Some(from) => {
            params.push(from.as_str().into());
            Statement::new(FROM, params)
        }
    }
}

pub(crate) fn answered(tenant: &TenantId, call: &CallId, at: Timestamp) -> Statement {
    let sql = "UPDATE calls SET answered_at = ?3 \
               WHERE tenant = ?1 AND id = ?2 AND (answered_at IS NULL OR answered_at > ?3)";
    Statement::new(sql, [tenant.into(), call.into(), at.into()])
}

/// Returns a row if the status moved.
pub(crate) fn status_moved(tenant: &TenantId, call: &CallId, report: &StatusReport) -> Statement {
    let sql = "UPDATE calls SET status = ?3, status_sequence = ?4, status_order = ?5, \
               ended_at = COALESCE(?6, ended_at), duration_s = COALESCE(?7, duration_s) \
               WHERE tenant = ?1 AND id = ?2 AND status_order < ?5 RETURNING id";
    let params = [
        tenant.into(),
        call.into(),
        report.status.as_str().into(),
        report.sequence.into(),
        report.status.order(report.sequence).into(),
        report.status.is_terminal().then_some(report.at).into(),
        report.duration_s.into(),
    ];
    Statement::new(sql, params)
}

struct Sequence(Option<u32>);

impl fmt::Display for Sequence {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(number) => number.fmt(formatter),
            None => formatter.write_str("-"),
        }
    }
}

impl Call {
    fn from_new(tenant: &TenantId, new: NewCall, now: Timestamp) -> Self {
        Self {
            tenant: tenant.clone(),
            id: new.id,
            carrier: new.carrier,
            carrier_call_id: new.carrier_call_id,
            from: new.from,
            to: new.to,
            direction: new.direction,
            agent: new.agent,
            status: new.status,
            started_at: now,
            answered_at: None,
            ended_at: None,
            duration_s: None,
            end_reason: None,
        }
    }

    fn from_row(row: &Row<'_>) -> Result<Self, StoreError> {
        let duration = row.optional_integer("duration_s")?;
        Ok(Self {
            tenant: row.parse("tenant")?,
            id: row.parse("id")?,
            carrier: row.parse("carrier")?,
            carrier_call_id: row.parse("carrier_call_id")?,
            from: row.parse("from_number")?,
            to: row.parse("to_number")?,
            direction: row.parse("direction")?,
            agent: row.optional_parse("agent")?,
            status: row.parse("status")?,
            started_at: Timestamp(row.integer("started_at")?),
            answered_at: row.optional_integer("answered_at")?.map(Timestamp),
            ended_at: row.optional_integer("ended_at")?.map(Timestamp),
            duration_s: duration.and_then(|seconds| u32::try_from(seconds).ok()),
            end_reason: row.optional_parse("end_reason")?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_survives_its_text() {
        let cursor = Cursor { started_at: Timestamp(-7), id: "0190-a".parse().unwrap() };
        assert_eq!(cursor.to_string().parse(), Ok(cursor));
        for bad in ["", "~", "7~", "x~a", "7~a/b", "7"] {
            assert!(bad.parse::<Cursor>().is_err(), "{bad}");
        }
    }
}
