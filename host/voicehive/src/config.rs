//! The configuration: environment variables over one optional TOML file.

mod carrier;
mod reading;
mod settings;
mod speech;
mod tools;
mod values;

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use store::E164;
use url::Url;

pub use carrier::TelnyxCodec;
pub use settings::SETTINGS;
pub use speech::{Recogniser, Synthesiser};

/// A value that never shows in a log or an error.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Wraps a value.
    pub fn new(value: impl Into<String>) -> Self {
        Self(value.into())
    }

    /// The value, for the one place that needs it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

/// A setting is wrong.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read or is not TOML.
    #[error("{path}: {message}")]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        message: String,
    },
    /// The file has a key that nothing reads.
    #[error("{path}: there is no setting `{key}` (hint: `voicehive up --help` lists them)")]
    UnknownKey {
        /// The file.
        path: PathBuf,
        /// The key.
        key: String,
    },
    /// A value does not fit.
    #[error("{name}: {message}")]
    Value {
        /// The setting.
        name: &'static str,
        /// What is wrong with it, without the value of a secret.
        message: String,
    },
}

/// A vendor's key and where it is reached.
#[derive(Clone, Debug)]
pub struct Vendor {
    /// The key, where one is set.
    pub key: Option<Secret>,
    /// What replaces scheme, host and port of the vendor's address, or the base URL.
    pub url: Option<Url>,
}

/// All settings, checked.
#[derive(Clone, Debug)]
pub struct Config {
    /// Address to serve on.
    pub listen: SocketAddr,
    /// Folder of the database and secrets.
    pub data: PathBuf,
    /// Folder of compiled components.
    pub cache: PathBuf,
    /// Folder of the bytes of tenants' tools.
    pub tools: PathBuf,
    /// Keys to the secrets of tenants' tools, the one that seals first; without one no secrets are kept.
    pub tool_secrets: Vec<Secret>,
    /// The Spin manifest.
    pub manifest: PathBuf,
    /// Folder of the component files.
    pub components: PathBuf,
    /// Number of the seeded receptionist.
    pub number: Option<E164>,
    /// Key of the REST API, where set.
    pub api_key: Option<Secret>,
    /// Time zone of the seeded tenant.
    pub time_zone: String,
    /// Most live calls at once.
    pub max_calls: usize,
    /// How long live calls may go on after a stop signal.
    pub drain: Duration,
    /// The recognisers, the preferred first; at least one.
    pub stt: Vec<Recogniser>,
    /// The synthesisers, the preferred first; at least one.
    pub tts: Vec<Synthesiser>,
    /// Folder for recordings of what calls were told.
    pub recordings: Option<PathBuf>,
    /// Signs media tokens, where set.
    pub media_token_secret: Option<Secret>,
    /// Base URL of the webhooks, where set.
    pub public_url: Option<Url>,
    /// Base URL of the media sockets, where set.
    pub media_url: Option<Url>,
    /// Twilio account.
    pub twilio_account: Option<String>,
    /// Twilio auth tokens, the primary first.
    pub twilio_tokens: Vec<Secret>,
    /// What replaces Twilio's API address.
    pub twilio_api: Option<Url>,
    /// Telnyx's public keys, base64; more than one during a rotation.
    pub telnyx_public_keys: Vec<String>,
    /// Telnyx's API: its key, and what replaces its address.
    pub telnyx: Vendor,
    /// The Call Control application from which calls are placed.
    pub telnyx_connection: Option<String>,
    /// The codec of Telnyx's media.
    pub telnyx_codec: TelnyxCodec,
    /// The voice in which Telnyx says what no agent does; empty: the edge's own choice.
    pub telnyx_voice: String,
    /// Tokens by which Vapi proves itself.
    pub vapi_secrets: Vec<Secret>,
    /// Secrets with which Vapi signs.
    pub vapi_hmac_secrets: Vec<Secret>,
    /// How many webhooks a minute one calling number may cause.
    pub webhooks_per_minute: u32,
    /// Opens what only the edge may ask, where set.
    pub internal_secret: Option<Secret>,
    /// Where the edge reaches this process, where set.
    pub internal_url: Option<Url>,
    /// Deepgram.
    pub deepgram: Vendor,
    /// Deepgram's model.
    pub deepgram_model: String,
    /// Deepgram's model for Flux.
    pub flux_model: String,
    /// The OpenAI-compatible endpoint.
    pub openai: Vendor,
    /// The second OpenAI-compatible endpoint; used where its URL is set.
    pub fallback: Vendor,
    /// The chat model of the second endpoint.
    pub fallback_model: String,
    /// The chat model.
    pub openai_model: String,
    /// The transcription model of that endpoint.
    pub openai_stt_model: String,
    /// The speech model of that endpoint.
    pub openai_tts_model: String,
    /// The voice of that speech model.
    pub openai_tts_voice: String,
    /// Cartesia.
    pub cartesia: Vendor,
    /// Cartesia's voice.
    pub cartesia_voice: Option<String>,
    /// ElevenLabs.
    pub elevenlabs: Vendor,
    /// ElevenLabs' voice.
    pub elevenlabs_voice: Option<String>,
}

impl Config {
    /// The base URL at which carriers reach the webhooks, without a slash at its end.
    pub fn public_base(&self, listening: SocketAddr) -> String {
        self.public_url.as_ref().map_or_else(|| format!("http://{listening}"), without_slash)
    }

    /// The base URL at which carriers reach the media sockets, without a slash at its end.
    pub fn media_base(&self, listening: SocketAddr) -> String {
        match &self.media_url {
            Some(url) => without_slash(url),
            // `http` becomes `ws` and `https` becomes `wss`.
            None => self.public_base(listening).replacen("http", "ws", 1),
        }
    }

    /// The base URL at which the edge reaches this process, without a slash at its end.
    pub fn internal_base(&self, mut listening: SocketAddr) -> String {
        if let Some(url) = &self.internal_url {
            return without_slash(url);
        }
        if listening.ip().is_unspecified() {
            listening.set_ip(match listening {
                SocketAddr::V4(_) => std::net::Ipv4Addr::LOCALHOST.into(),
                SocketAddr::V6(_) => std::net::Ipv6Addr::LOCALHOST.into(),
            });
        }
        format!("http://{listening}")
    }

    /// The database file, which both planes share.
    pub fn database(&self) -> PathBuf {
        self.data.join("voicehive.db")
    }
}

fn without_slash(url: &Url) -> String {
    url.as_str().trim_end_matches('/').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_set_is_a_working_laptop() {
        let config = load(&[]).unwrap();
        assert_eq!(config.public_base(config.listen), "http://127.0.0.1:3000");
        assert_eq!(config.media_base(config.listen), "ws://127.0.0.1:3000");
    }

    #[test]
    fn media_follows_the_public_url() {
        let config = load(&[("PUBLIC_URL", "https://voice.example.com/")]).unwrap();
        assert_eq!(config.media_base(config.listen), "wss://voice.example.com");
    }

    #[test]
    fn the_edge_reaches_a_process_that_listens_everywhere() {
        let internal = |listening: &str| load(&[]).unwrap().internal_base(listening.parse().unwrap());
        assert_eq!(internal("0.0.0.0:3000"), "http://127.0.0.1:3000");
        assert_eq!(internal("[::]:3000"), "http://[::1]:3000");
        assert_eq!(internal("10.0.0.7:80"), "http://10.0.0.7:80");
        let elsewhere = load(&[("INTERNAL_URL", "https://media.internal/")]).unwrap();
        assert_eq!(elsewhere.internal_base(elsewhere.listen), "https://media.internal");
    }

    #[test]
    fn a_wrong_value_is_named() {
        for (name, value, says) in [
            ("VOICEHIVE_LISTEN", "nowhere", "VOICEHIVE_LISTEN: `nowhere` is not an address"),
            ("MEDIA_URL", "http://x.example", "MEDIA_URL: `http://x.example` must begin with ws://, wss://"),
            ("VOICEHIVE_NUMBER", "123", "VOICEHIVE_NUMBER"),
            ("VOICEHIVE_STT", "ear", "`ear` is none of deepgram, deepgram-flux, openai"),
            ("VOICEHIVE_TIME_ZONE", "Mars/Base", "no IANA time zone"),
            ("VOICEHIVE_MAX_CALLS", "0", "a whole number from 1 on"),
            ("MEDIA_TOKEN_SECRET", "short", "has 5 bytes, 16 are needed"),
            ("INTERNAL_SECRET", "short", "has 5 bytes, 16 are needed"),
            ("TOOL_SECRETS_KEY", "short", "TOOL_SECRETS_KEY: must be 32 random bytes"),
            ("TELNYX_API_KEY", "KEY1", "TELNYX_CONNECTION_ID: is needed beside TELNYX_API_KEY"),
            ("TELNYX_CODEC", "OPUS", "`OPUS` is not PCMU or PCMA"),
            ("VOICEHIVE_WEBHOOKS_PER_MINUTE", "0", "a whole number from 1 on"),
            ("PUBLIC_URL", "https://x.example/?a=1", "must not have a query"),
        ] {
            let error = load(&[(name, value)]).unwrap_err().to_string();
            assert!(error.contains(says), "{error}");
        }
    }

    #[test]
    fn secrets_do_not_show() {
        let config = load(&[("TWILIO_AUTH_TOKEN", ",hush, hush2"), ("OPENAI_API_KEY", "hush")]).unwrap();
        assert_eq!(config.twilio_tokens.len(), 2);
        assert!(!format!("{config:?}").contains("hush"));
    }

    fn load(values: &[(&str, &str)]) -> Result<Config, ConfigError> {
        Config::from_sources(|name| {
            values.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
        })
    }
}
