//! Cartesia's messages, in both directions. Pure.

use std::borrow::Cow;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::StatusCode;
use serde::{Deserialize, Serialize};

use super::{Config, NAME};
use crate::{Encoding, Error, Kind, Stage, TtsOptions, Word};

/// Writes the requests of one stream. All but the text stays the same, as Cartesia demands within a context.
#[derive(Debug, Clone)]
pub struct Requests {
    model: String,
    voice: String,
    language: Option<String>,
    encoding: &'static str,
    sample_rate: u32,
    max_buffer_delay_ms: u128,
}

impl Requests {
    /// Fixes what all requests of a stream have in common.
    #[must_use]
    pub fn new(config: &Config, options: &TtsOptions) -> Self {
        Self {
            model: config.model.clone(),
            voice: options.voice.clone().unwrap_or_else(|| config.voice.clone()),
            language: options.language.clone(),
            encoding: match options.encoding {
                Encoding::Mulaw => "pcm_mulaw",
                Encoding::Alaw => "pcm_alaw",
                Encoding::Linear16 => "pcm_s16le",
            },
            sample_rate: options.sample_rate,
            max_buffer_delay_ms: config.max_buffer_delay.as_millis(),
        }
    }

    /// Writes the request to speak `text` in `context`; `last` closes the context.
    ///
    /// # Errors
    /// Never with text; the JSON writer's signature demands it.
    pub fn speak(&self, context: &str, text: &str, last: bool) -> Result<String, Error> {
        let request = Speak {
            model_id: &self.model,
            transcript: text,
            voice: Voice { mode: "id", id: &self.voice },
            language: self.language.as_deref(),
            context_id: context,
            output_format: Format {
                container: "raw",
                encoding: self.encoding,
                sample_rate: self.sample_rate,
            },
            r#continue: !last,
            max_buffer_delay_ms: self.max_buffer_delay_ms,
            add_timestamps: true,
        };
        write(&request)
    }

    /// Writes the request to stop a context. What is being generated keeps coming all the same.
    ///
    /// # Errors
    /// As [`Requests::speak`].
    pub fn cancel(&self, context: &str) -> Result<String, Error> {
        write(&Cancel { context_id: context, cancel: true })
    }
}

fn write(request: &impl Serialize) -> Result<String, Error> {
    serde_json::to_string(request).map_err(|_| Error::new(NAME, Stage::Send, Kind::Rejected))
}

#[derive(Serialize)]
struct Speak<'a> {
    model_id: &'a str,
    transcript: &'a str,
    voice: Voice<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    language: Option<&'a str>,
    context_id: &'a str,
    output_format: Format,
    r#continue: bool,
    max_buffer_delay_ms: u128,
    add_timestamps: bool,
}

#[derive(Serialize)]
struct Voice<'a> {
    mode: &'static str,
    id: &'a str,
}

#[derive(Serialize)]
struct Format {
    container: &'static str,
    encoding: &'static str,
    sample_rate: u32,
}

#[derive(Serialize)]
struct Cancel<'a> {
    context_id: &'a str,
    cancel: bool,
}

/// One message of Cartesia.
#[derive(Debug, Clone, PartialEq)]
pub enum Received {
    /// Audio of a context.
    Audio {
        /// The context.
        context: String,
        /// The audio, in the coding that was asked for.
        payload: Bytes,
    },
    /// When words of a context are spoken.
    Words {
        /// The context.
        context: String,
        /// The words.
        words: Vec<Word>,
    },
    /// A flush was carried out.
    Flushed {
        /// The context.
        context: String,
        /// Number of the flush.
        id: u64,
    },
    /// All audio of a context has come.
    Done {
        /// The context.
        context: String,
    },
    /// A context, or without one the connection, failed.
    Failed {
        /// The context.
        context: Option<String>,
        /// What happened.
        error: Error,
    },
    /// A message of an unknown type.
    Other,
}

/// Reads Cartesia's messages.
#[derive(Debug, Clone, Copy, Default)]
pub struct Decoder;

impl Decoder {
    /// Reads one text frame.
    ///
    /// # Errors
    /// When the frame is not JSON of this protocol, or its audio is not base64.
    pub fn decode(self, text: &str) -> Result<Received, Error> {
        let malformed = |code| Error::new(NAME, Stage::Receive, Kind::Protocol).with_code(code);
        let message: Message<'_> = serde_json::from_str(text).map_err(|_| malformed("malformed_message"))?;
        if message.kind == "error" {
            return Ok(message.failed());
        }
        let known = matches!(&*message.kind, "chunk" | "timestamps" | "flush_done" | "done");
        let context = match &message.context_id {
            Some(context) => context.clone(),
            None if known => return Err(malformed("context_missing")),
            None => return Ok(Received::Other),
        };
        match &*message.kind {
            "chunk" => {
                let payload =
                    STANDARD.decode(message.data.as_bytes()).map_err(|_| malformed("audio_not_base64"))?;
                Ok(Received::Audio { context, payload: payload.into() })
            }
            "timestamps" => Ok(Received::Words {
                context,
                words: message.word_timestamps.map(Timestamps::words).unwrap_or_default(),
            }),
            "flush_done" => Ok(Received::Flushed { context, id: message.flush_id.unwrap_or_default() }),
            "done" => Ok(Received::Done { context }),
            _ => Ok(Received::Other),
        }
    }
}

#[derive(Deserialize)]
struct Message<'a> {
    #[serde(borrow, rename = "type")]
    kind: Cow<'a, str>,
    #[serde(borrow, default)]
    data: Cow<'a, str>,
    context_id: Option<String>,
    flush_id: Option<u64>,
    word_timestamps: Option<Timestamps>,
    status_code: Option<u16>,
    error_code: Option<String>,
}

impl Message<'_> {
    fn failed(self) -> Received {
        let error = match self.status_code.and_then(|status| StatusCode::from_u16(status).ok()) {
            Some(status) => Error::from_status(NAME, Stage::Receive, status, None),
            None => Error::new(NAME, Stage::Receive, Kind::Unavailable),
        };
        let error = error.with_code(self.error_code.as_deref().unwrap_or_default());
        Received::Failed { context: self.context_id, error }
    }
}

#[derive(Deserialize)]
struct Timestamps {
    words: Vec<String>,
    start: Vec<f64>,
    end: Vec<f64>,
}

impl Timestamps {
    fn words(self) -> Vec<Word> {
        let time = |seconds: f64| Duration::try_from_secs_f64(seconds).unwrap_or_default();
        self.words
            .into_iter()
            .zip(self.start.into_iter().zip(self.end))
            .map(|(text, (start, end))| Word { text, start: time(start), end: time(end), confidence: 1.0 })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_keep_status_and_code_and_belong_to_their_context_or_to_the_connection() {
        let text = r#"{"type":"error","done":true,"status_code":429,"title":"t","message":"quotes the text","error_code":"concurrency_limited","context_id":"c1"}"#;
        let Ok(Received::Failed { context, error }) = Decoder.decode(text) else { panic!("error") };
        assert_eq!(context.as_deref(), Some("c1"));
        assert_eq!(error.kind(), &Kind::RateLimited { retry_after: None });
        assert_eq!(error.code(), Some("concurrency_limited"));
        assert!(!format!("{error:?}").contains("quotes"));

        let old = r#"{"type":"error","done":true,"status_code":500,"error":"free text"}"#;
        let Ok(Received::Failed { context: None, error }) = Decoder.decode(old) else { panic!("error") };
        assert_eq!(error.kind(), &Kind::Unavailable);
    }

    #[test]
    fn unknown_messages_mean_nothing_and_garbage_is_refused() {
        assert_eq!(Decoder.decode(r#"{"type":"novelty","context_id":"c"}"#), Ok(Received::Other));
        assert_eq!(Decoder.decode(r#"{"type":"novelty"}"#), Ok(Received::Other));
        for text in
            ["", "[]", r#"{"type":"chunk","data":"AA=="}"#, r#"{"type":"chunk","data":"?","context_id":"c"}"#]
        {
            assert_eq!(Decoder.decode(text).unwrap_err().kind(), &Kind::Protocol, "{text}");
        }
    }

    #[test]
    fn the_last_text_of_a_context_closes_it() {
        let config = Config::new(crate::Secret::new("k"), "v1").unwrap();
        let requests = Requests::new(&config, &TtsOptions::default());
        let request: serde_json::Value =
            serde_json::from_str(&requests.speak("c", "", true).unwrap()).unwrap();
        assert_eq!(request["continue"], false);
        assert_eq!(request["transcript"], "");
        let request: serde_json::Value = serde_json::from_str(&requests.cancel("c").unwrap()).unwrap();
        assert_eq!(request, serde_json::json!({ "context_id": "c", "cancel": true }));
    }
}
