//! ElevenLabs' streaming synthesiser, over its WebSocket of many contexts (`multi-stream-input`): the sibling of
//! `stream-input` on which one answer can be stopped while the next is spoken.

mod session;
mod text;
mod wire;
mod words;

use std::ops::RangeInclusive;
use std::time::Duration;

use http::HeaderName;
use tokio::sync::mpsc;
use url::Url;

pub use wire::{Character, Chunk, Decoder, Received, Requests};
pub use words::Words;

use crate::{
    BoxFuture, CHANNEL_CAPACITY, Encoding, Endpoint, Error, Kind, Secret, Stage, TextToSpeech, Transport,
    TtsOptions, TtsSession,
};

const NAME: &str = "elevenlabs";

/// The longest inactivity that the vendor can be asked to bear.
const LONGEST_INACTIVITY: Duration = Duration::from_secs(180);

/// What the vendor accepts as a voice's settings.
const SHARE: RangeInclusive<f32> = 0.0..=1.0;
const SPEED: RangeInclusive<f32> = 0.7..=1.2;

/// Rates of linear samples that the vendor makes.
const PCM_RATES: [u32; 6] = [8_000, 16_000, 22_050, 24_000, 44_100, 48_000];

/// Models that take the language to speak; the others refuse to be told.
const MODELS_WITH_LANGUAGE: [&str; 2] = ["eleven_flash_v2_5", "eleven_turbo_v2_5"];

/// How ElevenLabs is reached and what it is asked for on every call.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where it is: `https://api.elevenlabs.io`, or the host of a region's data residency.
    pub endpoint: Endpoint,
    /// The API key.
    pub api_key: Secret,
    /// The model. Those of the third generation have no WebSocket.
    pub model: String,
    /// The voice of calls that do not name one.
    pub voice: String,
    /// How the voice speaks; what is not set is as the voice has it.
    pub settings: VoiceSettings,
    /// Whether text is spoken as it comes, without waiting for more. On, because whole clauses are sent.
    pub auto_mode: bool,
    /// How long the vendor bears a silent context or socket, at most 180 s.
    pub inactivity: Duration,
    /// Silence on our side after which a keep-alive is sent; shorter than `inactivity`.
    pub keep_alive: Duration,
    /// How long a context whose text is complete may stay silent before it fails.
    pub stall: Duration,
}

/// How a voice speaks.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct VoiceSettings {
    /// How alike the ways are in which it says things, 0 to 1.
    pub stability: Option<f32>,
    /// How close it keeps to the original, 0 to 1.
    pub similarity_boost: Option<f32>,
    /// How fast it speaks, 0.7 to 1.2.
    pub speed: Option<f32>,
}

impl Config {
    /// The public service with its fastest model.
    ///
    /// # Errors
    /// Never with the built-in address.
    pub fn new(api_key: Secret, voice: impl Into<String>) -> Result<Self, Error> {
        Ok(Self {
            endpoint: Endpoint::parse("https://api.elevenlabs.io")?,
            api_key,
            model: "eleven_flash_v2_5".into(),
            voice: voice.into(),
            settings: VoiceSettings::default(),
            auto_mode: true,
            inactivity: LONGEST_INACTIVITY,
            keep_alive: Duration::from_secs(10),
            stall: Duration::from_secs(10),
        })
    }

    /// Looks at the values as the vendor would, so that a wrong one is named at the start and not refused on a call.
    ///
    /// # Errors
    /// At the first value out of its range; the code names it.
    pub fn check(&self) -> Result<(), Error> {
        let outside = |range: &RangeInclusive<f32>, value: Option<f32>| {
            value.is_some_and(|value| !range.contains(&value))
        };
        if !is_voice(&self.voice) {
            return Err(refused("voice_is_no_id"));
        }
        if outside(&SHARE, self.settings.stability) {
            return Err(refused("stability_not_0_to_1"));
        }
        if outside(&SHARE, self.settings.similarity_boost) {
            return Err(refused("similarity_boost_not_0_to_1"));
        }
        if outside(&SPEED, self.settings.speed) {
            return Err(refused("speed_not_0.7_to_1.2"));
        }
        if self.inactivity < Duration::from_secs(1) || self.inactivity > LONGEST_INACTIVITY {
            return Err(refused("inactivity_not_1_to_180_s"));
        }
        if self.keep_alive >= self.inactivity {
            return Err(refused("keep_alive_not_below_inactivity"));
        }
        Ok(())
    }
}

fn refused(code: &str) -> Error {
    Error::new(NAME, Stage::Configure, Kind::Rejected).with_code(code)
}

/// Whether it can stand in a path as it is. The vendor's own ids are letters and digits.
fn is_voice(voice: &str) -> bool {
    !voice.is_empty()
        && voice.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
}

/// A synthesiser at ElevenLabs.
#[derive(Debug, Clone)]
pub struct ElevenLabs {
    config: Config,
    transport: Transport,
}

impl ElevenLabs {
    /// Creates the synthesiser; nothing is sent before a call opens.
    #[must_use]
    pub fn new(config: Config, transport: Transport) -> Self {
        Self { config, transport }
    }

    async fn connect(&self, options: TtsOptions) -> Result<TtsSession, Error> {
        self.config.check()?;
        let key = self.config.api_key.header(NAME, "")?;
        let url = self.url(&options)?;
        let headers = [(HeaderName::from_static("xi-api-key"), key)];
        let socket = self.transport.websocket(NAME, &url, &headers).await?;
        let timing = session::Timing { keep_alive: self.config.keep_alive, stall: self.config.stall };
        let (commands, command_receiver) = mpsc::channel(CHANNEL_CAPACITY);
        let (event_sender, events) = mpsc::channel(CHANNEL_CAPACITY);
        let requests = Requests::new(self.config.settings);
        let pace = bytes_per_second(&options);
        tokio::spawn(session::run(socket, requests, pace, timing, command_receiver, event_sender));
        Ok(TtsSession { commands, events })
    }

    fn url(&self, options: &TtsOptions) -> Result<Url, Error> {
        let config = &self.config;
        let voice = options.voice.as_deref().unwrap_or(&config.voice);
        if !is_voice(voice) {
            return Err(refused("voice_is_no_id"));
        }
        let format = output_format(options)?;
        let mut url = config.endpoint.websocket(&format!("/v1/text-to-speech/{voice}/multi-stream-input"));
        let mut query = url.query_pairs_mut();
        query
            .append_pair("model_id", &config.model)
            .append_pair("output_format", &format)
            .append_pair("auto_mode", if config.auto_mode { "true" } else { "false" })
            .append_pair("sync_alignment", "true")
            .append_pair("inactivity_timeout", &config.inactivity.as_secs().to_string());
        if let Some(tag) = &options.language
            && MODELS_WITH_LANGUAGE.contains(&config.model.as_str())
        {
            // A tag such as `en-GB`; the vendor knows languages without their countries.
            let language = tag.split(['-', '_']).next().unwrap_or_default();
            query.append_pair("language_code", &language.to_ascii_lowercase());
        }
        drop(query);
        Ok(url)
    }
}

fn output_format(options: &TtsOptions) -> Result<String, Error> {
    match (options.encoding, options.sample_rate) {
        (Encoding::Mulaw, 8_000) => Ok("ulaw_8000".into()),
        (Encoding::Alaw, 8_000) => Ok("alaw_8000".into()),
        (Encoding::Linear16, rate) if PCM_RATES.contains(&rate) => Ok(format!("pcm_{rate}")),
        _ => Err(refused("sample_rate_not_offered")),
    }
}

fn bytes_per_second(options: &TtsOptions) -> u32 {
    match options.encoding {
        Encoding::Mulaw | Encoding::Alaw => options.sample_rate,
        Encoding::Linear16 => options.sample_rate.saturating_mul(2),
    }
}

impl TextToSpeech for ElevenLabs {
    fn name(&self) -> &'static str {
        NAME
    }

    fn open(&self, options: TtsOptions) -> BoxFuture<'_, Result<TtsSession, Error>> {
        Box::pin(self.connect(options))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Change = fn(&mut Config);

    #[test]
    fn values_out_of_their_range_are_named() {
        let check = |change: fn(&mut Config)| {
            let mut config = Config::new(Secret::new("k"), "voice1").unwrap();
            change(&mut config);
            config.check().map_err(|error| error.code().unwrap_or_default().to_owned())
        };
        assert_eq!(check(|_| {}), Ok(()));
        assert_eq!(check(|config| config.settings.speed = Some(1.2)), Ok(()));
        let named: [(Change, &str); 7] = [
            (|config| config.voice = String::new(), "voice_is_no_id"),
            (|config| config.voice = "../../v1/user".into(), "voice_is_no_id"),
            (|config| config.settings.stability = Some(1.1), "stability_not_0_to_1"),
            (|config| config.settings.similarity_boost = Some(f32::NAN), "similarity_boost_not_0_to_1"),
            (|config| config.settings.speed = Some(2.0), "speed_not_0.7_to_1.2"),
            (|config| config.inactivity = Duration::from_secs(181), "inactivity_not_1_to_180_s"),
            (|config| config.keep_alive = config.inactivity, "keep_alive_not_below_inactivity"),
        ];
        for (change, code) in named {
            assert_eq!(check(change), Err(code.to_owned()));
        }
    }

    #[test]
    fn only_formats_that_the_vendor_makes_are_asked_for() {
        let format = |encoding, sample_rate| {
            output_format(&TtsOptions { encoding, sample_rate, ..TtsOptions::default() })
        };
        assert_eq!(format(Encoding::Mulaw, 8_000).unwrap(), "ulaw_8000");
        assert_eq!(format(Encoding::Alaw, 8_000).unwrap(), "alaw_8000");
        assert_eq!(format(Encoding::Linear16, 24_000).unwrap(), "pcm_24000");
        for (encoding, rate) in [(Encoding::Mulaw, 16_000), (Encoding::Linear16, 11_025)] {
            assert_eq!(format(encoding, rate).unwrap_err().code(), Some("sample_rate_not_offered"));
        }
    }
}
