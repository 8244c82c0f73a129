//! A call that is not known yet.

use call_state::{Carrier, CarrierEvent, EndReason, Ending, EventKind, Ids, Moment};
use events::CallEvent;
use store::{AgentId, CallId, CallStatus, Direction, NewCall, Receipt, Received};
use twiml::Response;

use super::desk::Desk;
use super::fault::Fault;
use super::{documents, form, known};
use crate::bindings::voicehive::platform::call_routing::Decision;
use crate::decision;
use crate::limits::Caller;
use crate::service::Platform;

/// The carrier offers a call: it is decided on, stored, and answered.
pub(super) async fn first<P: Platform>(desk: &Desk<'_, P>) -> Result<Response, Fault> {
    let answer = desk.route(&desk.table()?)?;
    let agent = match &answer.decision {
        Decision::Connect(agent) => Some(agent.parse::<AgentId>()?),
        _ => None,
    };
    let new = NewCall {
        id: CallId::generate(desk.now),
        carrier: desk.proven.sender().carrier().to_owned(),
        carrier_call_id: desk.fields.call_sid.clone(),
        from: desk.fields.from.clone(),
        to: desk.fields.to.clone(),
        direction: desk.fields.direction,
        agent,
        status: desk.fields.status.unwrap_or(CallStatus::Ringing),
    };
    let received = CallEvent::Received {
        carrier: new.carrier.clone(),
        decision: decision::name(&answer.decision).to_owned(),
        reason: decision::reason(&answer.reason),
    };
    let rejected = matches!(answer.decision, Decision::Reject(_));
    let heard = if rejected { Some(turned_down(desk)) } else { form::event(desk.proven, desk.now)? };
    let caller = Caller::of(desk.proven, &desk.number.tenant, &desk.fields.from);
    // Calls that we place are counted where they are ordered.
    let inbound = desk.fields.direction == Direction::Inbound;
    let receipt = Receipt {
        events: &[received],
        carrier_event: heard.as_ref(),
        commands: &[],
        caller: inbound.then(|| caller.limit()),
        // Who is turned down takes no line.
        max_live: if rejected { None } else { desk.number.max_live_calls },
        decision: decision::stored(&answer.decision),
        offered_by: Some(desk.proven.offered_by()),
    };
    match desk.store.receive_call(&desk.number.tenant, new, receipt, desk.now).await? {
        Received::New(call) => desk.render(&call, &answer.decision),
        // The carrier asked twice at once, and the other request was first.
        Received::Existing(call) => known::again(desk, call, false).await,
        Received::TooOften => {
            desk.log("warn", "too-many-calls-of-one-number", "a number began too many calls");
            Ok(documents::said(decision::TOO_OFTEN))
        }
        Received::TooMany => {
            desk.log("warn", "too-many-live-calls", "the tenant has as many calls at once as it may");
            Ok(documents::busy())
        }
    }
}

/// A call that is turned down is over at once, whether or not the carrier is asked to report its end.
fn turned_down<P: Platform>(desk: &Desk<'_, P>) -> CarrierEvent {
    CarrierEvent {
        carrier: Carrier::Platform,
        id: "turned-down".to_owned(),
        ids: Ids { leg: Some(desk.fields.call_sid.clone()), ..Ids::default() },
        direction: Some(call_state::Direction::Inbound),
        kind: EventKind::Ended(Ending::new(EndReason::Rejected)),
        sequence: None,
        occurred_at: None,
        received_at: Moment::from_millis(desk.now.0),
    }
}
