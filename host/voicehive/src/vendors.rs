//! Which speech and language vendors a configuration means.

use std::sync::Arc;

use anyhow::Context as _;
use speech::deepgram::{self, flux};
use speech::{Endpoint, LanguageModel, SpeechToText, TextToSpeech, Transport, cartesia, elevenlabs, openai};
use url::Url;

use crate::config::{Config, ConfigError, Recogniser, Secret, Synthesiser};
use crate::ranked::Ranked;

/// How sure Flux must be to say early that the caller may be done: in the middle of what
/// Deepgram allows. The call core asks the model then, and throws the answer away when the
/// caller goes on.
const EAGER_THRESHOLD: f32 = 0.5;

/// The recognisers, models and synthesisers of a platform, the preferred first.
pub struct Vendors {
    /// The recognisers.
    pub stt: Arc<Ranked<dyn SpeechToText>>,
    /// The models.
    pub llm: Arc<Ranked<dyn LanguageModel>>,
    /// The synthesisers.
    pub tts: Arc<Ranked<dyn TextToSpeech>>,
}

/// Prepares the configured vendors. Nothing is sent before a call.
///
/// # Errors
/// The first key that is missing or address that is not one.
pub fn prepare(config: &Config) -> anyhow::Result<Vendors> {
    let transport = Transport::new().context("setting up TLS")?;
    Ok(Vendors {
        stt: ranked(config.stt.iter().map(|vendor| recogniser(*vendor, config, transport.clone())))?,
        llm: ranked(models(config, &transport).into_iter())?,
        tts: ranked(config.tts.iter().map(|vendor| synthesiser(*vendor, config, transport.clone())))?,
    })
}

fn ranked<T: ?Sized>(
    vendors: impl Iterator<Item = anyhow::Result<Arc<T>>>,
) -> anyhow::Result<Arc<Ranked<T>>> {
    let mut vendors = vendors.collect::<anyhow::Result<Vec<_>>>()?.into_iter();
    let first = vendors.next().context("no vendor is configured")?;
    Ok(Ranked::new(first, vendors.collect()))
}

fn models(config: &Config, transport: &Transport) -> Vec<anyhow::Result<Arc<dyn LanguageModel>>> {
    let chat = |settings| Arc::new(openai::Chat::new(settings, transport.clone())) as Arc<dyn LanguageModel>;
    let mut models = vec![openai(config, &config.openai_model).map(chat)];
    if config.fallback.url.is_some() {
        models.push(fallback(config).map(chat));
    }
    models
}

fn recogniser(
    vendor: Recogniser,
    config: &Config,
    transport: Transport,
) -> anyhow::Result<Arc<dyn SpeechToText>> {
    if vendor == Recogniser::OpenAi {
        let model = openai(config, &config.openai_stt_model)?;
        return Ok(Arc::new(openai::Transcription::new(model, transport)));
    }
    let key = required("DEEPGRAM_API_KEY", config.deepgram.key.as_ref())?;
    let endpoint = endpoint("DEEPGRAM_URL", config.deepgram.url.as_ref())?;
    if vendor == Recogniser::DeepgramFlux {
        let mut flux = flux::Config::new(key)?;
        flux.model.clone_from(&config.flux_model);
        flux.eager_eot_threshold = Some(EAGER_THRESHOLD);
        flux.endpoint = endpoint.unwrap_or(flux.endpoint);
        flux.check()?;
        return Ok(Arc::new(flux::Flux::new(flux, transport)));
    }
    let mut deepgram = deepgram::Config::new(key)?;
    deepgram.model.clone_from(&config.deepgram_model);
    deepgram.endpoint = endpoint.unwrap_or(deepgram.endpoint);
    Ok(Arc::new(deepgram::Deepgram::new(deepgram, transport)))
}

fn synthesiser(
    vendor: Synthesiser,
    config: &Config,
    transport: Transport,
) -> anyhow::Result<Arc<dyn TextToSpeech>> {
    match vendor {
        Synthesiser::OpenAi => {
            let model = openai(config, &config.openai_tts_model)?;
            Ok(Arc::new(openai::Speech::new(model, &config.openai_tts_voice, transport)))
        }
        Synthesiser::Cartesia => {
            let key = required("CARTESIA_API_KEY", config.cartesia.key.as_ref())?;
            let voice = voice("CARTESIA_VOICE_ID", config.cartesia_voice.as_ref())?;
            let mut cartesia = cartesia::Config::new(key, voice)?;
            let endpoint = endpoint("CARTESIA_URL", config.cartesia.url.as_ref())?;
            cartesia.endpoint = endpoint.unwrap_or(cartesia.endpoint);
            Ok(Arc::new(cartesia::Cartesia::new(cartesia, transport)))
        }
        Synthesiser::ElevenLabs => {
            let key = required("ELEVENLABS_API_KEY", config.elevenlabs.key.as_ref())?;
            let voice = voice("ELEVENLABS_VOICE_ID", config.elevenlabs_voice.as_ref())?;
            let mut elevenlabs = elevenlabs::Config::new(key, voice)?;
            let endpoint = endpoint("ELEVENLABS_URL", config.elevenlabs.url.as_ref())?;
            elevenlabs.endpoint = endpoint.unwrap_or(elevenlabs.endpoint);
            Ok(Arc::new(elevenlabs::ElevenLabs::new(elevenlabs, transport)))
        }
    }
}

fn voice<'a>(name: &'static str, voice: Option<&'a String>) -> Result<&'a String, ConfigError> {
    voice.ok_or(ConfigError::Value {
        name,
        message: "is not set (hint: the id of a voice from the vendor's library)".into(),
    })
}

/// The second endpoint. Its key may differ, or be none where it is self-hosted.
fn fallback(config: &Config) -> anyhow::Result<openai::Config> {
    let endpoint = endpoint("FALLBACK_BASE_URL", config.fallback.url.as_ref())?;
    Ok(openai::Config {
        endpoint: endpoint.context("FALLBACK_BASE_URL is not set")?,
        api_key: config.fallback.key.as_ref().map(|key| speech::Secret::new(key.expose())),
        model: config.fallback_model.clone(),
    })
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
