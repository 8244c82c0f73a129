//! What goes into the call core and what comes out of it.

mod audio;
mod input;
mod output;

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

pub(crate) use audio::map as audio_map;
pub use input::*;
pub use output::*;

/// A moment of the call: the time since the media socket was accepted.
///
/// The core has no clock. Its driver reads one and passes every moment in.
pub type CallTime = Duration;

/// One exchange: the caller's words and the agent's answer. Turn 0 is the
/// greeting. Every effect and every vendor event carries the turn it belongs to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct TurnId(pub u32);

impl fmt::Display for TurnId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// One clause of a turn's answer, counted from 0 within the turn.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ClauseId(pub u32);

/// One request to the model within a turn, counted from 0; a turn with tool
/// calls needs several.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Round(pub u32);

/// Which try of a request this is, from 0. The driver takes another vendor for
/// each where it has one: the n-th, in its order of preference.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Attempt(pub u32);

/// The name of a mark sent to the carrier.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct MarkName(pub String);

/// A model's wish to run a tool.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToolCall {
    /// The model's id of it.
    pub id: String,
    /// The tool.
    pub name: String,
    /// Its arguments as the model wrote them.
    pub arguments: String,
}
