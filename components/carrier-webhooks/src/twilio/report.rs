//! What carriers report of a call, and the call that it is about.

use std::time::Duration;

use call_state::{AnsweredBy, CarrierEvent, EventKind, Ids};
use http::Response;
use serde_json::json;
use store::{
    Call, CallId, CallStatus, Direction, E164, Named, NewCall, NewCommand, Receipt, Received, Store,
    TenantId, Timestamp, Told,
};
use uuid::Uuid;

use super::fault::Fault;
use super::form::{self, CallFields};
use crate::proof::{Proven, Sender};
use crate::service::Platform;
use crate::{host, message};

/// What became of a report.
#[derive(Debug)]
pub(super) enum Taken {
    /// The call has it, or had it.
    Told(Box<Told>),
    /// It made a call known that we were never asked about.
    Missed,
    /// It is about a call that nobody of ours made or got.
    UnknownCall,
    /// It says nothing that this code knows.
    NothingSaid,
}

impl Taken {
    /// A stable word for the log.
    fn code(&self) -> &'static str {
        use call_state::Applied::{Changed, Contradiction, Duplicate, Foreign, Full, Late, Noted, Stale};
        match self {
            Self::Told(told) => match told.applied {
                Changed => "report-applied",
                Noted => "report-noted",
                Stale => "report-stale",
                Late => "report-late",
                Contradiction => "report-contradicts",
                Duplicate => "report-duplicate",
                Foreign => "report-foreign",
                Full => "report-too-many",
            },
            Self::Missed => "call-missed",
            Self::UnknownCall => "unknown-call",
            Self::NothingSaid => "unknown-report",
        }
    }
}

/// Answers a proven status, recording or detection callback.
pub(crate) async fn handle<P: Platform>(
    platform: &P,
    proven: &Proven<'_>,
    now: Timestamp,
) -> Response<String> {
    match take(platform, proven, now).await {
        Ok(taken) => {
            if saved_recording(&taken) || found_a_fax(&taken) {
                host::wake(platform, proven).await;
            }
            noted(platform, proven, &taken)
        }
        Err(fault) => fault.written(platform, proven),
    }
}

/// Says in the log what became of a report, and to the carrier that it arrived.
pub(super) fn noted<P: Platform>(platform: &P, proven: &Proven<'_>, taken: &Taken) -> Response<String> {
    proven.log(platform, "info", taken.code(), "a carrier's report");
    message::empty()
}

async fn take<P: Platform>(platform: &P, proven: &Proven<'_>, now: Timestamp) -> Result<Taken, Fault> {
    let Some(event) = form::event(proven, now)? else { return Ok(Taken::NothingSaid) };
    let store = platform.open_store().await?;
    match find(platform, &store, proven, &event.ids, now).await? {
        Some(call) => {
            let end = hang_up_on_fax(proven, &call, &event, now);
            hear(&store, &call, &event, end.as_slice(), now).await
        }
        None => missed(&store, proven, &event, now).await,
    }
}

/// Tells a call what is said of it.
async fn hear<D: store::Db>(
    store: &Store<D>,
    call: &Call,
    event: &CarrierEvent,
    commands: &[NewCommand],
    now: Timestamp,
) -> Result<Taken, Fault> {
    let told = store.hear_carrier(&call.tenant, &call.id, event, commands, now).await?;
    Ok(told.map_or(Taken::UnknownCall, |told| Taken::Told(Box::new(told))))
}

/// The call that these names, or the order in the URL, mean: one whom the request may concern.
async fn find<P: Platform>(
    platform: &P,
    store: &Store<P::Db>,
    proven: &Proven<'_>,
    ids: &Ids,
    now: Timestamp,
) -> Result<Option<Call>, Fault> {
    let located = store.locate_call(proven.sender().carrier(), ids).await?;
    if let Some(call) = located {
        return Ok(Some(call).filter(|call| proven.concerns_call(call)));
    }
    let Some(id) = proven.query("call").and_then(|id| id.parse::<CallId>().ok()) else { return Ok(None) };
    // A leg that was dialled from the ordered call is not the call.
    if ids.parent.is_some() {
        return Ok(None);
    }
    let Some(tenant) = tenant_of_caller(store, proven).await? else { return Ok(None) };
    if !proven.may_name(store, &tenant, &id).await? {
        return Ok(None);
    }
    match store.name_call(&tenant, &id, ids, now).await? {
        Named::Now | Named::Already => Ok(store.call(&tenant, &id).await?),
        Named::NoSuchCall => Ok(None),
        Named::Other(_) => {
            proven.log(platform, "error", "placed-twice", "a second call came of one order");
            Ok(None)
        }
    }
}

/// The tenant from whose number an ordered call was placed.
pub(super) async fn tenant_of_caller<D: store::Db>(
    store: &Store<D>,
    proven: &Proven<'_>,
) -> Result<Option<TenantId>, Fault> {
    let Some(own) = form::field(proven.form(), "From").and_then(|from| from.parse::<E164>().ok()) else {
        return Ok(None);
    };
    let number = store.resolve_number(&own).await?;
    Ok(number.map(|number| number.tenant).filter(|tenant| proven.concerns(tenant)))
}

/// A call to one of our numbers that is over, and that we were never asked about: the question was lost, or comes
/// late. It is kept, so that it is seen, and so that a late question is not taken for a call.
async fn missed<D: store::Db>(
    store: &Store<D>,
    proven: &Proven<'_>,
    event: &CarrierEvent,
    now: Timestamp,
) -> Result<Taken, Fault> {
    let over = matches!(event.kind, EventKind::Ended(_)) && event.ids.parent.is_none();
    let Ok(fields) = CallFields::of(proven) else { return Ok(Taken::UnknownCall) };
    let (Some(own), Direction::Inbound, true) = (fields.own_number(), fields.direction, over) else {
        return Ok(Taken::UnknownCall);
    };
    let number = store.resolve_number(&own).await?.filter(|number| proven.concerns(&number.tenant));
    let Some(number) = number else { return Ok(Taken::UnknownCall) };
    let new = NewCall {
        id: CallId::generate(now),
        carrier: proven.sender().carrier().to_owned(),
        carrier_call_id: fields.call_sid,
        from: fields.from,
        to: fields.to,
        direction: Direction::Inbound,
        agent: None,
        status: CallStatus::Ringing,
    };
    let offered_by = Some(proven.offered_by());
    let receipt = Receipt { carrier_event: Some(event), offered_by, ..Receipt::default() };
    match store.receive_call(&number.tenant, new, receipt, now).await? {
        Received::New(_) => Ok(Taken::Missed),
        Received::Existing(call) if proven.concerns_call(&call) => hear(store, &call, event, &[], now).await,
        Received::Existing(_) => Ok(Taken::UnknownCall),
        Received::TooOften | Received::TooMany => Ok(Taken::UnknownCall),
    }
}

/// A fax that we called is hung up on: our agent would talk to it for as long as it listens. Where Twilio finds out before
/// it asks what to do, that is the answer.
fn hang_up_on_fax(
    proven: &Proven<'_>,
    call: &Call,
    event: &CarrierEvent,
    now: Timestamp,
) -> Option<NewCommand> {
    let ours = proven.sender() == Sender::Twilio && call.direction == Direction::Outbound;
    let fax = is_fax(event) && event.ids.parent.is_none();
    if !ours || !fax || call.status.is_terminal() {
        return None;
    }
    Some(NewCommand {
        id: Uuid::new_v4().to_string(),
        carrier: call.carrier.clone(),
        carrier_call_id: call.carrier_call_id.clone()?,
        action: "hangup".to_owned(),
        body: json!({}),
        expires_at: now.plus(HANGUP_LIFE),
    })
}

/// How long hanging up is tried for: until then the call costs.
const HANGUP_LIFE: Duration = Duration::from_secs(600);

fn is_fax(event: &CarrierEvent) -> bool {
    matches!(event.kind, EventKind::AnsweredBy { who: AnsweredBy::Fax })
}

/// Whether there may be somebody to hang up on, which the host does.
fn found_a_fax(taken: &Taken) -> bool {
    let Taken::Told(told) = taken else { return false };
    let last = told.state.record().last().filter(|_| told.applied.is_kept());
    last.is_some_and(|last| is_fax(&last.event))
}

/// Whether there is something to fetch, which the host does.
fn saved_recording(taken: &Taken) -> bool {
    let Taken::Told(told) = taken else { return false };
    let last = told.state.record().last().filter(|_| told.applied.is_kept());
    last.is_some_and(|last| match &last.event.kind {
        EventKind::RecordingSaved(_) => true,
        EventKind::Ended(ending) => ending.recording.is_some(),
        _ => false,
    })
}
