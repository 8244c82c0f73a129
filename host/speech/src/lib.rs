//! Speech and language vendors behind traits.
//!
//! Four traits: [`SpeechToText`], [`LanguageModel`], [`TextToSpeech`] and [`Embedder`]. Each is object safe, and each
//! implementation is a small value that may serve any number of calls. A session is two bounded channels and one task;
//! dropping the channels ends the task and its connection.
//!
//! Each vendor has a pure half that turns bytes into events (`decoder`, `wire`) and an I/O half that moves them.
//! Every wait has a deadline, taken from the [`Transport`] that the vendors share. Nothing that a vendor or a caller
//! said, and no key, ever gets into an [`Error`].

pub mod cartesia;
pub mod deepgram;
pub mod elevenlabs;
mod embedding;
mod endpoint;
mod error;
pub mod gemini;
mod llm;
pub mod openai;
mod secret;
pub mod sse;
mod stt;
mod transport;
mod tts;

pub use embedding::{Embedder, Purpose, normalize};
pub use endpoint::Endpoint;
pub use error::{Error, Kind, Stage};
pub use llm::{
    ChatEvent, ChatMessage, ChatRequest, ChatStream, FinishReason, LanguageModel, ToolCall, ToolDefinition,
    Usage,
};
pub use secret::Secret;
pub use stt::{SpeechToText, SttCommand, SttEvent, SttOptions, SttSession, Utterance};
pub use transport::{Retry, Timeouts, Transport};
pub use tts::{TextToSpeech, TtsCommand, TtsEvent, TtsOptions, TtsSession};

use std::time::Duration;

/// A boxed future that may be sent between threads, so that the traits are object safe.
pub type BoxFuture<'a, T> = futures::future::BoxFuture<'a, T>;

/// How audio is coded between us and a vendor.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Encoding {
    /// G.711 mu-law, as telephone carriers send it.
    #[default]
    Mulaw,
    /// G.711 A-law.
    Alaw,
    /// 16-bit little-endian linear samples.
    Linear16,
}

/// One word and when it was, or will be, spoken.
#[derive(Debug, Clone, PartialEq)]
pub struct Word {
    /// The word, with its punctuation where the vendor gives it.
    pub text: String,
    /// When it begins: since the start of the stream for recognition, of the context's audio for synthesis.
    pub start: Duration,
    /// When it ends, on the same clock.
    pub end: Duration,
    /// How sure the vendor is, 0 to 1; 1 where it says nothing.
    pub confidence: f32,
}

/// Commands and events that may wait in a session's channels: more than a second of 20 ms frames.
pub(crate) const CHANNEL_CAPACITY: usize = 64;
