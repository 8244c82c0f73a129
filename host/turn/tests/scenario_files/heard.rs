//! What the recogniser says at a moment, where it does not follow from what the caller says.

use serde::Deserialize;
use turn::SttInput;

use crate::parts::Seconds;

/// One thing that the recogniser says.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Heard {
    pub at: Seconds,
    interim: Option<String>,
    /// A final behind which the recogniser has heard an end.
    #[serde(rename = "final")]
    ended: Option<String>,
    /// A final behind which more words are to come.
    unended: Option<String>,
    eager: Option<String>,
    end_of_turn: Option<String>,
    #[serde(default)]
    resumed: bool,
    #[serde(default)]
    utterance_end: bool,
}

impl Heard {
    /// What goes into the call; refused unless it is exactly one thing.
    pub fn input(&self) -> Result<SttInput, String> {
        let interim = self.interim.clone().map(|text| SttInput::Interim { text });
        let ended = self.ended.clone().map(|text| SttInput::Final { text, speech_final: true });
        let unended = self.unended.clone().map(|text| SttInput::Final { text, speech_final: false });
        let eager = self.eager.clone().map(|text| SttInput::EagerEndOfTurn { text });
        let end_of_turn = self.end_of_turn.clone().map(|text| SttInput::EndOfTurn { text });
        let resumed = self.resumed.then_some(SttInput::TurnResumed);
        let utterance_end = self.utterance_end.then_some(SttInput::UtteranceEnd);
        let all = [interim, ended, unended, eager, end_of_turn, resumed, utterance_end];
        let mut said: Vec<SttInput> = all.into_iter().flatten().collect();
        match (said.pop(), said.is_empty()) {
            (Some(input), true) => Ok(input),
            _ => Err(format!("a recogniser says one thing at a time: {self:?}")),
        }
    }
}
