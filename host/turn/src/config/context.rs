//! What is known of a call when its media socket is accepted.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::Message;

/// What is known of a call when its media socket is accepted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CallContext {
    /// The id of the call.
    pub call: String,
    /// Who called whom.
    pub direction: Direction,
    /// Whether the caller's number is known.
    pub caller_known: bool,
    /// The coding of the carrier's audio.
    pub encoding: Encoding,
    /// What is already known of the customer.
    pub memories: Vec<String>,
    /// The conversation so far, where the call goes on after its media socket was
    /// lost. Not empty: the recovery line is spoken and no greeting.
    pub history: Vec<Message>,
    /// The number of the first turn: 0, or one more than the last turn in the log
    /// of a call that goes on.
    pub first_turn: u32,
    /// How many vendors of models there are; at least 1.
    pub models: u32,
    /// How many vendors of voices there are; at least 1.
    pub voices: u32,
    /// What is known of the tools that the model may call. One that is not here has
    /// side effects and the default time limit.
    pub tools: Vec<ToolPolicy>,
    /// Lines whose audio is at hand, by their exact text, in the carrier's coding.
    #[serde(with = "crate::io::audio_map")]
    pub prerecorded: BTreeMap<String, Bytes>,
    /// The audio of each key, its pause included, in the carrier's coding; empty: the agent
    /// cannot press keys.
    #[serde(with = "crate::io::audio_map")]
    pub tones: BTreeMap<char, Bytes>,
}

/// Who called whom. Throughout the core, "the caller" is the human on the other side.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Direction {
    /// The caller called us.
    #[default]
    Inbound,
    /// We called.
    Outbound,
}

/// A carrier's audio, 8 kHz, one byte a sample (ITU-T G.711).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Encoding {
    /// mu-law, PCMU.
    #[default]
    Mulaw,
    /// A-law, PCMA.
    Alaw,
}

impl Encoding {
    /// Bytes in a frame of 20 ms.
    pub const FRAME_BYTES: usize = 160;

    /// The byte that is silence.
    pub fn silence(self) -> u8 {
        match self {
            Self::Mulaw => 0xFF,
            Self::Alaw => 0xD5,
        }
    }
}

/// What the core must know of a tool.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToolPolicy {
    /// Its name.
    pub name: String,
    /// Whether it only reads: then an interruption may stop it. Tools that act are never
    /// stopped.
    pub cancel_on_interruption: bool,
    /// How long it may take; the agent's `timers.tool_ms` where absent.
    pub limit: Option<Duration>,
    /// Said while it runs instead of the agent's fillers.
    pub filler: Option<String>,
}

impl CallContext {
    /// A new inbound call of 8 kHz mu-law with one vendor of each kind.
    pub fn mulaw(call: impl Into<String>) -> Self {
        Self {
            call: call.into(),
            direction: Direction::Inbound,
            caller_known: true,
            encoding: Encoding::Mulaw,
            memories: Vec::new(),
            history: Vec::new(),
            first_turn: 0,
            models: 1,
            voices: 1,
            tools: Vec::new(),
            prerecorded: BTreeMap::new(),
            tones: BTreeMap::new(),
        }
    }
}
