//! What a caller may do whom the media plane cannot serve: leave a message, speak to a person, or hang up.

use call_state::{CarrierEvent, EventKind, Ids, Moment};
use http::Response;
use store::{AgentId, Call, E164, Timestamp};

use super::desk::Desk;
use super::fault::{self, Fault};
use super::{documents, form};
use crate::bindings::voicehive::platform::call_routing::Forwarding;
use crate::decision;
use crate::proof::Proven;
use crate::service::Platform;

/// How often the menu is said to a caller who presses no key of it.
const ASKED_MAX: u32 = 3;

/// How long the human rings. The caller waits meanwhile, and can still leave a message.
const RING_SECONDS: u16 = 30;

const MESSAGE: char = '1';
const PERSON: char = '2';
const END: char = '0';

/// Says the menu for the first time.
pub(super) async fn first<P: Platform>(
    desk: &Desk<'_, P>,
    agent: &AgentId,
) -> Result<twiml::Response, Fault> {
    let person = person(desk, agent).await?;
    Ok(documents::menu(&words(person.is_some()), 1, &desk.places()))
}

/// Answers a proven `<Gather>` callback: the caller has pressed a key, or none.
pub(crate) async fn handle<P: Platform>(
    platform: &P,
    proven: &Proven<'_>,
    now: Timestamp,
) -> Response<String> {
    let document = pressed(platform, proven, now).await;
    fault::document(platform, proven, document)
}

async fn pressed<P: Platform>(
    platform: &P,
    proven: &Proven<'_>,
    now: Timestamp,
) -> Result<twiml::Response, Fault> {
    let Some(desk) = Desk::open(platform, proven, now).await? else {
        return Ok(documents::said(decision::UNKNOWN_NUMBER));
    };
    let goes_on = |call: &Call| desk.may_say_of(call) && !call.status.is_terminal();
    let Some(call) = desk.call().await?.filter(goes_on) else {
        return Ok(documents::hangup());
    };
    // Where the count is gone, the menu has been said often enough.
    let asked = proven.query("asked").and_then(|asked| asked.parse().ok()).unwrap_or(ASKED_MAX);
    let key = form::key(proven.form());
    if let Some(digit) = key {
        desk.note(&call.id, &pressed_key(&desk, digit, asked)).await;
    }
    let person = match &call.agent {
        Some(agent) => person(&desk, agent).await?,
        None => None,
    };
    let places = desk.places();
    Ok(match (key, person) {
        (Some(MESSAGE), _) => documents::take_message(&decision::plain_voicemail(), &places),
        (Some(PERSON), Some(to)) => {
            let forwarding = Forwarding { to: to.as_str().to_owned(), ring_seconds: RING_SECONDS };
            documents::forward(&forwarding, &places)
        }
        (Some(END), _) => documents::said(GOODBYE),
        _ if asked >= ASKED_MAX => documents::said(GOODBYE),
        (_, person) => documents::menu(&words(person.is_some()), asked.saturating_add(1), &places),
    })
}

const GOODBYE: &str = "Thank you for calling. Goodbye.";

fn words(with_person: bool) -> String {
    let person = if with_person { format!("To speak to a person, press {PERSON}. ") } else { String::new() };
    format!(
        "We are sorry, our assistant cannot be reached at the moment. To leave a message, press {MESSAGE}. \
         {person}To end the call, press {END}."
    )
}

/// Whom the agent hands callers over to, where it does.
async fn person<P: Platform>(desk: &Desk<'_, P>, agent: &AgentId) -> Result<Option<E164>, Fault> {
    let agent = desk.store.agent(&desk.number.tenant, agent).await?;
    let number = agent.as_ref().and_then(|agent| agent.config.get("transfer_to")?.as_str());
    Ok(number.and_then(|number| number.parse().ok()))
}

/// The key, as it is kept in the call's record: once for every time that the menu was said.
fn pressed_key<P: Platform>(desk: &Desk<'_, P>, digit: char, asked: u32) -> CarrierEvent {
    let sid = &desk.fields.call_sid;
    CarrierEvent {
        carrier: desk.proven.sender().speaker(),
        id: format!("{sid}/menu/{asked}"),
        ids: Ids { leg: Some(sid.clone()), ..Ids::default() },
        direction: None,
        kind: EventKind::Key { digit },
        sequence: None,
        occurred_at: None,
        received_at: Moment::from_millis(desk.now.0),
    }
}
