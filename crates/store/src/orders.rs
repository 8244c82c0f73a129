//! Orders of calls: what is to be placed, with what, and when.
//!
//! An order is durable before any carrier hears of it, and so is each attempt ([`progress`]): a call that may have been
//! placed is never placed again before it is certain that it was not.

mod progress;

use std::time::Duration;

use events::CallEvent;
use serde_json::Map;

use crate::db::{Batch, Row, Rows};
use crate::naming::placeholder;
use crate::receiving::{select, within_limit};
use crate::{
    AgentId, Call, CallId, CallStatus, Db, Direction, E164, Statement, Store, StoreError, TenantId,
    Timestamp, Value, event_log,
};

pub(crate) use progress::named;
pub use progress::{Attempt, KnownOrder};

/// A call that is to be placed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewOrder {
    /// The id that the call gets.
    pub call: CallId,
    /// The client's idempotency key; unique by tenant.
    pub key: String,
    /// A hash of the client's request, by which another request with the same key is known.
    pub fingerprint: String,
    /// The carrier, for example `telnyx`.
    pub carrier: String,
    /// The agent that speaks.
    pub agent: AgentId,
    /// The number that is shown; one of the tenant's.
    pub from: E164,
    /// The number to call.
    pub to: E164,
    /// What the agent is told of this call.
    pub variables: Map<String, serde_json::Value>,
    /// When it may be placed.
    pub not_before: Timestamp,
    /// When it may not be placed any more.
    pub not_after: Timestamp,
    /// The hours in which it may be placed, in the form that the API takes; `None` for the usual ones.
    pub hours: Option<serde_json::Value>,
    /// Whether the carrier is to find out whether a machine answered.
    pub detect_machine: bool,
    /// Whether it is to be recorded.
    pub record: bool,
    /// How long it may ring.
    pub ring: Duration,
    /// The most calls that the tenant may have at once, this one among them.
    pub max_live: Option<u32>,
}

/// Where an order stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OrderState {
    /// It certainly is not placed.
    Queued,
    /// The carrier is being asked, or was when the process died.
    Placing,
    /// The carrier was asked and its answer was lost: it may have been placed.
    Uncertain,
    /// The carrier has placed it.
    Placed,
    /// It will not be placed.
    Failed,
    /// It was called off in time.
    Cancelled,
}

impl OrderState {
    const ALL: [Self; 6] =
        [Self::Queued, Self::Placing, Self::Uncertain, Self::Placed, Self::Failed, Self::Cancelled];

    fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Placing => "placing",
            Self::Uncertain => "uncertain",
            Self::Placed => "placed",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }
}

impl std::str::FromStr for OrderState {
    type Err = StoreError;

    fn from_str(text: &str) -> Result<Self, StoreError> {
        let found = Self::ALL.into_iter().find(|state| state.as_str() == text);
        found.ok_or_else(|| StoreError::Unreadable("an order's state".to_owned()))
    }
}

/// An order as it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    /// The tenant.
    pub tenant: TenantId,
    /// As [`NewOrder::call`].
    pub call: CallId,
    /// As [`NewOrder::key`].
    pub key: String,
    /// As [`NewOrder::fingerprint`].
    pub fingerprint: String,
    /// As [`NewOrder::carrier`].
    pub carrier: String,
    /// As [`NewOrder::agent`].
    pub agent: AgentId,
    /// As [`NewOrder::from`].
    pub from: E164,
    /// As [`NewOrder::to`].
    pub to: E164,
    /// As [`NewOrder::variables`].
    pub variables: Map<String, serde_json::Value>,
    /// As [`NewOrder::not_before`].
    pub not_before: Timestamp,
    /// As [`NewOrder::not_after`].
    pub not_after: Timestamp,
    /// As [`NewOrder::hours`].
    pub hours: Option<serde_json::Value>,
    /// As [`NewOrder::detect_machine`].
    pub detect_machine: bool,
    /// As [`NewOrder::record`].
    pub record: bool,
    /// As [`NewOrder::ring`].
    pub ring: Duration,
    /// As [`NewOrder::max_live`].
    pub max_live: Option<u32>,
    /// Where it stands.
    pub state: OrderState,
    /// How often the carrier was asked, or was about to be.
    pub attempts: u32,
    /// The id of the last attempt, unless it is certain that it placed nothing.
    pub attempt_id: Option<String>,
    /// When that attempt was made.
    pub attempted_at: Option<Timestamp>,
    /// When it is due, while it waits.
    pub next_at: Timestamp,
    /// What went wrong last.
    pub error: Option<String>,
}

/// What became of a request to place a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ordered {
    /// The call is ordered.
    New(Call),
    /// The same request came before; the call that it ordered.
    Existing(Call),
    /// Another request came before with the same key; nothing was done.
    KeyReused,
    /// The tenant has as many calls as it may; nothing was done.
    TooMany,
    /// The tenant has no such agent; nothing was done.
    NoSuchAgent,
    /// The number to be shown is not the tenant's; nothing was done.
    NumberNotOwned,
}

/// What became of a request to call an order off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cancelled {
    /// The call will not be placed.
    Now,
    /// It may have been placed, or is over.
    TooLate,
    /// The tenant has ordered no such call.
    NoSuchCall,
}

impl<D: Db> Store<D> {
    /// Orders a call, once by key; it exists from now on, queued.
    ///
    /// # Errors
    /// When the tenant does not exist or the database fails; then nothing is ordered, or the same request finds it.
    pub async fn order_call(
        &self,
        tenant: &TenantId,
        new: NewOrder,
        now: Timestamp,
    ) -> Result<Ordered, StoreError> {
        if let Some(before) = self.ordered_before(tenant, &new).await? {
            return Ok(before);
        }
        match self.db.batch(ordering(tenant, &new, now)?).await? {
            Batch::Done(results) => {
                let row = results.last().and_then(Rows::first).ok_or(StoreError::NoSuchCall)?;
                Ok(Ordered::New(Call::from_row(&row)?))
            }
            Batch::Unmet(0) => Ok(Ordered::NoSuchAgent),
            Batch::Unmet(1) => Ok(Ordered::NumberNotOwned),
            // Somebody else ordered it in between.
            Batch::Unmet(3) => self.ordered_before(tenant, &new).await?.ok_or(StoreError::NoSuchCall),
            Batch::Unmet(_) => Ok(Ordered::TooMany),
        }
    }

    async fn ordered_before(&self, tenant: &TenantId, new: &NewOrder) -> Result<Option<Ordered>, StoreError> {
        let Some(known) = self.order_by_key(tenant, &new.key).await? else { return Ok(None) };
        if known.fingerprint != new.fingerprint {
            return Ok(Some(Ordered::KeyReused));
        }
        Ok(self.call(tenant, &known.call).await?.map(Ordered::Existing))
    }

    /// The order that was made with this idempotency key.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn order_by_key(&self, tenant: &TenantId, key: &str) -> Result<Option<Order>, StoreError> {
        let sql = "SELECT * FROM outbound_orders WHERE tenant = ?1 AND key = ?2";
        let rows = self.db.query(Statement::new(sql, [tenant.into(), key.into()])).await?;
        rows.first().map(|row| Order::from_row(&row)).transpose()
    }

    /// The order of a call that we place.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn order(&self, tenant: &TenantId, call: &CallId) -> Result<Option<Order>, StoreError> {
        let sql = "SELECT * FROM outbound_orders WHERE tenant = ?1 AND call = ?2";
        let rows = self.db.query(Statement::new(sql, [tenant.into(), call.into()])).await?;
        rows.first().map(|row| Order::from_row(&row)).transpose()
    }

    /// Calls an order off, unless the carrier was asked or is being asked. Once it is called off it stays so, and
    /// saying it again changes nothing.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn cancel_order(
        &self,
        tenant: &TenantId,
        call: &CallId,
        now: Timestamp,
    ) -> Result<Cancelled, StoreError> {
        let sql = "UPDATE outbound_orders SET state = 'cancelled', settled_at = ?3, \
                   lease_owner = NULL, lease_until = NULL \
                   WHERE tenant = ?1 AND call = ?2 AND state = 'queued' RETURNING call";
        let params = [tenant.into(), call.into(), now.into()];
        let mut statements = vec![Statement::new(sql, params).required()];
        statements.extend(event_log::append(tenant, call, &CallEvent::Cancelled, None, now)?);
        if let Batch::Done(_) = self.db.batch(statements).await? {
            return Ok(Cancelled::Now);
        }
        Ok(match self.order(tenant, call).await?.map(|order| order.state) {
            None => Cancelled::NoSuchCall,
            Some(OrderState::Cancelled) => Cancelled::Now,
            Some(_) => Cancelled::TooLate,
        })
    }
}

/// The first four are required: the agent, the number, the call, the order; then the limit, where there is one.
fn ordering(tenant: &TenantId, new: &NewOrder, now: Timestamp) -> Result<Vec<Statement>, StoreError> {
    let agent = "SELECT id FROM agents WHERE tenant = ?1 AND id = ?2";
    let number = "SELECT number FROM numbers WHERE tenant = ?1 AND number = ?2";
    let mut statements = vec![
        Statement::new(agent, [tenant.into(), (&new.agent).into()]).required(),
        Statement::new(number, [tenant.into(), (&new.from).into()]).required(),
        insert_call(tenant, new, now),
        insert_order(tenant, new, now),
    ];
    statements.extend(new.max_live.map(|most| within_limit(tenant, most, now)));
    let event = CallEvent::Ordered { carrier: new.carrier.clone(), agent: new.agent.to_string() };
    statements.extend(event_log::append(tenant, &new.call, &event, None, now)?);
    statements.push(select(tenant, &new.call));
    Ok(statements)
}

fn insert_call(tenant: &TenantId, new: &NewOrder, now: Timestamp) -> Statement {
    let sql = "INSERT INTO calls (tenant, id, carrier, carrier_call_id, from_number, to_number, direction, \
               agent, status, status_order, started_at, variables_json) \
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12) RETURNING id";
    let params: [Value; 12] = [
        tenant.into(),
        (&new.call).into(),
        new.carrier.as_str().into(),
        placeholder(&new.call).into(),
        (&new.from).into(),
        (&new.to).into(),
        Direction::Outbound.as_str().into(),
        (&new.agent).into(),
        CallStatus::Queued.as_str().into(),
        CallStatus::Queued.order().into(),
        now.into(),
        variables(new).into(),
    ];
    Statement::new(sql, params).required()
}

fn insert_order(tenant: &TenantId, new: &NewOrder, now: Timestamp) -> Statement {
    let sql = "INSERT INTO outbound_orders (tenant, call, key, fingerprint, carrier, agent, from_number, to_number, \
               variables_json, not_before, not_after, hours_json, detect_machine, record, ring_ms, max_live, state, \
               next_at, created_at) \
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, 'queued', ?17, ?18) \
               ON CONFLICT (tenant, key) DO NOTHING RETURNING call";
    let params: [Value; 18] = [
        tenant.into(),
        (&new.call).into(),
        new.key.as_str().into(),
        new.fingerprint.as_str().into(),
        new.carrier.as_str().into(),
        (&new.agent).into(),
        (&new.from).into(),
        (&new.to).into(),
        variables(new).into(),
        new.not_before.into(),
        new.not_after.into(),
        new.hours.as_ref().map(ToString::to_string).into(),
        new.detect_machine.into(),
        new.record.into(),
        i64::try_from(new.ring.as_millis()).unwrap_or(i64::MAX).into(),
        new.max_live.into(),
        new.not_before.max(now).into(),
        now.into(),
    ];
    Statement::new(sql, params).required()
}

fn variables(new: &NewOrder) -> String {
    serde_json::Value::Object(new.variables.clone()).to_string()
}

impl Order {
    fn from_row(row: &Row<'_>) -> Result<Self, StoreError> {
        Ok(Self {
            tenant: row.parse("tenant")?,
            call: row.parse("call")?,
            key: row.parse("key")?,
            fingerprint: row.parse("fingerprint")?,
            carrier: row.parse("carrier")?,
            agent: row.parse("agent")?,
            from: row.parse("from_number")?,
            to: row.parse("to_number")?,
            variables: row.json("variables_json")?,
            not_before: Timestamp(row.integer("not_before")?),
            not_after: Timestamp(row.integer("not_after")?),
            hours: row.optional_json("hours_json")?,
            detect_machine: row.integer("detect_machine")? != 0,
            record: row.integer("record")? != 0,
            ring: Duration::from_millis(u64::try_from(row.integer("ring_ms")?).unwrap_or_default()),
            max_live: row.optional_count("max_live")?,
            state: row.parse("state")?,
            attempts: row.count("attempts")?,
            attempt_id: row.optional_parse("attempt_id")?,
            attempted_at: row.optional_timestamp("attempted_at")?,
            next_at: Timestamp(row.integer("next_at")?),
            error: row.optional_parse("error")?,
        })
    }
}
