//! Which speech and language vendors a configuration means.

use std::sync::Arc;

use anyhow::Context as _;
use speech::{Endpoint, LanguageModel, SpeechToText, TextToSpeech, Transport, cartesia, deepgram, openai};
use url::Url;

use crate::config::{Config, ConfigError, Secret, SpeechVendor};

/// The recogniser, the model and the synthesiser of a platform.
pub struct Vendors {
    /// The recogniser.
    pub stt: Arc<dyn SpeechToText>,
    /// The model.
    pub llm: Arc<dyn LanguageModel>,
    /// The synthesiser.
    pub tts: Arc<dyn TextToSpeech>,
}

/// Prepares the configured vendors. Nothing is sent before a call.
///
/// # Errors
/// The first key that is missing or address that is not one.
pub fn prepare(config: &Config) -> anyhow::Result<Vendors> {
    let transport = Transport::new().context("setting up TLS")?;
    Ok(Vendors {
        stt: recogniser(config, transport.clone())?,
        llm: Arc::new(openai::Chat::new(openai(config, &config.openai_model)?, transport.clone())),
        tts: synthesiser(config, transport)?,
    })
}

fn recogniser(config: &Config, transport: Transport) -> anyhow::Result<Arc<dyn SpeechToText>> {
    if config.stt == SpeechVendor::OpenAi {
        let model = openai(config, &config.openai_stt_model)?;
        return Ok(Arc::new(openai::Transcription::new(model, transport)));
    }
    let key = required("DEEPGRAM_API_KEY", config.deepgram.key.as_ref())?;
    let mut deepgram = deepgram::Config::new(key)?;
    deepgram.model.clone_from(&config.deepgram_model);
    if let Some(endpoint) = endpoint("DEEPGRAM_URL", config.deepgram.url.as_ref())? {
        deepgram.endpoint = endpoint;
    }
    Ok(Arc::new(deepgram::Deepgram::new(deepgram, transport)))
}

fn synthesiser(config: &Config, transport: Transport) -> anyhow::Result<Arc<dyn TextToSpeech>> {
    if config.tts == SpeechVendor::OpenAi {
        let model = openai(config, &config.openai_tts_model)?;
        return Ok(Arc::new(openai::Speech::new(model, &config.openai_tts_voice, transport)));
    }
    let key = required("CARTESIA_API_KEY", config.cartesia.key.as_ref())?;
    let voice = config.cartesia_voice.as_ref().ok_or(ConfigError::Value {
        name: "CARTESIA_VOICE_ID",
        message: "is not set (hint: the id of a voice from Cartesia's library)".into(),
    })?;
    let mut cartesia = cartesia::Config::new(key, voice)?;
    if let Some(endpoint) = endpoint("CARTESIA_URL", config.cartesia.url.as_ref())? {
        cartesia.endpoint = endpoint;
    }
    Ok(Arc::new(cartesia::Cartesia::new(cartesia, transport)))
}

/// The OpenAI-compatible endpoint. A self-hosted one may need no key.
fn openai(config: &Config, model: &str) -> anyhow::Result<openai::Config> {
    let endpoint = endpoint("OPENAI_BASE_URL", config.openai.url.as_ref())?;
    let key = config.openai.key.as_ref();
    match endpoint {
        Some(endpoint) => Ok(openai::Config {
            endpoint,
            api_key: key.map(|key| speech::Secret::new(key.expose())),
            model: model.to_owned(),
        }),
        None => Ok(openai::Config::new(required("OPENAI_API_KEY", key)?, model)?),
    }
}

fn required(name: &'static str, key: Option<&Secret>) -> Result<speech::Secret, ConfigError> {
    let key = key.ok_or_else(|| ConfigError::Value {
        name,
        message:
            "is not set (hint: `cargo xtask demo` needs no keys, `voicehive doctor` lists what is missing)"
                .into(),
    })?;
    Ok(speech::Secret::new(key.expose()))
}

fn endpoint(name: &'static str, url: Option<&Url>) -> Result<Option<Endpoint>, ConfigError> {
    let Some(url) = url else { return Ok(None) };
    let endpoint = Endpoint::parse(url.as_str());
    endpoint.map(Some).map_err(|error| ConfigError::Value { name, message: error.to_string() })
}
