//! Speech to text: the trait, its sessions, and how results add up to utterances.

use std::time::Duration;

use bytes::Bytes;
use tokio::sync::mpsc;

use crate::{BoxFuture, Encoding, Error, Word};

/// A recogniser of speech.
pub trait SpeechToText: Send + Sync {
    /// The vendor's name, for logs and metrics.
    fn name(&self) -> &'static str;

    /// Opens a stream for one call.
    fn open(&self, options: SttOptions) -> BoxFuture<'_, Result<SttSession, Error>>;
}

/// What a call asks of its recogniser.
#[derive(Debug, Clone)]
pub struct SttOptions {
    /// Coding of the audio that will be sent.
    pub encoding: Encoding,
    /// Samples per second of that audio.
    pub sample_rate: u32,
    /// The spoken language as a BCP 47 tag, or the vendor's default.
    pub language: Option<String>,
    /// Silence after which the vendor declares an end of speech.
    pub endpointing: Duration,
    /// Words to expect: names, products.
    pub keyterms: Vec<String>,
}

impl Default for SttOptions {
    fn default() -> Self {
        Self {
            encoding: Encoding::Mulaw,
            sample_rate: audio::SAMPLE_RATE,
            language: None,
            endpointing: Duration::from_millis(300),
            keyterms: Vec::new(),
        }
    }
}

/// An open stream. Dropping it closes the stream.
#[derive(Debug)]
pub struct SttSession {
    /// Takes commands. Send audio with `try_send`, and drop and count the frame when the channel is full.
    pub commands: mpsc::Sender<SttCommand>,
    /// Gives events until [`SttEvent::Closed`] or [`SttEvent::Failed`].
    pub events: mpsc::Receiver<SttEvent>,
}

/// What a caller of a stream may do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SttCommand {
    /// Send audio in the coding of the options. Empty audio is ignored.
    Audio(Bytes),
    /// Ask for a final result of all audio so far. Exactly one [`SttEvent::Final`] with `from_finalize` answers soon,
    /// empty when the vendor has nothing to add. A vendor that finds the end of turns itself takes no notice: it says
    /// [`SttEvent::EndOfTurn`] in its own time.
    Finalize,
    /// Take the remaining results, then close.
    Close,
}

/// What a stream says.
#[derive(Debug, Clone, PartialEq)]
pub enum SttEvent {
    /// The vendor noticed speech.
    SpeechStarted,
    /// Words since the last final; replaces the interim before it.
    Interim {
        /// The words.
        text: String,
        /// The same, with their times, where the vendor gives them.
        words: Vec<Word>,
    },
    /// Words that will not change, to be appended to the finals before.
    Final {
        /// The words. Empty when only the end of speech, or the answer to a finalize, is new.
        text: String,
        /// Whether the vendor found an end of speech here, or answered a finalize and has no more to say of the audio
        /// before it.
        speech_final: bool,
        /// Whether this answers [`SttCommand::Finalize`].
        from_finalize: bool,
        /// The same words, with their times, where the vendor gives them.
        words: Vec<Word>,
    },
    /// No word for a while, by the vendor's word times.
    UtteranceEnd {
        /// End of the last word, or nothing where the vendor does not know.
        last_word_end: Option<Duration>,
    },
    /// The caller may be done: a guess that comes before [`Self::EndOfTurn`], worth preparing an answer on. Followed by
    /// [`Self::EndOfTurn`] with the same words, or by [`Self::TurnResumed`].
    EagerEndOfTurn {
        /// The words of the turn so far, never empty; they replace the interim.
        text: String,
    },
    /// The eager end was wrong: the caller goes on.
    TurnResumed,
    /// The end of the turn was heard. Finals are not sent by a vendor that says this.
    EndOfTurn {
        /// All words of the turn, final. Empty when what began it was not speech.
        text: String,
    },
    /// The stream ended as asked.
    Closed,
    /// The stream is lost. Nothing follows.
    Failed(Error),
}

/// Adds finals up to whole utterances.
#[derive(Debug, Clone, Default)]
pub struct Utterance {
    pending: String,
}

impl Utterance {
    /// Takes an event; returns the utterance that it completes. Each word is returned once.
    pub fn push(&mut self, event: &SttEvent) -> Option<String> {
        match event {
            SttEvent::Final { text, speech_final, .. } => {
                if !text.is_empty() && !self.pending.is_empty() {
                    self.pending.push(' ');
                }
                self.pending.push_str(text);
                if *speech_final { self.take() } else { None }
            }
            SttEvent::UtteranceEnd { .. } => self.take(),
            SttEvent::EndOfTurn { text } => Some(text.clone()).filter(|text| !text.is_empty()),
            _ => None,
        }
    }

    /// The finals that no end of speech has followed yet.
    #[must_use]
    pub fn pending(&self) -> &str {
        &self.pending
    }

    fn take(&mut self) -> Option<String> {
        if self.pending.is_empty() { None } else { Some(std::mem::take(&mut self.pending)) }
    }
}
