//! Deepgram's streaming recogniser, version 1 of its API, and self-hosted servers of the same protocol; and [`flux`],
//! version 2.

mod decoder;
pub mod flux;
mod session;
mod word;

use std::time::Duration;

use http::header::AUTHORIZATION;
use tokio_tungstenite::tungstenite::Message;
use url::Url;

pub use decoder::{Decoded, Decoder};

use crate::{
    BoxFuture, Encoding, Endpoint, Error, Secret, SpeechToText, SttEvent, SttOptions, SttSession, Transport,
};

const NAME: &str = "deepgram";

const KEEP_ALIVE: &str = r#"{"type":"KeepAlive"}"#;
const FINALIZE: &str = r#"{"type":"Finalize"}"#;

/// How Deepgram is reached and what it is asked for on every call.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where it is, `https://api.deepgram.com` unless self-hosted.
    pub endpoint: Endpoint,
    /// The API key.
    pub api_key: Secret,
    /// The model.
    pub model: String,
    /// Silence on our side after which a keep-alive is sent. Deepgram closes after 10 s and advises 3 to 5 s.
    pub keep_alive: Duration,
    /// How long Deepgram may take to answer a finalize before an empty answer is made for it. With little audio
    /// buffered it never answers.
    pub finalize_timeout: Duration,
}

impl Config {
    /// The public service with its current general model.
    ///
    /// # Errors
    /// Never with the built-in address.
    pub fn new(api_key: Secret) -> Result<Self, Error> {
        Ok(Self {
            endpoint: Endpoint::parse("https://api.deepgram.com")?,
            api_key,
            model: "nova-3".into(),
            keep_alive: Duration::from_secs(4),
            finalize_timeout: Duration::from_secs(1),
        })
    }
}

/// A recogniser at Deepgram.
#[derive(Debug, Clone)]
pub struct Deepgram {
    config: Config,
    transport: Transport,
}

impl Deepgram {
    /// Creates the recogniser; nothing is sent before a call opens.
    #[must_use]
    pub fn new(config: Config, transport: Transport) -> Self {
        Self { config, transport }
    }

    async fn connect(&self, options: SttOptions) -> Result<SttSession, Error> {
        let authorization = self.config.api_key.header(NAME, "Token ")?;
        let url = self.url(&options);
        let socket = self.transport.websocket(NAME, &url, &[(AUTHORIZATION, authorization)]).await?;
        let timing = session::Timing {
            keep_alive: self.config.keep_alive,
            finalize: self.config.finalize_timeout,
            close: self.transport.timeouts().close,
            stall: None,
        };
        Ok(session::start(socket, Decoder::new(), timing))
    }

    fn url(&self, options: &SttOptions) -> Url {
        let mut url = self.config.endpoint.websocket("/v1/listen");
        let encoding = encoding(options.encoding);
        // Models before the third generation call expected words by another name.
        let keyterm = if self.config.model.starts_with("nova-3") { "keyterm" } else { "keywords" };
        let mut query = url.query_pairs_mut();
        query
            .append_pair("model", &self.config.model)
            .append_pair("encoding", encoding)
            .append_pair("sample_rate", &options.sample_rate.to_string())
            .append_pair("channels", "1")
            .append_pair("interim_results", "true")
            .append_pair("smart_format", "true")
            .append_pair("vad_events", "true")
            .append_pair("endpointing", &options.endpointing.as_millis().to_string())
            .append_pair("utterance_end_ms", "1000");
        if let Some(language) = &options.language {
            query.append_pair("language", language);
        }
        for term in &options.keyterms {
            query.append_pair(keyterm, term);
        }
        drop(query);
        url
    }
}

impl SpeechToText for Deepgram {
    fn name(&self) -> &'static str {
        NAME
    }

    fn open(&self, options: SttOptions) -> BoxFuture<'_, Result<SttSession, Error>> {
        Box::pin(self.connect(options))
    }
}

/// The name of a coding, in both versions.
fn encoding(encoding: Encoding) -> &'static str {
    match encoding {
        Encoding::Mulaw => "mulaw",
        Encoding::Alaw => "alaw",
        Encoding::Linear16 => "linear16",
    }
}

impl session::Dialect for Decoder {
    fn read(&mut self, text: &str) -> Result<Vec<SttEvent>, Error> {
        let decoded = self.decode(text)?;
        if let Some(request_id) = decoded.request_id {
            tracing::debug!(request_id, "recogniser's stream summary");
        }
        Ok(decoded.event.into_iter().collect())
    }

    fn keep_alive(&self) -> Message {
        Message::text(KEEP_ALIVE)
    }

    fn finalize(&self) -> Option<Message> {
        Some(Message::text(FINALIZE))
    }
}
