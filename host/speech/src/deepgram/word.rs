//! A word as both versions of the protocol write it.

use std::time::Duration;

use serde::Deserialize;

use crate::Word;

/// Version 1 gives times and punctuation; Flux writes punctuation into the word, and times where it has them.
#[derive(Deserialize)]
pub(super) struct WireWord {
    #[serde(default)]
    word: String,
    punctuated_word: Option<String>,
    #[serde(default)]
    start: f64,
    #[serde(default)]
    end: f64,
    #[serde(default)]
    confidence: f32,
}

impl From<WireWord> for Word {
    fn from(word: WireWord) -> Self {
        Self {
            text: word.punctuated_word.unwrap_or(word.word),
            start: Duration::try_from_secs_f64(word.start).unwrap_or_default(),
            end: Duration::try_from_secs_f64(word.end).unwrap_or_default(),
            confidence: word.confidence,
        }
    }
}
