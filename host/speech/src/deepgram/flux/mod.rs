//! Flux, Deepgram's recogniser that hears the ends of turns: version 2 of its streaming interface.
//!
//! It has neither interim settings nor endpointing: it decides by what is said and how, and tells how sure it is. There
//! is no request for a final either. `ForceEndTurn` comes near, but it ends the turn, and a pause is not an end; so
//! [`crate::SttCommand::Finalize`] is not passed on.

mod decoder;

use std::ops::RangeInclusive;
use std::time::Duration;

use bytes::Bytes;
use http::header::AUTHORIZATION;
use tokio_tungstenite::tungstenite::Message;
use url::Url;

pub use decoder::{Decoded, Decoder};

use super::session::{self, Dialect, Timing};
use crate::{
    BoxFuture, Endpoint, Error, Kind, Secret, SpeechToText, Stage, SttEvent, SttOptions, SttSession,
    Transport,
};

const NAME: &str = "deepgram-flux";

/// What the vendor accepts (developers.deepgram.com/docs/flux/configuration).
const EOT_THRESHOLD: RangeInclusive<f32> = 0.5..=1.0;
const EAGER_EOT_THRESHOLD: RangeInclusive<f32> = 0.3..=0.9;
const EOT_TIMEOUT: RangeInclusive<Duration> = Duration::from_millis(500)..=Duration::from_secs(60);

/// The only model that speaks more than English, and takes language hints.
const MULTILINGUAL: &str = "flux-general-multi";

/// How Flux is reached and what it is asked for on every call.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where it is, `https://api.deepgram.com` unless self-hosted.
    pub endpoint: Endpoint,
    /// The API key.
    pub api_key: Secret,
    /// The model: `flux-general-en`, or `flux-general-multi` for other languages.
    pub model: String,
    /// How sure the vendor must be that the caller is done, 0.5 to 1. At 1 only silence ends a turn.
    pub eot_threshold: f32,
    /// How sure it must be to say so early, 0.3 to 0.9 and no more than `eot_threshold`; nothing for no early word. An
    /// early word comes 150 to 250 ms before the end of the turn, and half of them or more cost an answer in vain.
    pub eager_eot_threshold: Option<f32>,
    /// Silence that ends a turn however unsure the vendor is, 0.5 to 60 s.
    pub eot_timeout: Duration,
    /// Words to expect on every call, besides those of the call.
    pub keyterms: Vec<String>,
    /// Languages to expect, as ISO 639-1 codes, besides that of the call. For the multilingual model only.
    pub language_hints: Vec<String>,
    /// Silence on our side after which a ping is sent. Flux has no message for it.
    pub keep_alive: Duration,
    /// How long audio may flow without a word from the vendor, which speaks four times a second, before the stream fails:
    /// an open turn on a dead stream would never end.
    pub stall: Duration,
}

impl Config {
    /// The public service with its general English model, the vendor's thresholds, and no early word.
    ///
    /// # Errors
    /// Never with the built-in address.
    pub fn new(api_key: Secret) -> Result<Self, Error> {
        Ok(Self {
            endpoint: Endpoint::parse("https://api.deepgram.com")?,
            api_key,
            model: "flux-general-en".into(),
            eot_threshold: 0.7,
            eager_eot_threshold: None,
            eot_timeout: Duration::from_secs(5),
            keyterms: Vec::new(),
            language_hints: Vec::new(),
            keep_alive: Duration::from_secs(4),
            stall: Duration::from_secs(10),
        })
    }

    /// Looks at the values as the vendor would, so that a wrong one is named at the start and not refused on a call.
    ///
    /// # Errors
    /// At the first value out of its range; the code names it.
    pub fn check(&self) -> Result<(), Error> {
        let eager = self.eager_eot_threshold;
        if !EOT_THRESHOLD.contains(&self.eot_threshold) {
            return Err(refused("eot_threshold_not_0.5_to_1.0"));
        }
        if eager.is_some_and(|eager| !EAGER_EOT_THRESHOLD.contains(&eager)) {
            return Err(refused("eager_eot_threshold_not_0.3_to_0.9"));
        }
        if eager.is_some_and(|eager| eager > self.eot_threshold) {
            return Err(refused("eager_eot_threshold_above_eot_threshold"));
        }
        if !EOT_TIMEOUT.contains(&self.eot_timeout) {
            return Err(refused("eot_timeout_not_0.5_to_60_s"));
        }
        if !self.language_hints.is_empty() && self.model != MULTILINGUAL {
            return Err(refused("language_hints_need_flux-general-multi"));
        }
        Ok(())
    }
}

fn refused(code: &str) -> Error {
    Error::new(NAME, Stage::Configure, Kind::Rejected).with_code(code)
}

/// A recogniser that hears the ends of turns.
#[derive(Debug, Clone)]
pub struct Flux {
    config: Config,
    transport: Transport,
}

impl Flux {
    /// Creates the recogniser; nothing is sent before a call opens.
    #[must_use]
    pub fn new(config: Config, transport: Transport) -> Self {
        Self { config, transport }
    }

    async fn connect(&self, options: SttOptions) -> Result<SttSession, Error> {
        self.config.check()?;
        let authorization = self.config.api_key.header(NAME, "Token ")?;
        let url = self.url(&options)?;
        let socket = self.transport.websocket(NAME, &url, &[(AUTHORIZATION, authorization)]).await?;
        let timing = Timing {
            keep_alive: self.config.keep_alive,
            finalize: Duration::ZERO,
            close: self.transport.timeouts().close,
            stall: Some(self.config.stall),
        };
        Ok(session::start(socket, Decoder::new(), timing))
    }

    fn url(&self, options: &SttOptions) -> Result<Url, Error> {
        let config = &self.config;
        let hints = self.language_hints(options)?;
        let mut url = config.endpoint.websocket("/v2/listen");
        let mut query = url.query_pairs_mut();
        query
            .append_pair("model", &config.model)
            .append_pair("encoding", super::encoding(options.encoding))
            .append_pair("sample_rate", &options.sample_rate.to_string())
            .append_pair("eot_threshold", &config.eot_threshold.to_string())
            .append_pair("eot_timeout_ms", &config.eot_timeout.as_millis().to_string());
        if let Some(eager) = config.eager_eot_threshold {
            query.append_pair("eager_eot_threshold", &eager.to_string());
        }
        for term in config.keyterms.iter().chain(&options.keyterms) {
            query.append_pair("keyterm", term);
        }
        for hint in hints {
            query.append_pair("language_hint", &hint);
        }
        drop(query);
        Ok(url)
    }

    /// The languages to expect. The call's own is a tag such as `en-GB`; Flux knows languages without their countries.
    fn language_hints(&self, options: &SttOptions) -> Result<Vec<String>, Error> {
        let mut hints = self.config.language_hints.clone();
        let tag = options.language.as_deref().unwrap_or_default();
        let language = tag.split(['-', '_']).next().unwrap_or_default().to_ascii_lowercase();
        // `multi` is version 1's word for "any".
        if language.is_empty() || language == "multi" {
            return Ok(hints);
        }
        if self.config.model != MULTILINGUAL {
            return if language == "en" {
                Ok(hints)
            } else {
                Err(refused("language_needs_flux-general-multi"))
            };
        }
        if !hints.contains(&language) {
            hints.push(language);
        }
        Ok(hints)
    }
}

impl SpeechToText for Flux {
    fn name(&self) -> &'static str {
        NAME
    }

    /// Opens a stream. The `endpointing` of the options is not used.
    fn open(&self, options: SttOptions) -> BoxFuture<'_, Result<SttSession, Error>> {
        Box::pin(self.connect(options))
    }
}

impl Dialect for Decoder {
    fn read(&mut self, text: &str) -> Result<Vec<SttEvent>, Error> {
        let decoded = self.decode(text)?;
        if let Some(request_id) = decoded.request_id {
            tracing::debug!(request_id, "recogniser's stream began");
        }
        if let Some(warning) = decoded.warning {
            tracing::warn!(%warning, "the recogniser complains");
        }
        Ok(decoded.events)
    }

    fn keep_alive(&self) -> Message {
        Message::Ping(Bytes::new())
    }

    fn finalize(&self) -> Option<Message> {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Change = fn(&mut Config);

    #[test]
    fn values_out_of_their_range_are_named() {
        let check = |change: fn(&mut Config)| {
            let mut config = config();
            change(&mut config);
            config.check().map_err(|error| error.code().unwrap_or_default().to_owned())
        };
        assert_eq!(check(|_| {}), Ok(()));
        assert_eq!(check(|config| config.eot_threshold = 1.0), Ok(()));
        assert_eq!(check(|config| config.eager_eot_threshold = Some(0.7)), Ok(()));
        let named: [(Change, &str); 7] = [
            (|config| config.eot_threshold = 0.49, "eot_threshold_not_0.5_to_1.0"),
            (|config| config.eot_threshold = f32::NAN, "eot_threshold_not_0.5_to_1.0"),
            (|config| config.eager_eot_threshold = Some(0.2), "eager_eot_threshold_not_0.3_to_0.9"),
            (|config| config.eager_eot_threshold = Some(0.8), "eager_eot_threshold_above_eot_threshold"),
            (|config| config.eot_timeout = Duration::from_millis(499), "eot_timeout_not_0.5_to_60_s"),
            (|config| config.eot_timeout = Duration::from_secs(61), "eot_timeout_not_0.5_to_60_s"),
            (|config| config.language_hints = vec!["de".into()], "language_hints_need_flux-general-multi"),
        ];
        for (change, code) in named {
            assert_eq!(check(change), Err(code.to_owned()));
        }
    }

    #[test]
    fn a_language_is_a_hint_to_the_multilingual_model_and_an_error_to_the_english_one() {
        let hints = |config: &Config, language: &str| {
            let options = SttOptions { language: Some(language.into()), ..SttOptions::default() };
            Flux::new(config.clone(), Transport::new().unwrap()).language_hints(&options)
        };
        let mut config = config();
        assert_eq!(hints(&config, "en-GB").unwrap(), Vec::<String>::new());
        assert_eq!(hints(&config, "de").unwrap_err().code(), Some("language_needs_flux-general-multi"));
        config.model = MULTILINGUAL.into();
        config.language_hints = vec!["de".into()];
        assert_eq!(hints(&config, "en-GB").unwrap(), ["de", "en"]);
        assert_eq!(hints(&config, "de-CH").unwrap(), ["de"]);
        assert_eq!(hints(&config, "multi").unwrap(), ["de"]);
    }

    fn config() -> Config {
        Config::new(Secret::new("k")).unwrap()
    }
}
