//! A call that we ordered, and that was answered.

use call_state::Ids;
use store::{CallId, Named};
use twiml::Response;

use super::desk::Desk;
use super::documents;
use super::fault::Fault;
use super::known;
use crate::service::Platform;

/// Binds the order to the carrier's call, and connects it to its agent.
pub(super) async fn answered<P: Platform>(desk: &Desk<'_, P>, ordered: &str) -> Result<Response, Fault> {
    let tenant = &desk.number.tenant;
    let Ok(id) = ordered.parse::<CallId>() else { return Ok(unordered(desk)) };
    if !desk.proven.may_name(&desk.store, tenant, &id).await? {
        return Ok(unordered(desk));
    }
    let ids = Ids { leg: Some(desk.fields.call_sid.clone()), ..Ids::default() };
    match desk.store.name_call(tenant, &id, &ids, desk.now).await? {
        Named::Now | Named::Already => {}
        Named::Other(_) => {
            // One order, two calls at the carrier: the first one is the call.
            desk.log("error", "placed-twice", "a second call came of one order; it is hung up");
            return Ok(documents::hangup());
        }
        Named::NoSuchCall => return Ok(unordered(desk)),
    }
    if desk.fields.answered_by.as_deref() == Some("fax") {
        desk.hear(&id).await;
        return Ok(documents::hangup());
    }
    let Some(call) = desk.store.call(tenant, &id).await? else { return Ok(unordered(desk)) };
    known::again(desk, call, desk.proven.query("resume").is_some()).await
}

/// Nobody is to be rung for an order that does not exist.
fn unordered<P: Platform>(desk: &Desk<'_, P>) -> Response {
    desk.log(
        "error",
        "no-such-order",
        "a call was placed that nobody of this tenant ordered by this account",
    );
    documents::hangup()
}
