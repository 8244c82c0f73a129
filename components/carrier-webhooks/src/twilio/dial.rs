//! `POST /webhooks/twilio/dial`: what became of a `<Dial>`, and so what the caller hears next.

use http::Response;
use store::{Call, CallStatus, Timestamp};

use super::desk::Desk;
use super::fault::{self, Fault};
use super::{documents, form};
use crate::bindings::voicehive::platform::call_routing::{Decision, Table};
use crate::decision;
use crate::proof::Proven;
use crate::service::Platform;

/// Answers a proven `<Dial>` action.
pub(crate) async fn handle<P: Platform>(
    platform: &P,
    proven: &Proven<'_>,
    now: Timestamp,
) -> Response<String> {
    let document = answer(platform, proven, now).await;
    fault::document(platform, proven, document)
}

async fn answer<P: Platform>(
    platform: &P,
    proven: &Proven<'_>,
    now: Timestamp,
) -> Result<twiml::Response, Fault> {
    let Some(desk) = Desk::open(platform, proven, now).await? else { return Ok(documents::hangup()) };
    let Some(call) = desk.call().await?.filter(|call| desk.may_say_of(call)) else {
        return Ok(documents::hangup());
    };
    desk.hear(&call.id).await;
    next(&desk, &call)
}

/// Whoever spoke to somebody is done. Whoever did not may leave a message: nothing is dialled a second time, so this
/// cannot go round in circles.
fn next<P: Platform>(desk: &Desk<'_, P>, call: &Call) -> Result<twiml::Response, Fault> {
    let spoke = matches!(form::field(desk.proven.form(), "DialCallStatus"), Some("completed" | "answered"));
    // A caller who gave up is told of like one whom nobody answered.
    let gone = call.status.is_terminal() || desk.fields.status.is_some_and(CallStatus::is_terminal);
    if spoke || gone {
        return Ok(documents::hangup());
    }
    Ok(documents::without_agent(&instead(desk)?, &desk.places()))
}

/// What the tenant's table says of a call that nobody is there to be connected with: its first rule that applies and
/// takes a message or says something. A plain voicemail where there is none.
fn instead<P: Platform>(desk: &Desk<'_, P>) -> Result<Decision, Fault> {
    let decided = desk.route(&without_people(desk.table()?))?.decision;
    Ok(match decided {
        decision @ (Decision::Message(_) | Decision::Voicemail(_)) => decision,
        _ => Decision::Voicemail(decision::plain_voicemail()),
    })
}

/// The table without what leads to somebody. Who is blocked was turned down before.
fn without_people(table: Table) -> Table {
    let speaks = |decision: &Decision| matches!(decision, Decision::Message(_) | Decision::Voicemail(_));
    let rules = table.rules.into_iter().filter(|rule| speaks(&rule.decision)).collect();
    Table { rules, blocked_callers: Vec::new(), ..table }
}
