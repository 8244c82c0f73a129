//! The synthesiser.

use std::collections::VecDeque;
use std::time::Duration;

use bytes::Bytes;
use turn::{Attempt, CallTime, ClauseId, Input, SpokenWord, TtsInput, TurnId};

use super::{Event, Sim, ms};

/// How the synthesiser behaves.
#[derive(Clone, Debug)]
pub struct Tts {
    pub first_byte: Duration,
    /// The audio of each clause in order; when exhausted, 15 characters a second.
    pub lengths: VecDeque<Duration>,
    /// How many times faster than speech it is.
    pub speed: u32,
    /// Whether it says when words are spoken.
    pub words: bool,
    /// Clauses that fail before they succeed.
    pub failures: u32,
    /// The attempts whose vendor is out of order.
    pub lost: Vec<Attempt>,
    /// How much audio comes before a failure.
    pub breaks_after: Duration,
    /// Whether it says anything at all.
    pub silent: bool,
    /// Whether it tells when clauses are done.
    pub tells_clauses: bool,
}

impl Sim {
    pub(super) fn synthesise(
        &mut self,
        turn: TurnId,
        generation: u32,
        clause: ClauseId,
        attempt: Attempt,
        text: &str,
    ) {
        if self.generation(turn) != generation || self.tts.silent || self.failing == Some(turn) {
            return;
        }
        if self.tts.failures > 0 || self.tts.lost.contains(&attempt) {
            self.tts.failures = self.tts.failures.saturating_sub(1);
            self.failing = Some(turn);
            let at = self.speak_for(turn, self.now + self.tts.first_byte, self.tts.breaks_after);
            return self.push(at, Event::SynthesisFails { turn });
        }
        let spoken = Duration::from_millis(text.trim().len() as u64 * 1000 / 15);
        let length = self.tts.lengths.pop_front().unwrap_or(spoken);
        let position = *self.position.entry(turn).or_default();
        *self.position.entry(turn).or_default() += length;
        let mut at = self.synthesiser_free.max(self.now + self.tts.first_byte);
        if self.tts.words {
            let words: Vec<&str> = text.split_whitespace().collect();
            let step = length / u32::try_from(words.len()).unwrap();
            let words = words.iter().zip(0u32..).map(|(word, n)| SpokenWord {
                word: (*word).into(),
                start: position + step * n,
                end: position + step * (n + 1),
            });
            self.push(at, Event::Input(Input::Tts(turn, TtsInput::Words(words.collect()))));
        }
        at = self.speak_for(turn, at, length);
        if self.tts.tells_clauses {
            self.push(at, Event::Input(Input::Tts(turn, TtsInput::ClauseDone(clause))));
        }
        self.synthesiser_free = at;
    }

    /// Audio of this length comes from `at` on; returns when it has come.
    fn speak_for(&mut self, turn: TurnId, mut at: CallTime, length: Duration) -> CallTime {
        let mut rest = length;
        while rest > Duration::ZERO {
            let piece = rest.min(ms(100));
            rest -= piece;
            let bytes = Bytes::from(vec![0x55; usize::try_from(piece.as_micros() / 125).unwrap()]);
            self.push(at, Event::Input(Input::Tts(turn, TtsInput::Audio(bytes))));
            at += piece / self.tts.speed;
        }
        at
    }

    pub(super) fn generation(&mut self, turn: TurnId) -> u32 {
        *self.generations.entry(turn).or_default()
    }

    pub(super) fn cancel(&mut self, turn: TurnId) {
        *self.generations.entry(turn).or_default() += 1;
        self.synthesiser_free = self.now;
    }
}
