//! Calls as Telnyx knows them.

use ::telnyx::{ClientState, Dialled};
use serde::Deserialize;

use super::Rest;
use crate::{Cause, Fault};

/// A call that goes on, of the list of the application's calls.
/// <https://developers.telnyx.com/api-reference/call-information/list-all-active-calls-for-given-connection>
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ActiveCall {
    /// How it is called.
    pub ids: Dialled,
    /// Our state, where the call carries one.
    pub state: Option<ClientState>,
}

#[derive(Deserialize)]
struct Page {
    data: Vec<Wire>,
    #[serde(default)]
    meta: Meta,
}

#[derive(Deserialize)]
struct Wire {
    call_control_id: String,
    call_leg_id: Option<String>,
    call_session_id: Option<String>,
    client_state: Option<String>,
}

#[derive(Default, Deserialize)]
struct Meta {
    next: Option<String>,
}

impl From<Wire> for ActiveCall {
    fn from(wire: Wire) -> Self {
        let ids = Dialled {
            call_control_id: wire.call_control_id,
            call_leg_id: wire.call_leg_id,
            call_session_id: wire.call_session_id,
        };
        Self { ids, state: wire.client_state.as_deref().and_then(ClientState::read) }
    }
}

impl Rest {
    /// The first leg of the call with this id of ours, if it goes on. A call that is over is not found: Telnyx lists
    /// active calls only.
    ///
    /// # Errors
    /// As [`Fault`] says; asking again does no harm.
    pub async fn active_call(&self, call: &str) -> Result<Option<Dialled>, Fault> {
        let first = ["connections", &self.connection_id, "active_calls"];
        let mut url = self.base.join(&first);
        for _ in 0..MAX_PAGES {
            let body = self.get(url.clone()).await?;
            let page: Page =
                serde_json::from_slice(&body).map_err(|_| Fault::Unknown { cause: Cause::Unreadable })?;
            let ours = page.data.into_iter().map(ActiveCall::from).find(|active| {
                active.state.as_ref().is_some_and(|state| state.call() == call && state.leg().is_none())
            });
            if let Some(ours) = ours {
                return Ok(Some(ours.ids));
            }
            let Some(next) = page.meta.next.filter(|next| !next.is_empty()) else { return Ok(None) };
            // Relative to the host; anything else would carry the key away.
            let next = url.join(&next).ok().filter(|next| next.origin() == url.origin());
            url = next.ok_or(Fault::Unknown { cause: Cause::Unreadable })?;
        }
        // Who sees only a part must not conclude that the rest is empty.
        Err(Fault::Unknown { cause: Cause::Unreadable })
    }

    /// Whether a leg is alive. `None` where Telnyx knows no such leg: it forgets one ten minutes after its end.
    ///
    /// # Errors
    /// As [`Fault`] says; asking again does no harm.
    pub async fn is_alive(&self, call_control_id: &str) -> Result<Option<bool>, Fault> {
        #[derive(Deserialize)]
        struct Answer {
            data: Data,
        }
        #[derive(Deserialize)]
        struct Data {
            is_alive: bool,
        }

        if call_control_id.is_empty() || call_control_id.bytes().all(|byte| byte == b'.') {
            return Err(Fault::unfit("out_of_limits"));
        }
        match self.get(self.base.join(&["calls", call_control_id])).await {
            Ok(body) => {
                let answer: Answer =
                    serde_json::from_slice(&body).map_err(|_| Fault::Unknown { cause: Cause::Unreadable })?;
                Ok(Some(answer.data.is_alive))
            }
            Err(Fault::Refused { refusal }) if refusal.status == 404 => Ok(None),
            Err(fault) => Err(fault),
        }
    }
}

/// Pages are of 20 calls unless asked; this is more than an application has at once.
const MAX_PAGES: usize = 200;
