//! Telnyx, as the worker uses it.

use std::path::Path;
use std::time::Duration;

use ::telnyx::{Action, ClientState, Dial, Dialled, MachineDetection, OutOfLimits};
use call_state::Ids;
use store::{Command, DueRecording, Order, TenantId, Timestamp};

use super::carrier::{BoxFuture, Carrier};
use crate::accounts::webhooks;
use crate::order::Rules;
use crate::telnyx::Rest;
use crate::{Fault, FetchError, Fetched};

/// Telnyx's API, and where its webhooks go. Commands are Call Control's, by their own names and bodies.
#[derive(Clone, Debug)]
pub struct Telnyx {
    rest: Rest,
    webhook: String,
}

impl Telnyx {
    /// `public_url` is where the edge is reached from outside, without a final slash.
    #[must_use]
    pub fn new(rest: Rest, public_url: &str) -> Self {
        Self { rest, webhook: format!("{}/call", webhooks(public_url, "telnyx", None)) }
    }

    /// The same for an account of this tenant's own, whose webhooks the tenant's own keys prove.
    #[must_use]
    pub fn of_tenant(rest: Rest, public_url: &str, tenant: &TenantId) -> Self {
        Self { rest, webhook: format!("{}/call", webhooks(public_url, "telnyx", Some(tenant))) }
    }

    fn dial(&self, order: &Order, attempt: &str) -> Result<Dial, OutOfLimits> {
        let mut dial = self
            .rest
            .dial(order.from.as_str(), order.to.as_str())?
            .command_id(attempt)
            .client_state(&ClientState::of_call(order.call.as_str())?)
            .ring(order.ring.clamp(MIN_RING, MAX_RING))?
            .webhook_url(self.webhook.as_str())?;
        if order.detect_machine {
            dial = dial.machine_detection(MachineDetection::GreetingEnd);
        }
        if order.record {
            dial = dial.record();
        }
        Ok(dial)
    }
}

impl Carrier for Telnyx {
    fn rules(&self) -> Rules {
        Rules::telnyx()
    }

    fn place<'a>(&'a self, order: &'a Order, attempt: &'a str) -> BoxFuture<'a, Result<Ids, Fault>> {
        Box::pin(async move {
            let dial = self.dial(order, attempt).map_err(|_| Fault::unfit("out_of_limits"))?;
            self.rest.place(dial).await.map(ids)
        })
    }

    fn find<'a>(&'a self, order: &'a Order, _since: Timestamp) -> BoxFuture<'a, Result<Vec<Ids>, Fault>> {
        Box::pin(async move {
            let found = self.rest.active_call(order.call.as_str()).await?;
            Ok(found.map(ids).into_iter().collect())
        })
    }

    fn command<'a>(&'a self, command: &'a Command) -> BoxFuture<'a, Result<(), Fault>> {
        let body = command.body.clone();
        Box::pin(self.rest.act(&command.carrier_call_id, &command.action, body, &command.id))
    }

    fn fetch<'a>(
        &'a self,
        recording: &'a DueRecording,
        file: &'a Path,
        limit: u64,
    ) -> BoxFuture<'a, Result<Fetched, FetchError>> {
        Box::pin(async move {
            let url = recording.recording.url.as_deref().ok_or_else(|| Fault::unfit("no_address"))?;
            self.rest.fetch_recording(url, file, limit).await
        })
    }
}

/// What ends a call whose command `action` fails. Telnyx runs no documents: a call waits for the event that its last command
/// leads to.
pub(super) fn ends_instead(action: &str) -> Option<&'static str> {
    let awaited = ["speak", "record_start", "streaming_start", "transfer"];
    awaited.contains(&action).then_some(Action::Hangup.as_str())
}

fn ids(dialled: Dialled) -> Ids {
    Ids {
        leg: Some(dialled.call_control_id),
        alias: dialled.call_leg_id,
        session: dialled.call_session_id,
        ..Ids::default()
    }
}

/// Telnyx's limits on `timeout_secs`.
const MIN_RING: Duration = Duration::from_secs(5);
const MAX_RING: Duration = Duration::from_secs(600);
