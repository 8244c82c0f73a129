//! Who answers an outbound call: a human, a machine, a menu.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::millis;

/// How it is found out who answered an outbound call. The agent is silent meanwhile.
/// The defaults are those of LiveKit Agents but for `no_speech_ms`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Screening {
    /// Whether to find out at all; else the agent greets at once. Default true.
    pub enabled: bool,
    /// A first utterance up to this long is a human's. Default 2.5 s.
    #[serde(rename = "human_speech_ms", with = "millis")]
    pub human_speech: Duration,
    /// The silence after it that makes it one. Default 0.5 s.
    #[serde(rename = "human_silence_ms", with = "millis")]
    pub human_silence: Duration,
    /// The silence after a machine's words in which to speak. Default 1.5 s.
    #[serde(rename = "machine_silence_ms", with = "millis")]
    pub machine_silence: Duration,
    /// From the answer without a word to the greeting. Default 4 s: people wait for whoever
    /// called, and hang up before LiveKit's 10 s.
    #[serde(rename = "no_speech_ms", with = "millis")]
    pub no_speech: Duration,
    /// When it is decided whatever was heard, and again for how long a voicemail is waited
    /// for once it is known to be one. Default 20 s.
    #[serde(rename = "timeout_ms", with = "millis")]
    pub timeout: Duration,
    /// Said to a voicemail before the agent hangs up; empty: it hangs up at once.
    pub voicemail_message: String,
}

impl Default for Screening {
    fn default() -> Self {
        Self {
            enabled: true,
            human_speech: Duration::from_millis(2500),
            human_silence: Duration::from_millis(500),
            machine_silence: Duration::from_millis(1500),
            no_speech: Duration::from_secs(4),
            timeout: Duration::from_secs(20),
            voicemail_message: String::new(),
        }
    }
}
