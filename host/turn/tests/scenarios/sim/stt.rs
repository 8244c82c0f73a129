//! The recogniser.

use std::time::Duration;

use turn::{Input, SttInput};

use super::{Sim, ms};

/// How the recogniser behaves.
#[derive(Clone, Debug)]
pub struct Stt {
    /// From the end of an utterance to its final.
    pub delay: Duration,
    /// Whether interims come while the caller speaks.
    pub interims: bool,
    /// Whether finals come.
    pub finals: bool,
    /// From the end of an utterance to the recogniser's word that it has ended.
    pub utterance_end: Option<Duration>,
    /// Whether finals come as ends of turn, as Deepgram Flux sends them.
    pub flux: bool,
    /// From the end of an utterance to an eager end of turn.
    pub eager: Option<Duration>,
}

impl Sim {
    pub(super) fn transcribe(&mut self) {
        for utterance in self.utterances.clone() {
            let Some(text) = utterance.text else { continue };
            if self.stt.interims {
                let words: Vec<&str> = text.split_whitespace().collect();
                let step = (utterance.to - utterance.from) / u32::try_from(words.len()).unwrap();
                for n in 1..=words.len() {
                    let text = words[..n].join(" ").trim_end_matches(['.', '?', '!']).to_owned();
                    let at = utterance.from + step * u32::try_from(n).unwrap() + ms(100);
                    self.at(at, Input::Stt(SttInput::Interim { text }));
                }
            }
            if let Some(eager) = self.stt.eager {
                let text = text.clone();
                self.at(utterance.to + eager, Input::Stt(SttInput::EagerEndOfTurn { text }));
            }
            if self.stt.finals {
                let last = if self.stt.flux {
                    SttInput::EndOfTurn { text }
                } else {
                    SttInput::Final { text, speech_final: true }
                };
                self.at(utterance.to + self.stt.delay, Input::Stt(last));
            }
            if let Some(after) = self.stt.utterance_end {
                self.at(utterance.to + after, Input::Stt(SttInput::UtteranceEnd));
            }
        }
    }
}
