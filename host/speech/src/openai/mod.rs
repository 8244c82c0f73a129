//! OpenAI's API and the many servers that speak it: chat, speech, transcription, embeddings.

mod chat;
mod chat_decoder;
mod embeddings;
mod speech;
mod transcription;

use http::header::AUTHORIZATION;
use reqwest::RequestBuilder;

pub use chat::{Chat, TokenLimit};
pub use chat_decoder::ChatDecoder;
pub use embeddings::Embeddings;
pub use speech::Speech;
pub use transcription::Transcription;

use crate::{Endpoint, Error, Secret};

const NAME: &str = "openai";

/// How an OpenAI-compatible server is reached.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where it is: `https://api.openai.com`, or with its path, such as `https://api.groq.com/openai/v1`.
    pub endpoint: Endpoint,
    /// The API key. Self-hosted servers may need none.
    pub api_key: Option<Secret>,
    /// The model.
    pub model: String,
}

impl Config {
    /// OpenAI itself.
    ///
    /// # Errors
    /// Never with the built-in address.
    pub fn new(api_key: Secret, model: impl Into<String>) -> Result<Self, Error> {
        Ok(Self {
            endpoint: Endpoint::parse("https://api.openai.com")?,
            api_key: Some(api_key),
            model: model.into(),
        })
    }

    fn post(&self, client: &reqwest::Client, path: &str) -> Result<RequestBuilder, Error> {
        let request = client.post(self.endpoint.clone().or_path("/v1").http(path));
        match &self.api_key {
            Some(key) => Ok(request.header(AUTHORIZATION, key.header(NAME, "Bearer ")?)),
            None => Ok(request),
        }
    }
}
