//! A call that Telnyx offers us.

use call_state::{CallState, Carrier, EventKind, Ids};
use events::CallEvent;
use serde_json::json;
use store::{AgentId, CallId, CallStatus, Direction, NewCall, NumberRoute, Receipt, Received};
use telnyx::{Cause, Command, Reject};
use uuid::Uuid;

use super::CARRIER;
use super::call::{Fault, Hearing, Taken};
use super::chain::{self, Course};
use super::orders::Subject;
use crate::bindings::voicehive::platform::call_routing::{self, Decision, Rejection};
use crate::service::Platform;
use crate::{decision, host, journal, limits, routing_table};

/// Who calls whom.
#[derive(Clone, Copy)]
pub(super) struct Offer<'a> {
    /// Our number, and its tenant.
    pub(super) number: &'a NumberRoute,
    /// The calling number; empty when withheld.
    pub(super) from: &'a str,
    /// The called number.
    pub(super) to: &'a str,
}

/// What was decided on a call, and why.
struct Ruling {
    decision: Decision,
    reason: String,
}

/// Stores a call that is not known, and orders what follows, in one transaction.
pub(super) async fn receive<P: Platform>(hearing: &Hearing<'_, P>, offer: Offer<'_>) -> Result<Taken, Fault> {
    let ruling = rule(hearing, offer).await?;
    // Who is turned down takes no line.
    let rejected = matches!(ruling.decision, Decision::Reject(_));
    let limit = offer.number.max_live_calls.filter(|_| !rejected);
    if let Some(taken) = store(hearing, offer, &ruling, limit).await? {
        return Ok(taken);
    }
    hearing.log("warn", "too-many-live-calls", "the tenant has as many calls at once as it may");
    let ruling = Ruling { decision: Decision::Reject(Rejection::Busy), reason: "too many calls".to_owned() };
    // Without a limit there cannot be too many.
    Ok(store(hearing, offer, &ruling, None).await?.unwrap_or(Taken::UnknownNumber))
}

/// `None` where the tenant has as many calls as it may.
async fn store<P: Platform>(
    hearing: &Hearing<'_, P>,
    offer: Offer<'_>,
    ruling: &Ruling,
    max_live: Option<u32>,
) -> Result<Option<Taken>, Fault> {
    let (event, now) = (&hearing.event, hearing.now);
    let Some(leg) = event.ids.leg.clone() else { return Ok(Some(Taken::UnknownCall)) };
    let agent: Option<AgentId> = match &ruling.decision {
        Decision::Connect(agent) => Some(agent.parse()?),
        _ => None,
    };
    let new = NewCall {
        id: CallId::generate(now),
        carrier: CARRIER.to_owned(),
        carrier_call_id: leg.clone(),
        from: offer.from.to_owned(),
        to: offer.to.to_owned(),
        direction: Direction::Inbound,
        agent,
        status: CallStatus::Ringing,
    };
    let ids = Ids { parent: None, ..event.ids.clone() };
    let unheard = CallState::new(Carrier::Telnyx, ids).running(call_state::Direction::Inbound);
    let course = Course::decided(ruling.decision.clone());
    let step = chain::next(&course, &unheard, event);
    let subject =
        Subject { tenant: &offer.number.tenant, call: &new.id, agent: new.agent.as_ref(), leg: &leg };
    let (commands, faults): (Vec<_>, Vec<_>) =
        step.iter().map(|step| hearing.desk.order(subject, step)).unzip();
    let received = CallEvent::Received {
        carrier: CARRIER.to_owned(),
        decision: decision::name(&ruling.decision).to_owned(),
        reason: ruling.reason.clone(),
    };
    let receipt = Receipt {
        events: &[received],
        carrier_event: Some(event),
        commands: &commands,
        max_live,
        decision: decision::stored(&ruling.decision),
    };
    match hearing.store.receive_call(&offer.number.tenant, new, receipt, now).await? {
        Received::New(_) => {
            for fault in faults.iter().flatten() {
                hearing.log("error", "command-not-possible", &journal::chain(fault));
            }
            if !commands.is_empty() {
                host::wake(hearing.platform, hearing.proven).await;
            }
            Ok(Some(Taken::Received))
        }
        // Another delivery was first.
        Received::Existing(call) => hearing.told(&call).await.map(Some),
        Received::TooMany => Ok(None),
    }
}

/// Decides on a call. A caller cannot help what is wrong with us, so that is said, too.
async fn rule<P: Platform>(hearing: &Hearing<'_, P>, offer: Offer<'_>) -> Result<Ruling, Fault> {
    let live = matches!(hearing.event.kind, EventKind::Initiated | EventKind::Answered { .. });
    if live
        && !limits::admit(&hearing.store, hearing.proven, &offer.number.tenant, offer.from, hearing.now)
            .await?
    {
        hearing.log("warn", "too-many-calls-of-one-number", "a number began too many calls");
        let decision = Decision::Message(decision::TOO_OFTEN.to_owned());
        return Ok(Ruling { decision, reason: "too many calls of one number".to_owned() });
    }
    let routed = routing_table::of(offer.number).map_err(|fault| fault.to_string()).and_then(|table| {
        let call = call_routing::Call {
            called: offer.to.to_owned(),
            caller: offer.from.to_owned(),
            direction: call_routing::Direction::Inbound,
            at: u64::try_from(hearing.now.0).unwrap_or_default(),
        };
        let answer = hearing.platform.route(&call, &table).map_err(|fault| format!("{fault:?}"))?;
        if let Decision::Connect(agent) = &answer.decision {
            agent.parse::<AgentId>().map_err(|fault| fault.to_string())?;
        }
        Ok(answer)
    });
    Ok(match routed {
        Ok(answer) => Ruling { reason: decision::reason(&answer.reason), decision: answer.decision },
        Err(fault) => {
            hearing.log("error", "routing-table", &fault);
            let decision = Decision::Message(decision::APOLOGY.to_owned());
            Ruling { decision, reason: "unusable routing table".to_owned() }
        }
    })
}

/// Turns down a call to a number that nobody has. There is no tenant whose command that would be, so the host is asked
/// at once; if it cannot, the call rings until the caller gives up.
pub(super) async fn turn_away<P: Platform>(hearing: &Hearing<'_, P>) {
    let (EventKind::Initiated, Some(leg)) = (&hearing.event.kind, &hearing.event.ids.leg) else { return };
    let command = Command::from(Reject::new(Cause::NotFound));
    let order = json!({
        "id": Uuid::new_v4().to_string(),
        "carrier": CARRIER,
        "carrier_call_id": leg,
        "action": command.action().as_str(),
        "body": command.into_body(),
    });
    host::command(hearing.platform, hearing.proven, &order).await;
}
