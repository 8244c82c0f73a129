//! ElevenLabs' messages, in both directions. Pure.

use std::borrow::Cow;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::{NAME, VoiceSettings};
use crate::{Error, Kind, Stage};

/// Writes the requests of one stream.
#[derive(Debug, Clone)]
pub struct Requests {
    settings: VoiceSettings,
}

impl Requests {
    /// Fixes how the voice speaks in all contexts of a stream.
    #[must_use]
    pub fn new(settings: VoiceSettings) -> Self {
        Self { settings }
    }

    /// Opens a context, with a single space as the vendor demands. A context that begins in any other way cannot be told
    /// how to speak any more.
    ///
    /// # Errors
    /// Never with text; the JSON writer's signature demands it.
    pub fn open(&self, context: &str) -> Result<String, Error> {
        let settings = (self.settings != VoiceSettings::default()).then_some(Settings {
            stability: self.settings.stability,
            similarity_boost: self.settings.similarity_boost,
            speed: self.settings.speed,
        });
        write(&Request { text: Some(" "), voice_settings: settings, ..Request::to(context) })
    }

    /// Speaks more text in an open context.
    ///
    /// # Errors
    /// As [`Requests::open`].
    pub fn speak(&self, context: &str, text: &str) -> Result<String, Error> {
        write(&Request { text: Some(text), ..Request::to(context) })
    }

    /// Speaks the rest of an open context without waiting for more.
    ///
    /// # Errors
    /// As [`Requests::open`].
    pub fn flush(&self, context: &str, text: Option<&str>) -> Result<String, Error> {
        write(&Request { text, flush: true, ..Request::to(context) })
    }

    /// Closes a context. What was flushed before is still spoken, anything else is not.
    ///
    /// # Errors
    /// As [`Requests::open`].
    pub fn close(&self, context: &str) -> Result<String, Error> {
        write(&Request { close_context: true, ..Request::to(context) })
    }

    /// Keeps an open context, or without one the socket, from running into the inactivity timeout.
    ///
    /// # Errors
    /// As [`Requests::open`].
    pub fn keep_alive(&self, context: Option<&str>) -> Result<String, Error> {
        write(&Request { text: Some(""), context_id: context, ..Request::default() })
    }

    /// Closes the socket and all its contexts.
    ///
    /// # Errors
    /// As [`Requests::open`].
    pub fn close_socket(&self) -> Result<String, Error> {
        write(&Request { close_socket: true, ..Request::default() })
    }
}

fn write(request: &Request<'_>) -> Result<String, Error> {
    serde_json::to_string(request).map_err(|_| Error::new(NAME, Stage::Send, Kind::Rejected))
}

#[derive(Serialize, Default)]
struct Request<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    context_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    voice_settings: Option<Settings>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    flush: bool,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    close_context: bool,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    close_socket: bool,
}

impl<'a> Request<'a> {
    fn to(context: &'a str) -> Self {
        Self { context_id: Some(context), ..Self::default() }
    }
}

#[derive(Serialize)]
struct Settings {
    #[serde(skip_serializing_if = "Option::is_none")]
    stability: Option<f32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    similarity_boost: Option<f32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    speed: Option<f32>,
}

/// One message of ElevenLabs.
#[derive(Debug, Clone, PartialEq)]
pub enum Received {
    /// More of a context.
    Chunk(Chunk),
    /// A context, or without one the connection, failed.
    Failed {
        /// The context.
        context: Option<String>,
        /// What happened.
        error: Error,
    },
    /// A message that means nothing here.
    Other,
}

/// More of a context: audio, what is spoken in it, or its end.
#[derive(Debug, Clone, PartialEq)]
pub struct Chunk {
    /// The context.
    pub context: String,
    /// The audio, in the coding that was asked for; may be empty.
    pub payload: Bytes,
    /// The characters that are spoken, as they were written.
    pub characters: Vec<Character>,
    /// Whether nothing of the context follows.
    pub last: bool,
}

/// One character and when it is spoken, counted from the audio of its message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Character {
    /// The character.
    pub text: String,
    /// When it begins.
    pub start: Duration,
    /// How long it takes.
    pub length: Duration,
}

/// Reads ElevenLabs' messages.
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
        if message.error.is_some() || message.code.is_some() {
            return Ok(message.failed());
        }
        let last = message.is_final.unwrap_or_default();
        // Text as it was written; normalised, "5" is "five", which nobody sent.
        let alignment = message.alignment.or(message.normalized_alignment);
        if message.audio.is_none() && alignment.is_none() && !last {
            return Ok(Received::Other);
        }
        let context = message.context_id.ok_or_else(|| malformed("context_missing"))?;
        let audio = message.audio.unwrap_or_default();
        let payload = STANDARD.decode(audio.as_bytes()).map_err(|_| malformed("audio_not_base64"))?;
        let characters = alignment.map(Alignment::characters).unwrap_or_default();
        Ok(Received::Chunk(Chunk { context, payload: payload.into(), characters, last }))
    }

    /// What the vendor's goodbye means. Its codes are those of WebSockets: a policy violation is a refusal, whatever the
    /// reason says in words.
    pub(super) fn closed(self, error: &Error) -> Error {
        let code = error.code().unwrap_or_default();
        let kind = match code {
            "1008" | "1002" | "1003" | "1007" => Kind::Rejected,
            "1009" => Kind::Protocol,
            name => kind(name).unwrap_or(Kind::Unavailable),
        };
        Error::new(NAME, Stage::Receive, kind).with_code(code)
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Message<'a> {
    #[serde(borrow)]
    audio: Option<Cow<'a, str>>,
    #[serde(alias = "is_final")]
    is_final: Option<bool>,
    #[serde(alias = "context_id")]
    context_id: Option<String>,
    alignment: Option<Alignment>,
    normalized_alignment: Option<Alignment>,
    error: Option<String>,
    code: Option<Code>,
}

/// A close code, or a name.
#[derive(Deserialize)]
#[serde(untagged)]
enum Code {
    Number(u32),
    Name(String),
}

impl Message<'_> {
    fn failed(self) -> Received {
        let (number, text) = match self.code {
            Some(Code::Number(number)) => (Some(number), number.to_string()),
            Some(Code::Name(name)) => (None, name),
            None => (None, String::new()),
        };
        let name = self.error.unwrap_or_default();
        let by_number = if number == Some(1_008) { Kind::Rejected } else { Kind::Unavailable };
        let kind = kind(&name).or_else(|| kind(&text)).unwrap_or(by_number);
        let error = Error::new(NAME, Stage::Receive, kind).with_code(&text).with_code(&name);
        Received::Failed { context: self.context_id, error }
    }
}

/// The vendor's names for what went wrong, as far as they matter here.
fn kind(name: &str) -> Option<Kind> {
    let kind = match name {
        "invalid_api_key"
        | "missing_api_key"
        | "invalid_authorization_header"
        | "needs_authorization"
        | "authorization_error"
        | "missing_permissions"
        | "subscription_required"
        | "payment_required"
        | "detected_unusual_activity"
        | "quota_exceeded" => Kind::Auth,
        "too_many_concurrent_requests"
        | "concurrent_limit_exceeded"
        | "rate_limit_exceeded"
        | "rate_limited"
        | "max_active_conversations" => Kind::RateLimited { retry_after: None },
        "input_timeout_exceeded" => Kind::Timeout,
        "system_busy" | "internal_server_error" | "internal_error" => Kind::Unavailable,
        "invalid_input_message" | "invalid_message" | "voice_not_found" | "model_not_found" => Kind::Rejected,
        _ => return None,
    };
    Some(kind)
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Alignment {
    #[serde(default)]
    chars: Vec<String>,
    #[serde(default)]
    char_start_times_ms: Vec<f64>,
    #[serde(default)]
    char_durations_ms: Vec<f64>,
}

impl Alignment {
    fn characters(self) -> Vec<Character> {
        let time = |ms: f64| Duration::try_from_secs_f64(ms / 1_000.0).unwrap_or_default();
        let times = self.char_start_times_ms.into_iter().zip(self.char_durations_ms);
        self.chars
            .into_iter()
            .zip(times)
            .map(|(text, (start, length))| Character { text, start: time(start), length: time(length) })
            .collect()
    }
}

#[cfg(test)]
mod tests;
