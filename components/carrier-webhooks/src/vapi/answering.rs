//! `assistant-request`: who answers a call.

use std::time::Duration;

use ::vapi::{Destination, Reply};
use call_state::{Carrier, CarrierEvent, EndReason, Ending, EventKind, Ids, Moment};
use events::CallEvent;
use store::{AgentId, Call, NumberRoute, Receipt, Received};

use super::desk::{Case, Desk};
use super::fault::Fault;
use super::{assistant, within};
use crate::bindings::voicehive::platform::call_routing::{Decision, Rejection};
use crate::decision;
use crate::limits::Caller;
use crate::service::Platform;

/// How long everything may take together. Vapi gives up after 7.5 s, measured at its end, and cannot be told to wait
/// longer; a caller who is told that something went wrong is better off than one who hears nothing.
const LIMIT: Duration = Duration::from_secs(5);

/// What callers are told for whom a message was to be taken: Vapi records none before an assistant answers.
const NO_MESSAGES: &str = "Nobody can take your call at the moment, and no message can be left on this line. Please call again later.";

const BUSY: &str = "All lines are busy at the moment. Please call again later.";

const DECLINED: &str = "This call cannot be taken. Goodbye.";

const OVER: &str = "This call is over. Please call again.";

/// The reply, within the limit.
pub(super) async fn reply<P: Platform>(case: &Case<'_, P>) -> Reply {
    match within(case.platform, LIMIT, decide(case)).await {
        Some(Ok(reply)) => reply,
        Some(Err(fault)) => {
            fault.log(case);
            Reply::error(decision::APOLOGY)
        }
        None => {
            case.log("error", "answer-too-late", "who answers was not decided in time");
            Reply::error(decision::APOLOGY)
        }
    }
}

async fn decide<P: Platform>(case: &Case<'_, P>) -> Result<Reply, Fault> {
    let desk = Desk::open(case).await?;
    let Some(number) = &desk.number else { return Ok(Reply::error(decision::UNKNOWN_NUMBER)) };
    match desk.call().await? {
        Some(call) => again(&desk, number, &call).await,
        None => first(&desk, number).await,
    }
}

/// The call is new: it is decided on, stored, and answered.
async fn first<P: Platform>(desk: &Desk<'_, P>, number: &NumberRoute) -> Result<Reply, Fault> {
    let case = desk.case;
    let caller = Caller::of(case.proven, &number.tenant, case.message.call.from());
    let answer = desk.route(number)?;
    let agent = match &answer.decision {
        Decision::Connect(agent) => Some(agent.parse::<AgentId>()?),
        _ => None,
    };
    let received = CallEvent::Received {
        carrier: case.proven.sender().carrier().to_owned(),
        decision: decision::name(&answer.decision).to_owned(),
        reason: decision::reason(&answer.reason),
    };
    let rejection = matches!(answer.decision, Decision::Reject(_)).then(|| turned_down(case)).transpose()?;
    let receipt = Receipt {
        events: &[received],
        carrier_event: rejection.as_ref(),
        commands: &[],
        caller: Some(caller.limit()),
        // Who is turned down takes no line.
        max_live: if rejection.is_some() { None } else { number.max_live_calls },
        decision: decision::stored(&answer.decision),
        offered_by: None,
    };
    match desk.receive(number, agent, receipt).await? {
        Received::New(call) => render(desk, &call, &answer.decision).await,
        // Vapi asked twice at once, and the other request was first.
        Received::Existing(call) => again(desk, number, &call).await,
        Received::TooOften => {
            case.log("warn", "too-many-calls-of-one-number", "a number began too many calls");
            Ok(Reply::error(decision::TOO_OFTEN))
        }
        Received::TooMany => {
            case.log("warn", "too-many-live-calls", "the tenant has as many calls at once as it may");
            Ok(Reply::error(BUSY))
        }
    }
}

/// The call is known: Vapi never got the first reply, or another message was faster than the question.
async fn again<P: Platform>(desk: &Desk<'_, P>, number: &NumberRoute, call: &Call) -> Result<Reply, Fault> {
    let decided = call.decision.as_ref().and_then(decision::of_stored);
    match (decided, &call.agent) {
        // Who was turned down is turned down again, and that call is over.
        (Some(rejection @ Decision::Reject(_)), _) => render(desk, call, &rejection).await,
        _ if call.status.is_terminal() => Ok(Reply::error(OVER)),
        (_, Some(agent)) => assistant::reply(desk, call, agent).await,
        (Some(decision), None) => render(desk, call, &decision).await,
        (None, None) => render(desk, call, &desk.route(number)?.decision).await,
    }
}

async fn render<P: Platform>(desk: &Desk<'_, P>, call: &Call, decision: &Decision) -> Result<Reply, Fault> {
    Ok(match decision {
        Decision::Connect(agent) => assistant::reply(desk, call, &agent.parse()?).await?,
        Decision::Forward(forwarding) => Reply::destination(&Destination::new(&forwarding.to)?),
        Decision::Message(words) => Reply::error(words),
        Decision::Voicemail(_) => Reply::error(NO_MESSAGES),
        Decision::Reject(Rejection::Busy) => Reply::error(BUSY),
        Decision::Reject(Rejection::Declined) => Reply::error(DECLINED),
    })
}

/// A call that is turned down is over at once, whether or not Vapi reports its end.
fn turned_down<P: Platform>(case: &Case<'_, P>) -> Result<CarrierEvent, Fault> {
    Ok(CarrierEvent {
        carrier: Carrier::Platform,
        id: "turned-down".to_owned(),
        ids: Ids { leg: Some(case.call_id()?.to_owned()), ..Ids::default() },
        direction: Some(call_state::Direction::Inbound),
        kind: EventKind::Ended(Ending::new(EndReason::Rejected)),
        sequence: None,
        occurred_at: None,
        received_at: Moment::from_millis(case.now.0),
    })
}
