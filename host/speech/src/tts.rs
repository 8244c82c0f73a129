//! Text to speech: the trait and its sessions.

use bytes::Bytes;
use tokio::sync::mpsc;

use crate::{BoxFuture, Encoding, Error, Word};

/// A synthesiser of speech.
pub trait TextToSpeech: Send + Sync {
    /// The vendor's name, for logs and metrics.
    fn name(&self) -> &'static str;

    /// Opens a stream for one call.
    fn open(&self, options: TtsOptions) -> BoxFuture<'_, Result<TtsSession, Error>>;
}

/// What a call asks of its synthesiser.
#[derive(Debug, Clone)]
pub struct TtsOptions {
    /// Coding of the audio to receive.
    pub encoding: Encoding,
    /// Samples per second of that audio.
    pub sample_rate: u32,
    /// The language to speak, or the vendor's default.
    pub language: Option<String>,
    /// The vendor's id of a voice, or the configured one.
    pub voice: Option<String>,
}

impl Default for TtsOptions {
    fn default() -> Self {
        Self { encoding: Encoding::Mulaw, sample_rate: audio::SAMPLE_RATE, language: None, voice: None }
    }
}

/// An open stream. Dropping it closes the stream.
#[derive(Debug)]
pub struct TtsSession {
    /// Takes commands.
    pub commands: mpsc::Sender<TtsCommand>,
    /// Gives events until [`TtsEvent::Closed`], or [`TtsEvent::Failed`] without a context.
    pub events: mpsc::Receiver<TtsEvent>,
}

/// What a caller of a stream may do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TtsCommand {
    /// Speak more text in a context. Texts of one context are joined as they are: keep the spaces.
    Speak {
        /// A name for one answer, never used again on the same stream.
        context: String,
        /// The text; may be empty when it is the last.
        text: String,
        /// Whether no text of this context follows.
        last: bool,
    },
    /// Stop speaking. No event of the context follows, not even [`TtsEvent::Done`], except those already in the channel.
    Cancel {
        /// The context.
        context: String,
    },
}

/// What a stream says.
#[derive(Debug, Clone, PartialEq)]
pub enum TtsEvent {
    /// Audio, in the coding of the options, following what came before in its context.
    Audio {
        /// The context.
        context: String,
        /// Any number of bytes.
        payload: Bytes,
    },
    /// When words of the context are spoken, counted from its first audio.
    Words {
        /// The context.
        context: String,
        /// The words, in order.
        words: Vec<Word>,
    },
    /// All audio of the context has come.
    Done {
        /// The context.
        context: String,
    },
    /// The rest of a context will not come; without a context, the stream is lost and nothing follows.
    Failed {
        /// The context, or nothing for the whole stream.
        context: Option<String>,
        /// What happened.
        error: Error,
    },
    /// The stream ended as asked.
    Closed,
}
