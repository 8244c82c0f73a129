//! A call that is known: the carrier never got the first answer, or the media socket is gone.

use store::Call;
use twiml::Response;

use super::desk::Desk;
use super::fault::Fault;
use super::{documents, menu};
use crate::bindings::voicehive::platform::call_routing::Decision;
use crate::decision;
use crate::service::Platform;

/// How often a call whose media socket was lost is connected again. A media plane that loses a
/// call this often will not keep it.
const RECOVERIES_MAX: u32 = 3;

/// The carrier asks again what to do with a call.
pub(super) async fn again<P: Platform>(
    desk: &Desk<'_, P>,
    call: Call,
    resumed: bool,
) -> Result<Response, Fault> {
    if !desk.may_say_of(&call) {
        return Ok(documents::hangup());
    }
    // Who was turned down is turned down again: hanging up instead would answer the call first.
    if let Some(rejection @ Decision::Reject(_)) = call.decision.as_ref().and_then(decision::of_stored) {
        return Ok(documents::without_agent(&rejection, &desk.places()));
    }
    if call.status.is_terminal() {
        return Ok(documents::hangup());
    }
    desk.hear(&call.id).await;
    let Some(agent) = &call.agent else { return desk.render(&call, &desk.decided(&call)?) };
    let lost = resumed || desk.was_connected(&call.id).await?;
    let tenant = &desk.number.tenant;
    if lost && !desk.store.recover_call(tenant, &call.id, RECOVERIES_MAX, desk.now).await? {
        desk.log("error", "media-unreachable", "the media plane lost the call too often");
        return menu::first(desk, agent).await;
    }
    desk.connect(&call, agent)
}
