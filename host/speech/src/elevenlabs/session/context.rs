//! One context of a stream: what was sent of it, and what was heard.

use std::time::Duration;

use tokio::time::Instant;

use super::Timing;
use crate::Word;
use crate::elevenlabs::text::Unsent;
use crate::elevenlabs::{Character, Words};

/// What is known of one context.
#[derive(Debug)]
pub(super) struct Context {
    unsent: Unsent,
    words: Words,
    /// Bytes of audio that have come.
    heard: u64,
    /// Whether all text was sent: from then on silence is the vendor's fault, until then it is ours.
    complete: bool,
    /// When the side whose turn it is last gave a sign.
    last_sign: Instant,
}

impl Context {
    pub(super) fn new(now: Instant) -> Self {
        Self { unsent: Unsent::default(), words: Words::default(), heard: 0, complete: false, last_sign: now }
    }

    pub(super) fn is_complete(&self) -> bool {
        self.complete
    }

    /// When something must be done: a keep-alive, or giving it up.
    pub(super) fn deadline(&self, timing: &Timing) -> Instant {
        self.last_sign + if self.complete { timing.stall } else { timing.keep_alive }
    }

    /// Something was sent that keeps it alive.
    pub(super) fn touch(&mut self, now: Instant) {
        self.last_sign = now;
    }

    /// Takes more text and gives what may be sent of it now.
    pub(super) fn say(&mut self, text: &str, last: bool, now: Instant) -> Option<String> {
        let ready = self.unsent.push(text);
        if ready.is_some() || last {
            self.last_sign = now;
        }
        if !last {
            return ready;
        }
        self.complete = true;
        let rest = self.unsent.finish();
        match (ready, rest) {
            (Some(ready), Some(rest)) => Some(ready + &rest),
            (Some(mut ready), None) => {
                // The vendor wants a space at the end.
                if !ready.ends_with(char::is_whitespace) {
                    ready.push(' ');
                }
                Some(ready)
            }
            (None, rest) => rest,
        }
    }

    /// Takes what came: bytes of audio, and what is spoken in them; returns the words that are whole.
    pub(super) fn hear(
        &mut self,
        bytes: usize,
        characters: Vec<Character>,
        pace: u32,
        now: Instant,
    ) -> Vec<Word> {
        if self.complete {
            self.last_sign = now;
        }
        let seconds = self.heard as f64 / f64::from(pace.max(1));
        let from = Duration::try_from_secs_f64(seconds).unwrap_or_default();
        self.heard = self.heard.saturating_add(bytes as u64);
        self.words.push(characters, from)
    }

    /// The word that only the end of the audio ended.
    pub(super) fn last_word(&mut self) -> Option<Word> {
        self.words.finish()
    }
}
