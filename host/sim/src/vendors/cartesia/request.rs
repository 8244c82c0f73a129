//! What a client asks of the synthesiser.

use std::time::Duration;

use serde::Deserialize;

use crate::vendors::making;
use crate::voice::Speaker;

/// How long the service waits for more text where the client says nothing.
const DEFAULT_BUFFER_DELAY: u64 = 3_000;

/// The longest such wait that it accepts.
const LONGEST_BUFFER_DELAY: u64 = 5_000;

/// A message of the client.
#[derive(Debug)]
pub(super) enum Message {
    Cancel { context_id: String },
    Speak(Box<Speak>),
}

#[derive(Deserialize)]
struct Cancel {
    context_id: String,
    cancel: bool,
}

/// Reads a message of the client.
pub(super) fn parse(text: &str) -> Result<Message, serde_json::Error> {
    if let Ok(Cancel { context_id, cancel: true }) = serde_json::from_str(text) {
        return Ok(Message::Cancel { context_id });
    }
    serde_json::from_str(text).map(Message::Speak)
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct Speak {
    pub(super) model_id: String,
    pub(super) transcript: String,
    pub(super) voice: Voice,
    #[serde(default)]
    pub(super) language: Option<String>,
    pub(super) context_id: String,
    pub(super) output_format: OutputFormat,
    #[serde(default, rename = "continue")]
    pub(super) more: bool,
    #[serde(default)]
    pub(super) flush: bool,
    #[serde(default)]
    pub(super) max_buffer_delay_ms: Option<u64>,
    #[serde(default)]
    pub(super) add_timestamps: bool,
}

#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
pub(super) struct Voice {
    pub(super) mode: String,
    pub(super) id: String,
}

#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
pub(super) struct OutputFormat {
    pub(super) container: String,
    pub(super) encoding: String,
    pub(super) sample_rate: u32,
}

/// What must stay the same within a context.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Settings {
    model: String,
    voice: Voice,
    language: Option<String>,
    format: OutputFormat,
    pub(super) timestamps: bool,
}

impl Speak {
    pub(super) fn settings(&self) -> Settings {
        Settings {
            model: self.model_id.clone(),
            voice: self.voice.clone(),
            language: self.language.clone(),
            format: self.output_format.clone(),
            timestamps: self.add_timestamps,
        }
    }

    pub(super) fn buffer_delay(&self) -> Duration {
        Duration::from_millis(self.max_buffer_delay_ms.unwrap_or(DEFAULT_BUFFER_DELAY))
    }

    /// What is wrong with the request, if anything.
    pub(super) fn mistake(&self) -> Option<String> {
        let format = &self.output_format;
        if self.model_id.is_empty() || self.context_id.is_empty() {
            return Some("model_id and context_id must not be empty".into());
        }
        if self.voice.mode != "id" || self.voice.id.is_empty() {
            return Some("voice must be {\"mode\":\"id\",\"id\":\"...\"}".into());
        }
        if format.container != "raw" {
            return Some(format!("container `{}` is not supported on WebSocket: use raw", format.container));
        }
        if !matches!(format.encoding.as_str(), "pcm_mulaw" | "pcm_s16le") {
            return Some(format!(
                "encoding `{}` is not served here: use pcm_mulaw or pcm_s16le",
                format.encoding
            ));
        }
        if !matches!(format.sample_rate, 8_000 | 16_000 | 24_000 | 48_000) {
            return Some(format!("sample rate {} is not served here", format.sample_rate));
        }
        if self.max_buffer_delay_ms.is_some_and(|delay| delay > LONGEST_BUFFER_DELAY) {
            return Some("max_buffer_delay_ms must be at most 5000".into());
        }
        None
    }
}

impl Settings {
    /// The simulated voice for the voice that was asked for.
    pub(super) fn speaker(&self) -> Speaker {
        making::speaker(&self.voice.id)
    }

    /// How many times 8 kHz.
    pub(super) fn factor(&self) -> usize {
        (self.format.sample_rate / crate::voice::SAMPLE_RATE) as usize
    }

    pub(super) fn sample_rate(&self) -> u32 {
        self.format.sample_rate
    }

    /// Audio as bytes of the encoding.
    pub(super) fn encode(&self, samples: &[i16]) -> Vec<u8> {
        making::encode(samples, self.format.encoding == "pcm_mulaw")
    }
}
