//! Where settings come from: the environment, and the file for what it does not set.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::speech::{RECOGNISERS, SYNTHESISERS, in_order};
use super::values::{internal_secret, media_token_secret, parse, parse_url, several, time_zone};
use super::{Config, ConfigError, SETTINGS, Secret, Vendor, tools};

/// The file that is read where `VOICEHIVE_CONFIG` names no other.
const DEFAULT_FILE: &str = "voicehive.toml";

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

    pub(super) fn from_sources(get: impl Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_that_nothing_reads_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("voicehive.toml");
        std::fs::write(&path, "openai_modell = \"x\"\n").unwrap();
        assert!(
            matches!(read_file(&path), Err(ConfigError::UnknownKey { key, .. }) if key == "openai_modell")
        );
    }
}
