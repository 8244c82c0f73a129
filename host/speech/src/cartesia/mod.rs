//! Cartesia's streaming synthesiser.

mod session;
mod wire;

use std::time::Duration;

use http::{HeaderName, HeaderValue};
use tokio::sync::mpsc;

pub use wire::{Decoder, Received, Requests};

use crate::{
    BoxFuture, CHANNEL_CAPACITY, Endpoint, Error, Kind, Secret, Stage, TextToSpeech, Transport, TtsOptions,
    TtsSession,
};

const NAME: &str = "cartesia";

/// How Cartesia is reached and what it is asked for on every call.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where it is, normally `https://api.cartesia.ai`.
    pub endpoint: Endpoint,
    /// The API key.
    pub api_key: Secret,
    /// The model.
    pub model: String,
    /// The voice of calls that do not name one.
    pub voice: String,
    /// Version of the API as a date. Errors have another shape before 2026; both are read.
    pub version: String,
    /// How long the vendor may wait for more text before it speaks what it has. Zero, because whole clauses are sent.
    pub max_buffer_delay: Duration,
    /// How long a context whose text is complete may stay silent before it fails.
    pub stall: Duration,
}

impl Config {
    /// The public service with its current model.
    ///
    /// # Errors
    /// Never with the built-in address.
    pub fn new(api_key: Secret, voice: impl Into<String>) -> Result<Self, Error> {
        Ok(Self {
            endpoint: Endpoint::parse("https://api.cartesia.ai")?,
            api_key,
            model: "sonic-3".into(),
            voice: voice.into(),
            version: "2026-03-01".into(),
            max_buffer_delay: Duration::ZERO,
            stall: Duration::from_secs(10),
        })
    }
}

/// A synthesiser at Cartesia.
#[derive(Debug, Clone)]
pub struct Cartesia {
    config: Config,
    transport: Transport,
}

impl Cartesia {
    /// Creates the synthesiser; nothing is sent before a call opens.
    #[must_use]
    pub fn new(config: Config, transport: Transport) -> Self {
        Self { config, transport }
    }

    async fn connect(&self, options: TtsOptions) -> Result<TtsSession, Error> {
        let refused = |code| Error::new(NAME, Stage::Configure, Kind::Rejected).with_code(code);
        let requests = Requests::new(&self.config, &options);
        let key = self.config.api_key.header(NAME, "")?;
        let version = HeaderValue::from_str(&self.config.version).map_err(|_| refused("version"))?;
        let headers = [
            (HeaderName::from_static("x-api-key"), key),
            (HeaderName::from_static("cartesia-version"), version),
        ];
        let url = self.config.endpoint.websocket("/tts/websocket");
        let socket = self.transport.websocket(NAME, &url, &headers).await?;
        let (commands, command_receiver) = mpsc::channel(CHANNEL_CAPACITY);
        let (event_sender, events) = mpsc::channel(CHANNEL_CAPACITY);
        tokio::spawn(session::run(socket, requests, self.config.stall, command_receiver, event_sender));
        Ok(TtsSession { commands, events })
    }
}

impl TextToSpeech for Cartesia {
    fn name(&self) -> &'static str {
        NAME
    }

    fn open(&self, options: TtsOptions) -> BoxFuture<'_, Result<TtsSession, Error>> {
        Box::pin(self.connect(options))
    }
}
