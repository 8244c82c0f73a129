//! `transfer-destination-request`: where a call is handed over to.

use ::vapi::{Destination, Reply};

use super::desk::{Case, Desk};
use super::fault::Fault;
use crate::service::Platform;

/// What the model is told of an agent that hands nobody over.
const NOBODY: &str = "There is nobody to whom this call can be handed over.";

/// The key of the number in an agent's configuration, as for calls that we hold ourselves.
const TRANSFER_TO: &str = "transfer_to";

/// The agent's own destination, or that there is none.
pub(super) async fn reply<P: Platform>(case: &Case<'_, P>) -> Reply {
    match destination(case).await {
        Ok(Some(destination)) => Reply::destination(&destination),
        Ok(None) => Reply::error(NOBODY),
        Err(fault) => {
            fault.log(case);
            Reply::error(NOBODY)
        }
    }
}

async fn destination<P: Platform>(case: &Case<'_, P>) -> Result<Option<Destination>, Fault> {
    let desk = Desk::open(case).await?;
    let Some(call) = desk.call_or_new().await? else { return Ok(None) };
    let to = desk.configured(&call, TRANSFER_TO).await?;
    Ok(to.as_deref().map(Destination::new).transpose()?)
}
