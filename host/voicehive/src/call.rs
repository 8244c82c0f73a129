//! One live call: its task, from the open socket to what is remembered of it.

mod answers;
mod carrier;
mod context;
mod driver;
mod log;
mod model_tools;
mod recogniser;
mod recording;
mod remember;
mod reopening;
mod setup;
mod tones;
mod tool_answers;
mod unfinished;
mod voice;
mod voices;

use std::sync::Arc;

use axum::extract::ws::WebSocket;
use tracing::Instrument as _;

use crate::live::Place;
use crate::platform::Platform;

pub use carrier::Dialect;
pub use setup::agent_config;
pub use tool_answers::as_json;

/// A call whose token was good.
pub struct Admitted {
    /// Whose call it is.
    pub tenant: store::Tenant,
    /// The call as the edge stored it.
    pub call: store::Call,
    /// The agent that answers.
    pub agent: store::Agent,
    /// Its place among the live calls.
    pub place: Place,
    /// How the carrier speaks on the media socket.
    pub dialect: Dialect,
}

impl Admitted {
    /// The number of whoever speaks with the agent; empty where withheld.
    pub fn person(&self) -> &str {
        person(&self.call)
    }
}

/// The number of whoever speaks with the agent: who called us, or whom we called. Empty where withheld.
fn person(call: &store::Call) -> &str {
    match call.direction {
        store::Direction::Inbound => &call.from,
        store::Direction::Outbound => &call.to,
    }
}

/// Runs a call to its end. Whatever goes wrong ends this call only.
pub async fn run(platform: Arc<Platform>, admitted: Admitted, socket: WebSocket) {
    let span = tracing::info_span!("call", id = %admitted.call.id, tenant = %admitted.tenant.id);
    async move {
        tracing::info!(agent = %admitted.agent.id, "a call is connected");
        let (tenant, call) = (admitted.tenant.id.clone(), admitted.call.clone());
        let dialect = admitted.dialect;
        let (place, ended) = match driver::Driver::start(platform.clone(), admitted, socket).await {
            Ok(driver) => {
                let (place, ended) = driver.run().await;
                (Some(place), ended)
            }
            Err(error) => {
                // Twilio asks what to do with a call whose socket closes; Telnyx does not.
                if dialect == Dialect::Telnyx {
                    platform.carriers.end_surely(&platform.store, &call).await;
                }
                (None, Err(error))
            }
        };
        match ended {
            Ok(driver::Ending::GaveWay) => {
                tracing::info!("a newer socket has taken the call over");
                return;
            }
            Ok(driver::Ending::Over) => tracing::info!("a call has ended"),
            Err(error) => tracing::error!(error = format!("{error:#}"), "a call broke"),
        }
        if let Err(error) = remember::after_call(&platform, &tenant, &call).await {
            tracing::error!(error = format!("{error:#}"), "a call could not be remembered");
        }
        // A platform that stops waits for the places of all calls, and so for what is remembered of them.
        drop(place);
    }
    .instrument(span)
    .await;
}
