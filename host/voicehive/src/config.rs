//! The configuration: environment variables over one optional TOML file.

mod carrier;
mod settings;
mod speech;
mod tools;

use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use store::E164;
use url::Url;

pub use carrier::TelnyxCodec;
pub use settings::SETTINGS;
use speech::{RECOGNISERS, SYNTHESISERS, in_order};
pub use speech::{Recogniser, Synthesiser};

/// The file that is read where `VOICEHIVE_CONFIG` names no other.
const DEFAULT_FILE: &str = "voicehive.toml";

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
    /// Reads the file, where there is one, and the environment, which wins.
    ///
    /// # Errors
    /// The first setting that is wrong, by name.
    pub fn load() -> Result<Self, ConfigError> {
        let named = std::env::var_os("VOICEHIVE_CONFIG").map(PathBuf::from);
        let file = match named {
            Some(path) => read_file(&path)?,
            None if Path::new(DEFAULT_FILE).exists() => read_file(Path::new(DEFAULT_FILE))?,
            None => BTreeMap::new(),
        };
        Self::from_sources(|name| {
            std::env::var(name).ok().or_else(|| file.get(&name.to_lowercase()).cloned())
        })
    }

    fn from_sources(get: impl Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        let get = |name: &'static str| {
            get(name).map(|value| value.trim().to_owned()).filter(|value| !value.is_empty())
        };
        let path = |name, default: &str| PathBuf::from(get(name).unwrap_or_else(|| default.to_owned()));
        let text = |name, default: &str| get(name).unwrap_or_else(|| default.to_owned());
        let url = |name: &'static str, schemes: &[&str]| parse_url(name, get(name), schemes);
        let secret = |name| get(name).map(Secret::new);
        let data = path("VOICEHIVE_DATA", ".voicehive");
        if get("TELNYX_API_KEY").is_some() && get("TELNYX_CONNECTION_ID").is_none() {
            let message = "is needed beside TELNYX_API_KEY (hint: the Call Control application's id)";
            return Err(ConfigError::Value { name: "TELNYX_CONNECTION_ID", message: message.into() });
        }
        Ok(Self {
            cache: get("VOICEHIVE_CACHE").map_or_else(|| data.join("compiled"), PathBuf::from),
            tools: get("TOOLS_FOLDER").map_or_else(|| data.join("tools"), PathBuf::from),
            tool_secrets: tools::secrets_keys(several(get("TOOL_SECRETS_KEY")))?,
            listen: parse(
                "VOICEHIVE_LISTEN",
                &text("VOICEHIVE_LISTEN", "127.0.0.1:3000"),
                "an address like 127.0.0.1:3000",
            )?,
            data,
            manifest: path("VOICEHIVE_MANIFEST", "spin.toml"),
            components: path("VOICEHIVE_COMPONENTS", "target/components"),
            number: get("VOICEHIVE_NUMBER")
                .map(|number| parse("VOICEHIVE_NUMBER", &number, "an E.164 number like +15550100"))
                .transpose()?,
            api_key: secret("VOICEHIVE_API_KEY"),
            time_zone: time_zone(text("VOICEHIVE_TIME_ZONE", "Europe/Madrid"))?,
            max_calls: parse::<std::num::NonZeroUsize>(
                "VOICEHIVE_MAX_CALLS",
                &text("VOICEHIVE_MAX_CALLS", "500"),
                "a whole number from 1 on",
            )?
            .get(),
            drain: Duration::from_secs(parse(
                "VOICEHIVE_DRAIN_SECONDS",
                &text("VOICEHIVE_DRAIN_SECONDS", "30"),
                "a whole number of seconds",
            )?),
            stt: in_order("VOICEHIVE_STT", &text("VOICEHIVE_STT", "deepgram"), RECOGNISERS)?,
            tts: in_order("VOICEHIVE_TTS", &text("VOICEHIVE_TTS", "cartesia"), SYNTHESISERS)?,
            recordings: get("VOICEHIVE_RECORDINGS").map(PathBuf::from),
            media_token_secret: media_token_secret(get("MEDIA_TOKEN_SECRET"))?,
            public_url: url("PUBLIC_URL", &["http", "https"])?,
            media_url: url("MEDIA_URL", &["ws", "wss"])?,
            twilio_account: get("TWILIO_ACCOUNT_SID"),
            twilio_tokens: several(get("TWILIO_AUTH_TOKEN")).map(Secret::new).collect(),
            telnyx_public_keys: several(get("TELNYX_PUBLIC_KEY")).collect(),
            telnyx: Vendor { key: secret("TELNYX_API_KEY"), url: url("TELNYX_API_URL", &["http", "https"])? },
            telnyx_connection: get("TELNYX_CONNECTION_ID"),
            telnyx_codec: parse("TELNYX_CODEC", &text("TELNYX_CODEC", "PCMU"), "PCMU or PCMA")?,
            telnyx_voice: text("TELNYX_VOICE", ""),
            vapi_secrets: several(get("VAPI_SECRET")).map(Secret::new).collect(),
            vapi_hmac_secrets: several(get("VAPI_HMAC_SECRET")).map(Secret::new).collect(),
            webhooks_per_minute: parse::<std::num::NonZeroU32>(
                "VOICEHIVE_WEBHOOKS_PER_MINUTE",
                &text("VOICEHIVE_WEBHOOKS_PER_MINUTE", "30"),
                "a whole number from 1 on",
            )?
            .get(),
            internal_secret: internal_secret(get("INTERNAL_SECRET"))?,
            internal_url: url("INTERNAL_URL", &["http", "https"])?,
            twilio_api: url("TWILIO_API_URL", &["http", "https"])?,
            deepgram: Vendor {
                key: secret("DEEPGRAM_API_KEY"),
                url: url("DEEPGRAM_URL", &["ws", "wss", "http", "https"])?,
            },
            deepgram_model: text("DEEPGRAM_MODEL", "nova-3"),
            flux_model: text("DEEPGRAM_FLUX_MODEL", "flux-general-en"),
            fallback: Vendor {
                key: secret("FALLBACK_API_KEY"),
                url: url("FALLBACK_BASE_URL", &["http", "https"])?,
            },
            fallback_model: text("FALLBACK_MODEL", &text("OPENAI_MODEL", "gpt-4o-mini")),
            openai: Vendor {
                key: secret("OPENAI_API_KEY"),
                url: url("OPENAI_BASE_URL", &["http", "https"])?,
            },
            openai_model: text("OPENAI_MODEL", "gpt-4o-mini"),
            openai_stt_model: text("OPENAI_STT_MODEL", "whisper-1"),
            openai_tts_model: text("OPENAI_TTS_MODEL", "gpt-4o-mini-tts"),
            openai_tts_voice: text("OPENAI_TTS_VOICE", "alloy"),
            cartesia: Vendor {
                key: secret("CARTESIA_API_KEY"),
                url: url("CARTESIA_URL", &["ws", "wss", "http", "https"])?,
            },
            cartesia_voice: get("CARTESIA_VOICE_ID"),
            elevenlabs: Vendor {
                key: secret("ELEVENLABS_API_KEY"),
                url: url("ELEVENLABS_URL", &["ws", "wss", "http", "https"])?,
            },
            elevenlabs_voice: get("ELEVENLABS_VOICE_ID"),
        })
    }

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

/// The values of a list, separated by commas.
fn several(list: Option<String>) -> impl Iterator<Item = String> {
    let values: Vec<String> =
        list.unwrap_or_default().split(',').map(|value| value.trim().to_owned()).collect();
    values.into_iter().filter(|value| !value.is_empty())
}

fn without_slash(url: &Url) -> String {
    url.as_str().trim_end_matches('/').to_owned()
}

fn read_file(path: &Path) -> Result<BTreeMap<String, String>, ConfigError> {
    let fail = |message: String| ConfigError::File { path: path.to_owned(), message };
    let text = std::fs::read_to_string(path).map_err(|error| fail(error.to_string()))?;
    let table: toml::Table = toml::from_str(&text).map_err(|error| fail(error.message().to_owned()))?;
    let mut values = BTreeMap::new();
    for (key, value) in table {
        if !SETTINGS.iter().any(|(name, _)| name.to_lowercase() == key) {
            return Err(ConfigError::UnknownKey { path: path.to_owned(), key });
        }
        let value = match value {
            toml::Value::String(text) => text,
            toml::Value::Integer(number) => number.to_string(),
            _ => return Err(fail(format!("`{key}` must be a string or a whole number"))),
        };
        values.insert(key, value);
    }
    Ok(values)
}

fn parse<T: std::str::FromStr>(name: &'static str, value: &str, expected: &str) -> Result<T, ConfigError> {
    value.parse().map_err(|_| ConfigError::Value { name, message: format!("`{value}` is not {expected}") })
}

fn parse_url(
    name: &'static str,
    value: Option<String>,
    schemes: &[&str],
) -> Result<Option<Url>, ConfigError> {
    let Some(value) = value else { return Ok(None) };
    let url: Url = parse(name, &value, "a URL")?;
    if !schemes.contains(&url.scheme()) || url.host().is_none() {
        let message = format!("`{value}` must begin with {}://", schemes.join("://, "));
        return Err(ConfigError::Value { name, message });
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(ConfigError::Value {
            name,
            message: format!("`{value}` must not have a query or a fragment"),
        });
    }
    Ok(Some(url))
}

fn time_zone(name: String) -> Result<String, ConfigError> {
    match jiff::tz::TimeZone::get(&name) {
        Ok(_) => Ok(name),
        Err(_) => {
            let message = format!("`{name}` is no IANA time zone (hint: like Europe/Madrid)");
            Err(ConfigError::Value { name: "VOICEHIVE_TIME_ZONE", message })
        }
    }
}

/// Whoever knows it can run tools for any tenant, so it must not be guessed.
fn internal_secret(value: Option<String>) -> Result<Option<Secret>, ConfigError> {
    const BYTES_MIN: usize = 16;
    match value {
        Some(secret) if secret.len() < BYTES_MIN => {
            let message = format!("has {} bytes, {BYTES_MIN} are needed", secret.len());
            Err(ConfigError::Value { name: "INTERNAL_SECRET", message })
        }
        secret => Ok(secret.map(Secret::new)),
    }
}

fn media_token_secret(value: Option<String>) -> Result<Option<Secret>, ConfigError> {
    match value {
        Some(secret) if secret.len() < media_token::SECRET_BYTES_MIN => {
            let message = format!("has {} bytes, {} are needed", secret.len(), media_token::SECRET_BYTES_MIN);
            Err(ConfigError::Value { name: "MEDIA_TOKEN_SECRET", message })
        }
        secret => Ok(secret.map(Secret::new)),
    }
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

    #[test]
    fn a_key_that_nothing_reads_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("voicehive.toml");
        std::fs::write(&path, "openai_modell = \"x\"\n").unwrap();
        assert!(
            matches!(read_file(&path), Err(ConfigError::UnknownKey { key, .. }) if key == "openai_modell")
        );
    }

    fn load(values: &[(&str, &str)]) -> Result<Config, ConfigError> {
        Config::from_sources(|name| {
            values.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
        })
    }
}
