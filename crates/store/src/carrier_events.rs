//! What carriers say of a call: every word kept once, and the call that follows from them.

use call_state::{Applied, CallState, Carrier, CarrierEvent, Direction as Way, Ids};
use events::CallEvent;

use crate::db::{Batch, Row, Rows};
use crate::receiving::select;
use crate::{
    Call, CallId, CallStatus, Db, DbError, Direction, NewCommand, Statement, Store, StoreError, TenantId,
    Timestamp, Value, accounts, commands, event_log, recordings,
};

/// What a carrier's event did, and how the call stands after it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// The call.
    pub call: Call,
    /// What the event did.
    pub applied: Applied,
    /// All that carriers said of the call, this event among it unless it was not kept.
    pub state: CallState,
}

impl<D: Db> Store<D> {
    /// Takes in a carrier's event on a call, in whatever order and however often it comes.
    ///
    /// In one transaction the event is kept, the call moves, its log says so if its status changed, recordings are
    /// noted and `commands` enqueued. An event that is not kept ([`Applied::is_kept`]) changes nothing and enqueues
    /// nothing, so that a repeated delivery has no second effect. `None` where the tenant has no such call.
    ///
    /// # Errors
    /// When the database fails, or others told of the same call [`TRIES`] times in between; then nothing is stored and
    /// the event may come again.
    pub async fn hear_carrier(
        &self,
        tenant: &TenantId,
        call: &CallId,
        event: &CarrierEvent,
        commands: &[NewCommand],
        now: Timestamp,
    ) -> Result<Option<Told>, StoreError> {
        self.hear_carrier_deciding(tenant, call, event, |_, _| commands.to_vec(), now).await
    }

    /// As [`Store::hear_carrier`], but with commands that depend on how the call stands: `decide` sees the call and all
    /// that carriers said of it before, and what it returns is enqueued only if they said nothing else in between.
    /// Where they did, it is asked again, so of two events that come at once one decides after the other.
    ///
    /// # Errors
    /// As [`Store::hear_carrier`].
    pub async fn hear_carrier_deciding(
        &self,
        tenant: &TenantId,
        call: &CallId,
        event: &CarrierEvent,
        mut decide: impl FnMut(&Call, &CallState) -> Vec<NewCommand>,
        now: Timestamp,
    ) -> Result<Option<Told>, StoreError> {
        for _ in 0..TRIES {
            let Some(known) = self.known(tenant, call).await? else { return Ok(None) };
            let before = known.replay(known.learned(event))?;
            let mut state = before.clone();
            let applied = state.apply(event);
            if !applied.is_kept() {
                let state = known.replay(known.ids.clone())?;
                return Ok(Some(Told { call: known.call, applied, state }));
            }
            let mut statements = kept(tenant, call, &state, event, applied, now)?;
            if let Some(status) = known.moved(&state)? {
                let event = CallEvent::Status { status: status.to_string(), sequence: event.sequence };
                statements.extend(event_log::append(tenant, call, &event, None, now)?);
            }
            statements.extend(commands::enqueue(tenant, call, &decide(&known.call, &before), now));
            statements.push(accounts::settled(tenant, call));
            if let Batch::Done(results) = self.db.batch(statements).await? {
                let row = results.last().and_then(Rows::first).ok_or(StoreError::NoSuchCall)?;
                return Ok(Some(Told { call: Call::from_row(&row)?, applied, state }));
            }
        }
        Err(DbError::Busy.into())
    }

    /// All that carriers said of a call.
    ///
    /// # Errors
    /// [`StoreError::NoSuchCall`], and when the database fails.
    pub async fn carrier_state(&self, tenant: &TenantId, call: &CallId) -> Result<CallState, StoreError> {
        let known = self.known(tenant, call).await?.ok_or(StoreError::NoSuchCall)?;
        known.replay(known.ids.clone())
    }

    /// The call and the events that it counts: one that was added between the two queries is left out.
    async fn known(&self, tenant: &TenantId, call: &CallId) -> Result<Option<Known>, StoreError> {
        let rows = self.db.query(select(tenant, call)).await?;
        let Some(row) = rows.first() else { return Ok(None) };
        let mut known = Known::from_row(&row)?;
        let sql = "SELECT event_json FROM carrier_events \
                   WHERE tenant = ?1 AND call = ?2 AND seq <= ?3 ORDER BY seq";
        let params = [tenant.into(), call.into(), known.heard.into()];
        let rows = self.db.query(Statement::new(sql, params)).await?;
        known.events = rows.iter().map(|row| row.json("event_json")).collect::<Result<_, _>>()?;
        Ok(Some(known))
    }
}

/// How often an event is tried when others tell of the same call at the same time. Carriers send a handful of events
/// within a second, and each try lets at least one of them through.
pub const TRIES: u32 = 16;

/// A call and what carriers said of it so far.
struct Known {
    call: Call,
    ids: Ids,
    heard: u32,
    heard_status: Option<CallStatus>,
    events: Vec<CarrierEvent>,
}

impl Known {
    fn from_row(row: &Row<'_>) -> Result<Self, StoreError> {
        let call = Call::from_row(row)?;
        let ids = Ids {
            leg: call.carrier_call_id.clone(),
            alias: row.optional_parse("carrier_alias_id")?,
            session: call.carrier_session_id.clone(),
            ..Ids::default()
        };
        let (heard, heard_status) = (row.count("heard_events")?, row.optional_parse("heard_status")?);
        Ok(Self { call, ids, heard, heard_status, events: Vec::new() })
    }

    fn replay(&self, ids: Ids) -> Result<CallState, StoreError> {
        let mut state = CallState::new(carrier(&self.call.carrier)?, ids).running(way(self.call.direction));
        for event in &self.events {
            state.apply(event);
        }
        Ok(state)
    }

    /// The call's names, with those that an event on its first leg adds. By the session later legs are known.
    fn learned(&self, event: &CarrierEvent) -> Ids {
        let same = |ours: &Option<String>, theirs: &Option<String>| ours.is_some() && ours == theirs;
        let mut ids = self.ids.clone();
        if same(&ids.leg, &event.ids.leg) || same(&ids.alias, &event.ids.alias) {
            ids.alias = ids.alias.or_else(|| event.ids.alias.clone());
            ids.session = ids.session.or_else(|| event.ids.session.clone());
        }
        ids
    }

    /// The carriers' status where it is another than before; at first, where one was said at all.
    fn moved(&self, state: &CallState) -> Result<Option<CallStatus>, StoreError> {
        let status = accounts::heard_status(state)?;
        let before = self.heard_status.unwrap_or(CallStatus::Queued);
        Ok((status != before).then_some(status))
    }
}

/// The statements that keep `event`, the last one of `state`, and write down what follows. The first returns a row if
/// no other event came between.
pub(crate) fn kept(
    tenant: &TenantId,
    call: &CallId,
    state: &CallState,
    event: &CarrierEvent,
    applied: Applied,
    now: Timestamp,
) -> Result<Vec<Statement>, StoreError> {
    let number = u32::try_from(state.record().len()).unwrap_or(u32::MAX);
    let sql = "INSERT INTO carrier_events (tenant, call, seq, carrier, event_id, applied, at, event_json) \
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
    let params: [Value; 8] = [
        tenant.into(),
        call.into(),
        number.into(),
        accounts::code(&event.carrier).into(),
        event.id.as_str().into(),
        accounts::code(&applied).into(),
        now.into(),
        serde_json::to_string(event).map_err(StoreError::Event)?.into(),
    ];
    let mut statements = vec![
        accounts::told_by_carriers(tenant, call, state, number.saturating_sub(1))?,
        Statement::new(sql, params),
    ];
    statements.extend(recordings::of(event).map(|recording| recordings::known(tenant, call, recording, now)));
    Ok(statements)
}

/// The carrier of a stored name.
pub(crate) fn carrier(name: &str) -> Result<Carrier, StoreError> {
    serde_json::from_value(name.into()).map_err(|_| StoreError::Unreadable(format!("the carrier {name}")))
}

pub(crate) fn way(direction: Direction) -> Way {
    match direction {
        Direction::Inbound => Way::Inbound,
        Direction::Outbound => Way::Outbound,
    }
}
