//! Two accounts of one call, our log's and the carriers', and what follows from them.
//!
//! The log knows when audio began to flow and why our agent stopped; carriers know when the telephone was answered and
//! why the line went dead. Each account is written to columns of its own, and [`settle`] derives what a call is shown
//! as. Neither side reads the other's, so it does not matter which of them speaks first.

use call_state::{CallState, Direction as Way, EndReason};
use events::CallEvent;

use crate::{CallId, CallStatus, Statement, StoreError, TenantId, Timestamp, Value};

/// What `event` of the log adds to the log's account.
pub(crate) fn told_by_log(
    tenant: &TenantId,
    call: &CallId,
    event: &CallEvent,
    at: Timestamp,
) -> Result<Vec<Statement>, StoreError> {
    let told = match event {
        CallEvent::MediaConnected { .. } => vec![answered(tenant, call, at)],
        CallEvent::Recovered => vec![part_ended(tenant, call, None)],
        CallEvent::Ended { reason } => {
            let why = shared_reason(*reason)?;
            let part = part_ended(tenant, call, Some(why));
            let whole = is_final(*reason).then(|| ended(tenant, call, CallStatus::Completed, at));
            std::iter::once(part).chain(whole).collect()
        }
        CallEvent::NotPlaced { reason, .. } => {
            let why = reason.parse().unwrap_or(EndReason::DialFailed);
            vec![part_ended(tenant, call, Some(why)), ended(tenant, call, CallStatus::Failed, at)]
        }
        CallEvent::Cancelled => {
            let part = part_ended(tenant, call, Some(EndReason::Stopped));
            vec![part, ended(tenant, call, CallStatus::Canceled, at)]
        }
        _ => return Ok(Vec::new()),
    };
    Ok(told.into_iter().chain([settle(tenant, call)]).collect())
}

/// Audio flows, so somebody answered.
fn answered(tenant: &TenantId, call: &CallId, at: Timestamp) -> Statement {
    let sql = "UPDATE calls SET log_answered_at = ?3 \
               WHERE tenant = ?1 AND id = ?2 AND (log_answered_at IS NULL OR log_answered_at > ?3)";
    Statement::new(sql, [tenant.into(), call.into(), at.into()])
}

/// Our part in the call is over, or with `None` goes on after all.
fn part_ended(tenant: &TenantId, call: &CallId, reason: Option<EndReason>) -> Statement {
    let sql = "UPDATE calls SET log_end_reason = ?3, log_end_detail = ?4, \
               log_end_fault = CASE direction WHEN 'inbound' THEN ?5 ELSE ?6 END WHERE tenant = ?1 AND id = ?2";
    let fault = |way| Value::from(reason.map(|reason| fault(reason, way)));
    let params = [
        tenant.into(),
        call.into(),
        reason.map(EndReason::code).into(),
        reason.map(detail).into(),
        fault(Way::Inbound),
        fault(Way::Outbound),
    ];
    Statement::new(sql, params)
}

/// The phone call itself is over, by what we know. The first such word stands.
fn ended(tenant: &TenantId, call: &CallId, status: CallStatus, at: Timestamp) -> Statement {
    let sql = "UPDATE calls SET log_status = ?3, log_ended_at = ?4 \
               WHERE tenant = ?1 AND id = ?2 AND log_ended_at IS NULL";
    Statement::new(sql, [tenant.into(), call.into(), status.as_str().into(), at.into()])
}

/// Whether the phone call itself is over, not only our part in it: a carrier whose socket was lost asks again, and a
/// caller who was handed over talks on.
fn is_final(reason: events::EndReason) -> bool {
    use events::EndReason::{CarrierLost, Drained, Transferred};
    !matches!(reason, CarrierLost | Drained | Transferred)
}

/// The same reason in the vocabulary that carriers' words are translated to as well.
fn shared_reason(reason: events::EndReason) -> Result<EndReason, StoreError> {
    let code = serde_json::to_value(reason).map_err(StoreError::Event)?;
    let parsed = code.as_str().and_then(|code| code.parse().ok());
    parsed.ok_or_else(|| StoreError::Unreadable(format!("the end reason {code}")))
}

/// Writes the carriers' account, which is all that `state` knows, if no event came between: the call had `before`
/// events. Returns a row if so.
pub(crate) fn told_by_carriers(
    tenant: &TenantId,
    call: &CallId,
    state: &CallState,
    before: u32,
) -> Result<Statement, StoreError> {
    let sql = "UPDATE calls SET heard_events = heard_events + 1, heard_status = ?4, heard_order = ?5, \
               heard_answered_at = ?6, heard_ended_at = ?7, heard_end_reason = ?8, heard_end_fault = ?9, \
               heard_end_detail = ?10, heard_broken = ?11, duration_s = COALESCE(?12, duration_s), \
               cost_micros = ?13, cost_currency = ?14, answered_by = ?15, \
               carrier_alias_id = COALESCE(carrier_alias_id, ?16), \
               carrier_session_id = COALESCE(carrier_session_id, ?17) \
               WHERE tenant = ?1 AND id = ?2 AND heard_events = ?3 RETURNING id";
    let (facts, status) = (state.facts(), heard_status(state)?);
    let (leg, end, cost) = (facts.first_leg(), facts.end(), facts.cost());
    let moment = |at: Option<call_state::Moment>| Value::from(at.map(call_state::Moment::as_millis));
    // Of a call of which nobody said so, our log may know that it was answered.
    let broken = status == CallStatus::Failed && end.is_some_and(|end| !end.reason.is_unanswered());
    let seconds = leg.duration().map(|duration| u32::try_from(duration.as_secs()).unwrap_or(u32::MAX));
    let params: [Value; 17] = [
        tenant.into(),
        call.into(),
        before.into(),
        status.as_str().into(),
        status.order().into(),
        moment(leg.answered_at()),
        moment(leg.ended_at()),
        end.map(|end| end.reason.code()).into(),
        end.map(|end| code(&end.fault)).into(),
        end.map(|end| detail(end.reason)).into(),
        broken.into(),
        seconds.into(),
        cost.as_ref().map(|cost| cost.micros).into(),
        cost.and_then(|cost| cost.currency).into(),
        leg.answered_by().map(|who| code(&who)).into(),
        state.ids().alias.clone().into(),
        state.ids().session.clone().into(),
    ];
    Ok(Statement::new(sql, params).required())
}

/// Where the call stands by the carriers alone.
pub(crate) fn heard_status(state: &CallState) -> Result<CallStatus, StoreError> {
    let status = state.facts().status();
    status.parse().map_err(|_| StoreError::Unreadable(format!("the status {status}")))
}

macro_rules! settlement {
    () => {
        "UPDATE calls SET \
        status = CASE \
            WHEN heard_end_detail IS NOT NULL AND heard_broken = 1 AND log_answered_at IS NOT NULL THEN 'completed' \
            WHEN heard_end_detail IS NOT NULL THEN heard_status \
            WHEN log_ended_at IS NOT NULL THEN log_status \
            WHEN log_answered_at IS NOT NULL THEN 'in-progress' \
            WHEN heard_order > status_order THEN heard_status \
            ELSE status END, \
        status_order = CASE \
            WHEN heard_end_detail IS NOT NULL OR log_ended_at IS NOT NULL THEN 4 \
            WHEN log_answered_at IS NOT NULL THEN 3 \
            WHEN heard_order > status_order THEN heard_order \
            ELSE status_order END, \
        answered_at = CASE \
            WHEN heard_answered_at IS NULL OR log_answered_at < heard_answered_at THEN log_answered_at \
            ELSE heard_answered_at END, \
        ended_at = COALESCE(heard_ended_at, log_ended_at), \
        end_reason = CASE WHEN log_end_detail IS NULL OR heard_end_detail > log_end_detail \
            THEN heard_end_reason ELSE log_end_reason END, \
        end_fault = CASE WHEN log_end_detail IS NULL OR heard_end_detail > log_end_detail \
            THEN heard_end_fault ELSE log_end_fault END \
        WHERE tenant = ?1 AND id = ?2"
    };
}

/// Derives the call from both accounts.
///
/// An end is an end, whoever knows of it; of two, the carriers' word stands, since the line is theirs. Before the end,
/// whoever has seen the call go furthest is right. Of two reasons the one that says more stands, and of two that say as
/// much, ours. A time of answer is the first one.
pub(crate) fn settle(tenant: &TenantId, call: &CallId) -> Statement {
    Statement::new(settlement!(), [tenant.into(), call.into()])
}

/// As [`settle`], and returns the call.
pub(crate) fn settled(tenant: &TenantId, call: &CallId) -> Statement {
    Statement::new(concat!(settlement!(), " RETURNING *"), [tenant.into(), call.into()])
}

fn detail(reason: EndReason) -> i64 {
    use call_state::Detail::{How, That, Who, Why};
    match reason.detail() {
        That => 0,
        How => 1,
        Who => 2,
        Why => 3,
    }
}

fn fault(reason: EndReason, way: Way) -> String {
    code(&reason.fault(way))
}

/// The word under which one of the vocabulary's unit cases is stored.
pub(crate) fn code(case: &impl serde::Serialize) -> String {
    match serde_json::to_value(case) {
        Ok(serde_json::Value::String(text)) => text,
        _ => String::new(),
    }
}
