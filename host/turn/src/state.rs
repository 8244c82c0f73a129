//! Where a call stands.

use std::time::Duration;

use events::EndReason;
use serde::{Deserialize, Serialize};

use crate::{CallTime, TurnId};

/// What the call is doing. Running tools are an overlay: see [`Snapshot::tools_running`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// The socket is open, the stream has not started.
    Connecting,
    /// It is being found out who answered an outbound call; the agent is silent.
    Screening,
    /// The agent's first line is being made or spoken.
    Greeting,
    /// Nobody speaks.
    Listening,
    /// The caller speaks.
    UserSpeaking,
    /// The caller is silent, perhaps for a moment only.
    EndpointPending,
    /// The caller waits for the agent.
    Thinking,
    /// The agent speaks.
    Speaking,
    /// The agent holds its breath: the caller may be interrupting.
    PausedForBargeIn,
    /// The agent's last words, which the caller cannot stop.
    Closing,
    /// The call is over.
    Finished,
}

/// A call at a moment, for dashboards and tests.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Snapshot {
    /// The id of the call.
    pub call: String,
    /// What it is doing.
    pub state: State,
    /// How many tools are running.
    pub tools_running: usize,
    /// The turn that is being answered or spoken.
    pub turn: Option<TurnId>,
    /// When the caller began to speak, while the caller speaks.
    pub caller_speaks_since: Option<CallTime>,
    /// The caller's words that are not committed yet.
    pub hearing: String,
    /// What the agent has said or is about to say in this turn.
    pub said: String,
    /// What the caller has heard of it.
    pub heard: String,
    /// How much sent audio the carrier has not played yet, by estimate.
    pub audio_ahead: Duration,
    /// Why the call ended, once it has.
    pub ended: Option<EndReason>,
    /// How many answers were begun on the chance that the caller was done, and thrown
    /// away.
    pub speculations_discarded: u32,
}
