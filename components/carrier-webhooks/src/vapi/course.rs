//! `status-update`, `transfer-update` and `end-of-call-report`: how a call goes, and how it went.

use ::vapi::{Message, Turn};
use call_state::{CarrierEvent, EventKind, Moment, vapi as words};
use events::CallEvent;
use store::{Appended, Call, Timestamp};

use super::conversation;
use super::desk::{Case, Desk};
use super::fault::Fault;
use crate::host;
use crate::service::Platform;

/// How often a log is written to while others write to it too: tools that are still running, at most.
const TRIES: u32 = 8;

/// Takes in what the message says of its call.
pub(super) async fn take<P: Platform>(case: &Case<'_, P>) -> Result<(), Fault> {
    let Some(event) = event(case)? else {
        case.log("info", "unknown-report", "a report that says nothing that is known here");
        return Ok(());
    };
    let desk = Desk::open(case).await?;
    let Some(call) = told(&desk, &event).await? else {
        case.log("warn", "unknown-call", "a report on a call that nobody of ours has");
        return Ok(());
    };
    match &case.message.message {
        Message::EndOfCallReport { turns, .. } => write_down(&desk, &call, turns).await?,
        Message::TransferUpdate { to: Some(to) } => handed_over(&desk, &call, to.address()).await?,
        _ => {}
    }
    if matches!(&event.kind, EventKind::Ended(ending) if ending.recording.is_some()) {
        host::wake(case.platform, case.proven).await;
    }
    Ok(())
}

fn event<P: Platform>(case: &Case<'_, P>) -> Result<Option<CarrierEvent>, Fault> {
    // What is read tolerantly as a message may still be none in the stricter reading.
    let Ok(message) = serde_json::from_slice::<words::ServerMessage>(case.proven.body()) else {
        return Ok(None);
    };
    words::event(&message, Moment::from_millis(case.now.0)).map_err(|_| Fault::NoCall)
}

/// Tells the call, which is stored with this if it is not known.
async fn told<P: Platform>(desk: &Desk<'_, P>, event: &CarrierEvent) -> Result<Option<Call>, Fault> {
    let known = match desk.call().await? {
        Some(call) => call,
        None => match desk.unasked(Some(event)).await? {
            Some((call, false)) => call,
            Some((call, true)) => {
                desk.case.log("info", "call-unasked", "a report made a call known");
                return Ok(Some(call));
            }
            None => return Ok(None),
        },
    };
    let told = desk.store.hear_carrier(&known.tenant, &known.id, event, &[], desk.case.now).await?;
    let applied = told.map(|told| format!("{:?}", told.applied)).unwrap_or_default();
    desk.case.log("info", "report-taken", &applied);
    Ok(Some(known))
}

/// Writes the conversation into the call's log, once: only at the place where the log was seen to end, and only if it has
/// no turns yet.
async fn write_down<P: Platform>(desk: &Desk<'_, P>, call: &Call, turns: &[Turn]) -> Result<(), Fault> {
    let events = conversation::events(turns, desk.case.now);
    if events.is_empty() {
        return Ok(());
    }
    append_once(desk, call, &events, |event| {
        matches!(event, CallEvent::TurnCommitted { .. } | CallEvent::TurnFinished { .. })
    })
    .await
}

async fn handed_over<P: Platform>(desk: &Desk<'_, P>, call: &Call, to: &str) -> Result<(), Fault> {
    let event = CallEvent::Transferred { to: to.to_owned() };
    append_once(desk, call, &[(desk.case.now, event)], |event| matches!(event, CallEvent::Transferred { .. }))
        .await
}

/// Appends events unless the log has one that is like them.
async fn append_once<P: Platform>(
    desk: &Desk<'_, P>,
    call: &Call,
    events: &[(Timestamp, CallEvent)],
    is_alike: impl Fn(&CallEvent) -> bool,
) -> Result<(), Fault> {
    for _ in 0..TRIES {
        let log = desk.store.events(&call.tenant, &call.id, 0).await?;
        if log.iter().filter_map(store::StoredEvent::event).any(|event| is_alike(&event)) {
            return Ok(());
        }
        let end = log.last().map_or(0, |event| event.seq);
        if let Appended::UpTo(_) = desk.store.append_events(&call.tenant, &call.id, events, Some(end)).await?
        {
            return Ok(());
        }
    }
    Err(Fault::Busy)
}
