//! `POST /webhooks/twilio/conference`: how a warm transfer fares, in which caller and human meet in a conference.
//!
//! Three reporters post here, each with `?caller=` and the caller's `CallSid`, and `&room=` and the conference's name, by
//! which a second transfer of a call is told from the first: the conference, on who comes and
//! goes; the human's leg, on whether it was answered; and the caller's own `<Dial>`, when the caller has left the
//! conference and waits for what comes next. A caller to whom no human came is brought back to the agent.
//!
//! <https://www.twilio.com/docs/voice/api/conference-resource>, its section on status callbacks.

use std::time::Duration;

use call_state::{CallState, CarrierEvent, EventKind, Ids, Moment, Phase};
use http::{Response, StatusCode};
use serde_json::json;
use store::{Call, CallId, NewCommand, Store, Timestamp};
use uuid::Uuid;

use super::documents::{self, Places};
use super::fault::Fault;
use super::form::{self, field};
use super::report::{self, Taken};
use crate::proof::Proven;
use crate::service::Platform;
use crate::{host, message};

/// After this a caller who waits alone has hung up, or the redirect comes out of the blue.
const COMMAND_LIFE: Duration = Duration::from_secs(30);

/// Answers a proven report on a warm transfer.
pub(crate) async fn handle<P: Platform>(
    platform: &P,
    proven: &Proven<'_>,
    now: Timestamp,
) -> Response<String> {
    if field(proven.form(), "DialCallStatus").is_some() {
        return match left(platform, proven, now).await {
            Ok(document) => message::twiml(StatusCode::OK, &document),
            Err(fault) => fault.spoken(platform, proven),
        };
    }
    match take(platform, proven, now).await {
        Ok((taken, brought_back)) => {
            if brought_back {
                host::wake(platform, proven).await;
            }
            report::noted(platform, proven, &taken)
        }
        Err(fault) => fault.written(platform, proven),
    }
}

/// The caller is out of the conference: done if a human came, back to the agent otherwise.
async fn left<P: Platform>(
    platform: &P,
    proven: &Proven<'_>,
    now: Timestamp,
) -> Result<twiml::Response, Fault> {
    let store = platform.open_store().await?;
    let Some(call) = find(&store, proven).await? else { return Ok(documents::hangup()) };
    if let Some(event) = form::event(proven, now)? {
        store.hear_carrier(&call.tenant, &call.id, &event, &[], now).await?;
    }
    let state = store.carrier_state(&call.tenant, &call.id).await?;
    if call.status.is_terminal() || came(&transfer(&state, &room(proven))) {
        return Ok(documents::hangup());
    }
    Ok(documents::resume(&Places::of(proven)))
}

/// Tells the call, and has the caller brought back where that is due: the command is written together with the event
/// that makes it so.
async fn take<P: Platform>(
    platform: &P,
    proven: &Proven<'_>,
    now: Timestamp,
) -> Result<(Taken, bool), Fault> {
    let store = platform.open_store().await?;
    let Some(call) = find(&store, proven).await? else { return Ok((Taken::UnknownCall, false)) };
    let Some(event) = event(proven, &call, now)? else { return Ok((Taken::NothingSaid, false)) };
    let (room, mut due) = (room(proven), false);
    let decide = |call: &Call, before: &CallState| {
        let mut after = before.clone();
        after.apply(&event);
        due = !is_due(before, &room) && is_due(&after, &room);
        if due { vec![bring_back(proven, call, now)] } else { Vec::new() }
    };
    let told = store.hear_carrier_deciding(&call.tenant, &call.id, &event, decide, now).await?;
    let Some(told) = told else { return Ok((Taken::UnknownCall, false)) };
    let brought_back = due && told.applied.is_kept();
    Ok((Taken::Told(Box::new(told)), brought_back))
}

/// The caller's call: the carrier's id of it is in the URL as `caller`, or ours as `call`. The carrier knows nothing of
/// what the human's leg has to do with it.
async fn find<D: store::Db>(store: &Store<D>, proven: &Proven<'_>) -> Result<Option<Call>, Fault> {
    let leg = proven.query("caller").or_else(|| field(proven.form(), "CallSid")).map(str::to_owned);
    let located = store.locate_call(proven.sender().carrier(), &Ids { leg, ..Ids::default() }).await?;
    if located.is_some() {
        return Ok(located.filter(|call| proven.concerns_call(call)));
    }
    let Some(id) = proven.query("call").and_then(|id| id.parse::<CallId>().ok()) else { return Ok(None) };
    match report::tenant_of_caller(store, proven).await? {
        Some(tenant) => Ok(store.call(&tenant, &id).await?.filter(|call| proven.concerns_call(call))),
        None => Ok(None),
    }
}

/// What is said, of which leg: entering the conference is, of the caller's leg, being handed over, and of the human's,
/// being bridged with the caller.
fn event(proven: &Proven<'_>, call: &Call, now: Timestamp) -> Result<Option<CarrierEvent>, Fault> {
    let caller = call.carrier_call_id.as_deref();
    let said = match field(proven.form(), "ConferenceSid") {
        Some(conference) => entered(proven, conference, caller, now),
        None => form::event(proven, now)?,
    };
    let Some(mut event) = said else { return Ok(None) };
    // The human's leg was placed by REST, so it names no parent; here it is one of the caller's.
    if event.ids.leg.as_deref() != caller {
        event.ids.parent = caller.map(str::to_owned);
    }
    event.id = format!("{}{}", room(proven), event.id);
    Ok(Some(event))
}

/// That somebody entered; nothing else that a conference reports is needed.
fn entered(
    proven: &Proven<'_>,
    conference: &str,
    caller: Option<&str>,
    now: Timestamp,
) -> Option<CarrierEvent> {
    field(proven.form(), "StatusCallbackEvent").filter(|word| *word == "participant-join")?;
    let leg = field(proven.form(), "CallSid")?;
    Some(CarrierEvent {
        carrier: proven.sender().speaker(),
        id: format!("{conference}/participant-join/{leg}"),
        ids: Ids { leg: Some(leg.to_owned()), ..Ids::default() },
        direction: None,
        kind: if Some(leg) == caller { EventKind::Forwarding } else { EventKind::Bridged },
        sequence: None,
        occurred_at: field(proven.form(), "Timestamp").and_then(Moment::from_rfc2822),
        received_at: Moment::from_millis(now.0),
    })
}

/// What the ids of one transfer's events begin with.
fn room(proven: &Proven<'_>) -> String {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~');
    let is_name = |name: &&str| (1..=ROOM_BYTES_MAX).contains(&name.len()) && name.bytes().all(allowed);
    format!("room/{}/", proven.query("room").filter(is_name).unwrap_or_default())
}

/// Twilio allows 128; ours are UUIDs.
const ROOM_BYTES_MAX: usize = 128;

/// The call as one transfer alone would have it.
fn transfer(state: &CallState, room: &str) -> CallState {
    let said = state.record().iter().map(|recorded| &recorded.event);
    CallState::replay(state.carrier(), state.ids().clone(), said.filter(|event| event.id.starts_with(room)))
}

/// Whether the caller waits for a human who will not come: the caller is in the conference, and every leg that was
/// dialled for it is over without having met them.
fn is_due(state: &CallState, room: &str) -> bool {
    let transfer = transfer(state, room);
    let facts = transfer.facts();
    let waits = facts.first_leg().forwarding_at().is_some() && state.facts().phase() != Phase::Ended;
    let mut humans = facts.further_legs().values();
    waits
        && !came(&transfer)
        && !facts.further_legs().is_empty()
        && humans.all(|leg| leg.phase() == Phase::Ended)
}

/// Whether a human was in the conference. Who is not told of those who come and go goes by who answered.
fn came(transfer: &CallState) -> bool {
    let facts = transfer.facts();
    let told = facts.first_leg().forwarding_at().is_some();
    facts.further_legs().values().any(|leg| leg.bridged_at().is_some() || (!told && leg.was_answered()))
}

fn bring_back(proven: &Proven<'_>, call: &Call, now: Timestamp) -> NewCommand {
    NewCommand {
        id: Uuid::new_v4().to_string(),
        carrier: call.carrier.clone(),
        carrier_call_id: call.carrier_call_id.clone().unwrap_or_default(),
        action: "redirect".to_owned(),
        body: json!({ "url": Places::of(proven).resumed(), "method": "POST" }),
        expires_at: now.plus(COMMAND_LIFE),
    }
}
