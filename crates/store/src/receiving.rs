//! Calls that a carrier offers us: stored once, with all that goes with them.

use call_state::{CallState, CarrierEvent, Ids};
use events::CallEvent;

use crate::carrier_events::{carrier, kept, way};
use crate::db::Batch;
use crate::naming::is_placeholder;
use crate::{
    AgentId, Call, CallId, CallStatus, Db, Direction, NewCommand, OfferedBy, Rate, Statement, Store,
    StoreError, TenantId, Timestamp, Value, accounts, commands, event_log, limits,
};

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

/// What is stored together with a new call.
#[derive(Clone, Debug, Default)]
pub struct Receipt<'a> {
    /// What its log begins with.
    pub events: &'a [CallEvent],
    /// The carrier's event that offered it.
    pub carrier_event: Option<&'a CarrierEvent>,
    /// What the carrier is to be told.
    pub commands: &'a [NewCommand],
    /// How often whoever calls may call. Only a call that is stored counts.
    pub caller: Option<Limit<'a>>,
    /// The most calls that the tenant may have at once, this one among them.
    pub max_live: Option<u32>,
    /// What routing decided.
    pub decision: Option<serde_json::Value>,
    /// Whose account it came by, which is [`Call::carrier_account`] from then on; `None` where nobody has an account with
    /// the carrier here.
    pub offered_by: Option<OfferedBy>,
}

/// A limit on how often somebody may do something, as for [`Store::admit`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit<'a> {
    /// What is counted, for example `calls-of-a-number`.
    pub scope: &'a str,
    /// Whose doings are counted.
    pub key: &'a str,
    /// How often they may.
    pub rate: Rate,
}

/// What [`Store::receive_call`] found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Received {
    /// The call is new.
    New(Call),
    /// The carrier's id was known; nothing was written.
    Existing(Call),
    /// Whoever calls has begun as many calls as they may; nothing was written.
    TooOften,
    /// The tenant has as many calls as it may; nothing was written.
    TooMany,
}

/// What [`Store::create_call`] found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Created {
    /// The call is new.
    New(Call),
    /// The carrier's id was known; nothing was written.
    Existing(Call),
}

impl<D: Db> Store<D> {
    /// Stores a call and the events it begins with, unless the carrier's id of
    /// it is known already.
    ///
    /// # Errors
    /// As [`Store::receive_call`].
    pub async fn create_call(
        &self,
        tenant: &TenantId,
        new: NewCall,
        events: &[CallEvent],
        now: Timestamp,
    ) -> Result<Created, StoreError> {
        match self.receive_call(tenant, new, Receipt { events, ..Receipt::default() }, now).await? {
            Received::New(call) => Ok(Created::New(call)),
            Received::Existing(call) => Ok(Created::Existing(call)),
            Received::TooOften | Received::TooMany => {
                Err(StoreError::Unreadable("a call without a limit exceeds it".to_owned()))
            }
        }
    }

    /// Stores a call with all of its receipt in one transaction, unless the carrier's id of it is known already, whoever
    /// calls does so too often, or the tenant has too many calls. A call counts until it is over, for [`LIVE_MAX`] at most, so that one whose end was
    /// lost does not count for ever.
    ///
    /// # Errors
    /// When the tenant does not exist or the database fails; then nothing is stored.
    pub async fn receive_call(
        &self,
        tenant: &TenantId,
        new: NewCall,
        receipt: Receipt<'_>,
        now: Timestamp,
    ) -> Result<Received, StoreError> {
        let mut statements = vec![insert(tenant, &new, &receipt, now)?];
        let admission =
            receipt.caller.map(|limit| limits::admission(limit.scope, limit.key, limit.rate, now));
        if let Some(None) = admission {
            return Ok(self.existing(tenant, &new).await?.unwrap_or(Received::TooOften));
        }
        statements.extend(admission.flatten());
        let limits = statements.len();
        statements.extend(receipt.max_live.map(|most| within_limit(tenant, most, now)));
        for event in receipt.events {
            statements.extend(event_log::append(tenant, &new.id, event, None, now)?);
        }
        statements.extend(commands::enqueue(tenant, &new.id, receipt.commands, now));
        statements.extend(match receipt.carrier_event {
            Some(event) => first_word(tenant, &new, event, now)?,
            None => vec![select(tenant, &new.id)],
        });
        match self.db.batch(statements).await? {
            Batch::Done(results) => {
                let row = results.last().and_then(crate::Rows::first).ok_or(StoreError::NoSuchCall)?;
                Ok(Received::New(Call::from_row(&row)?))
            }
            Batch::Unmet(0) => self.existing(tenant, &new).await?.ok_or(StoreError::NoSuchCall),
            Batch::Unmet(index) if index < limits => Ok(Received::TooOften),
            Batch::Unmet(_) => Ok(Received::TooMany),
        }
    }

    async fn existing(&self, tenant: &TenantId, new: &NewCall) -> Result<Option<Received>, StoreError> {
        let existing = self.call_by_carrier_id(tenant, &new.carrier, &new.carrier_call_id).await?;
        Ok(existing.map(Received::Existing))
    }
}

/// How long a call counts as live when nobody says that it is over: the longest call that carriers allow.
pub const LIVE_MAX: std::time::Duration = std::time::Duration::from_secs(4 * 60 * 60);

/// Returns a row unless the tenant has more than `most` live calls. A call that was ordered long before it was placed
/// counts from its last attempt.
pub(crate) fn within_limit(tenant: &TenantId, most: u32, now: Timestamp) -> Statement {
    let sql = "SELECT 1 AS allowed WHERE \
               (SELECT COUNT(*) FROM calls WHERE tenant = ?1 AND started_at > ?2 AND status_order < 4) \
               + (SELECT COUNT(*) FROM outbound_orders o WHERE o.tenant = ?1 AND o.attempted_at > ?2 \
               AND EXISTS (SELECT 1 FROM calls c WHERE c.tenant = o.tenant AND c.id = o.call \
               AND c.started_at <= ?2 AND c.status_order < 4)) <= ?3";
    Statement::new(sql, [tenant.into(), now.minus(LIVE_MAX).into(), most.into()]).required()
}

pub(crate) fn select(tenant: &TenantId, call: &CallId) -> Statement {
    Statement::new("SELECT * FROM calls WHERE tenant = ?1 AND id = ?2", [tenant.into(), call.into()])
}

fn insert(
    tenant: &TenantId,
    new: &NewCall,
    receipt: &Receipt<'_>,
    now: Timestamp,
) -> Result<Statement, StoreError> {
    if is_placeholder(&new.carrier_call_id) {
        return Err(StoreError::Refused("that is no carrier's id"));
    }
    // The account is read with the call's own statement: whoever sets another meanwhile does so before the call or after it.
    let sql = "INSERT INTO calls (tenant, id, carrier, carrier_call_id, from_number, to_number, direction, \
               agent, status, status_order, started_at, decision_json, carrier_account) \
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, \
               CASE ?13 WHEN 'tenant' THEN COALESCE((SELECT 'own:' || account FROM carrier_accounts \
               WHERE tenant = ?1 AND carrier = ?3), 'nobody') ELSE ?13 END) \
               ON CONFLICT (tenant, carrier, carrier_call_id) DO NOTHING RETURNING id";
    let params: [Value; 13] = [
        tenant.into(),
        (&new.id).into(),
        new.carrier.as_str().into(),
        new.carrier_call_id.as_str().into(),
        new.from.as_str().into(),
        new.to.as_str().into(),
        new.direction.as_str().into(),
        new.agent.as_ref().into(),
        new.status.as_str().into(),
        new.status.order().into(),
        now.into(),
        receipt.decision.as_ref().map(ToString::to_string).into(),
        receipt.offered_by.into(),
    ];
    Ok(Statement::new(sql, params).required())
}

/// The event that offered the call is the first of its record. Its status is the call's already, so it is not logged.
/// The last statement returns the call.
fn first_word(
    tenant: &TenantId,
    new: &NewCall,
    event: &CarrierEvent,
    now: Timestamp,
) -> Result<Vec<Statement>, StoreError> {
    let ids = Ids {
        leg: Some(new.carrier_call_id.clone()),
        alias: event.ids.alias.clone(),
        session: event.ids.session.clone(),
        ..Ids::default()
    };
    let mut state = CallState::new(carrier(&new.carrier)?, ids).running(way(new.direction));
    let applied = state.apply(event);
    if !applied.is_kept() {
        return Err(StoreError::Refused("the event that offers a call is about another call"));
    }
    let mut statements = kept(tenant, &new.id, &state, event, applied, now)?;
    statements.push(accounts::settled(tenant, &new.id));
    Ok(statements)
}
