//! A call that Telnyx offers us.

use call_state::{CallState, Carrier, EventKind, Ids};
use events::CallEvent;
use serde_json::json;
use store::{
    AgentId, CallAccount, CallId, CallStatus, Direction, Limit, NewCall, NumberRoute, Receipt, Received,
};
use telnyx::{Cause, Command, Reject};
use uuid::Uuid;

use super::CARRIER;
use super::call::{Fault, Hearing, Taken};
use super::chain::{self, Course};
use super::orders::Subject;
use crate::bindings::voicehive::platform::call_routing::{self, Decision, Rejection};
use crate::limits::Caller;
use crate::service::Platform;
use crate::{decision, host, journal, routing_table};

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
    let ruling = rule(hearing, offer);
    // Who is turned down takes no line.
    let rejected = matches!(ruling.decision, Decision::Reject(_));
    let max_live = offer.number.max_live_calls.filter(|_| !rejected);
    // What is said of a call later on does not begin one.
    let live = matches!(hearing.event.kind, EventKind::Initiated | EventKind::Answered { .. });
    let caller = Caller::of(hearing.proven, &offer.number.tenant, offer.from);
    let limits = Limits { caller: live.then(|| caller.limit()), max_live };
    let mut stored = store(hearing, offer, &ruling, limits).await?;
    if let Stored::TooOften = stored {
        hearing.log("warn", "too-many-calls-of-one-number", "a number began too many calls");
        stored = store(hearing, offer, &too_often(), Limits { caller: None, max_live }).await?;
    }
    if let Stored::TooMany = stored {
        hearing.log("warn", "too-many-live-calls", "the tenant has as many calls at once as it may");
        stored = store(hearing, offer, &too_many(), Limits::default()).await?;
    }
    match stored {
        Stored::Taken(taken) => Ok(taken),
        // Without a limit there cannot be too many.
        Stored::TooOften | Stored::TooMany => Ok(Taken::UnknownNumber),
    }
}

/// What is decided on a call that is one too many of its caller's, so that it hears why.
fn too_often() -> Ruling {
    let decision = Decision::Message(decision::TOO_OFTEN.to_owned());
    Ruling { decision, reason: "too many calls of one number".to_owned() }
}

/// What is decided on a call that is one too many of its tenant's.
fn too_many() -> Ruling {
    Ruling { decision: Decision::Reject(Rejection::Busy), reason: "too many calls".to_owned() }
}

/// What keeps a call from being stored.
#[derive(Clone, Copy, Default)]
struct Limits<'a> {
    caller: Option<Limit<'a>>,
    max_live: Option<u32>,
}

/// What became of a call that was to be stored.
enum Stored {
    /// It is, or was.
    Taken(Taken),
    /// Its caller calls too often.
    TooOften,
    /// Its tenant has as many calls as it may.
    TooMany,
}

async fn store<P: Platform>(
    hearing: &Hearing<'_, P>,
    offer: Offer<'_>,
    ruling: &Ruling,
    limits: Limits<'_>,
) -> Result<Stored, Fault> {
    let (event, now) = (&hearing.event, hearing.now);
    let Some(leg) = event.ids.leg.clone() else {
        return Ok(Stored::Taken(Taken::UnknownCall));
    };
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
        caller: limits.caller,
        max_live: limits.max_live,
        decision: decision::stored(&ruling.decision),
        offered_by: Some(hearing.proven.offered_by()),
    };
    match hearing.store.receive_call(&offer.number.tenant, new, receipt, now).await? {
        Received::New(call) => {
            if call.carrier_account == Some(CallAccount::Nobody) {
                hearing.log(
                    "error",
                    "no-account",
                    "nothing can be done: the tenant has set no account of its own",
                );
            }
            for fault in faults.iter().flatten() {
                hearing.log("error", "command-not-possible", &journal::chain(fault));
            }
            if !commands.is_empty() {
                host::wake(hearing.platform, hearing.proven).await;
            }
            Ok(Stored::Taken(Taken::Received))
        }
        // Another delivery was first.
        Received::Existing(call) => hearing.told(&call).await.map(Stored::Taken),
        Received::TooOften => Ok(Stored::TooOften),
        Received::TooMany => Ok(Stored::TooMany),
    }
}

/// Decides on a call. A caller cannot help what is wrong with us, so that is said, too.
fn rule<P: Platform>(hearing: &Hearing<'_, P>, offer: Offer<'_>) -> Ruling {
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
    match routed {
        Ok(answer) => Ruling { reason: decision::reason(&answer.reason), decision: answer.decision },
        Err(fault) => {
            hearing.log("error", "routing-table", &fault);
            let decision = Decision::Message(decision::APOLOGY.to_owned());
            Ruling { decision, reason: "unusable routing table".to_owned() }
        }
    }
}

/// Turns down a call to a number that nobody has. There is no tenant whose command that would be, so the host is asked
/// at once; if it cannot, the call rings until the caller gives up.
pub(super) async fn turn_away<P: Platform>(hearing: &Hearing<'_, P>) {
    let (EventKind::Initiated, Some(leg)) = (&hearing.event.kind, &hearing.event.ids.leg) else { return };
    let command = Command::from(Reject::new(Cause::NotFound));
    let mut order = json!({
        "id": Uuid::new_v4().to_string(),
        "carrier": CARRIER,
        "carrier_call_id": leg,
        "action": command.action().as_str(),
        "body": command.into_body(),
    });
    if let (Some(tenant), Some(order)) = (hearing.proven.tenant(), order.as_object_mut()) {
        order.insert("tenant".to_owned(), tenant.as_str().into());
    }
    host::command(hearing.platform, hearing.proven, &order).await;
}
