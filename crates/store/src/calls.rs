//! Calls as they stand: found one by one, listed by page.

use std::fmt;
use std::str::FromStr;

use call_state::Cost;
use serde::{Deserialize, Serialize};

use crate::db::Row;
use crate::naming::{is_placeholder, placeholder};
use crate::{
    AgentId, CallAccount, CallId, CallStatus, Db, Statement, Store, StoreError, TenantId, Timestamp, Value,
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
    pub(crate) fn as_str(self) -> &'static str {
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
    /// The carrier's id of it; `None` until the carrier has named a call that we place.
    pub carrier_call_id: Option<String>,
    /// The carrier's id of what all legs of it share, where the carrier has one and said so.
    pub carrier_session_id: Option<String>,
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
    /// Why it ended, or why our part in it did: a code of [`call_state::EndReason`], by whoever says more, our log or
    /// the carrier.
    pub end_reason: Option<String>,
    /// Whose doing that was: a code of [`call_state::Fault`].
    pub end_fault: Option<String>,
    /// What the carrier charges for all its legs.
    pub cost: Option<Cost>,
    /// Who answered, where the carrier found out: a code of [`call_state::AnsweredBy`].
    pub answered_by: Option<String>,
    /// What the agent is told of a call that we place; empty for others.
    pub variables: serde_json::Map<String, serde_json::Value>,
    /// What routing decided when the call came in, so that the carrier is told the same when it asks again.
    #[serde(skip)]
    pub decision: Option<serde_json::Value>,
    /// By which account with the carrier it goes. `None`: it was ordered and no carrier was asked yet, or its carrier is
    /// one with whom nobody has an account here.
    #[serde(skip)]
    pub carrier_account: Option<CallAccount>,
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
        if is_placeholder(carrier_call_id) {
            return Ok(None);
        }
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

impl Call {
    pub(crate) fn from_row(row: &Row<'_>) -> Result<Self, StoreError> {
        let duration = row.optional_integer("duration_s")?;
        let id: CallId = row.parse("id")?;
        let carrier_call_id: String = row.parse("carrier_call_id")?;
        let currency = row.optional_parse("cost_currency")?;
        Ok(Self {
            tenant: row.parse("tenant")?,
            carrier: row.parse("carrier")?,
            carrier_call_id: (carrier_call_id != placeholder(&id)).then_some(carrier_call_id),
            carrier_session_id: row.optional_parse("carrier_session_id")?,
            id,
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
            end_fault: row.optional_parse("end_fault")?,
            cost: row.optional_integer("cost_micros")?.map(|micros| Cost { micros, currency }),
            answered_by: row.optional_parse("answered_by")?,
            variables: row.optional_json("variables_json")?.unwrap_or_default(),
            decision: row.optional_json("decision_json")?,
            carrier_account: row.optional_parse("carrier_account")?,
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
