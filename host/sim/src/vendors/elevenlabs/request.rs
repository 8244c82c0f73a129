//! What a client asks of the synthesiser.

use std::time::Duration;

use serde::Deserialize;

/// How long a silent socket is borne where the client says nothing, and at most.
const DEFAULT_INACTIVITY: u64 = 20;
const LONGEST_INACTIVITY: u64 = 180;

/// The options of one socket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Options {
    pub(super) voice: String,
    pub(super) mulaw: bool,
    pub(super) sample_rate: u32,
    /// Whether each text is spoken at once.
    pub(super) auto_mode: bool,
    /// Whether each message tells its own characters; else the first of a text tells all.
    pub(super) sync_alignment: bool,
    pub(super) inactivity: Duration,
}

impl Options {
    /// How many times 8 kHz.
    pub(super) fn factor(&self) -> usize {
        (self.sample_rate / crate::voice::SAMPLE_RATE) as usize
    }
}

/// Reads the query string, or says what is wrong with it.
pub(super) fn options(voice: &str, query: &str) -> Result<Options, String> {
    let pairs: Vec<(String, String)> = url::form_urlencoded::parse(query.as_bytes()).into_owned().collect();
    let get = |name: &str| pairs.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
    let flag = |name: &str| match get(name) {
        None | Some("false") => Ok(false),
        Some("true") => Ok(true),
        Some(other) => Err(format!("{name} must be true or false, not {other}")),
    };
    if get("model_id").is_some_and(|model| model.starts_with("eleven_v3")) {
        return Err("eleven_v3 is not served over WebSockets".into());
    }
    let (mulaw, sample_rate) = match get("output_format") {
        Some("ulaw_8000") => (true, 8_000),
        Some("pcm_8000") => (false, 8_000),
        Some("pcm_16000") => (false, 16_000),
        Some("pcm_24000") => (false, 24_000),
        Some("pcm_48000") => (false, 48_000),
        other => return Err(format!("output_format {} is not served here", other.unwrap_or("mp3_44100"))),
    };
    let inactivity = match get("inactivity_timeout") {
        None => DEFAULT_INACTIVITY,
        Some(text) => text
            .parse()
            .ok()
            .filter(|seconds| (1..=LONGEST_INACTIVITY).contains(seconds))
            .ok_or("inactivity_timeout must be 1 to 180")?,
    };
    Ok(Options {
        voice: voice.to_owned(),
        mulaw,
        sample_rate,
        auto_mode: flag("auto_mode")?,
        sync_alignment: flag("sync_alignment")?,
        inactivity: Duration::from_secs(inactivity),
    })
}

/// A message of the client.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Message {
    pub(super) text: Option<String>,
    pub(super) context_id: Option<String>,
    pub(super) voice_settings: Option<VoiceSettings>,
    pub(super) flush: bool,
    pub(super) close_context: bool,
    pub(super) close_socket: bool,
}

/// How the voice is to speak. The simulated one speaks as it does; only the ranges are looked at.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct VoiceSettings {
    stability: Option<f64>,
    similarity_boost: Option<f64>,
    speed: Option<f64>,
}

impl VoiceSettings {
    pub(super) fn are_possible(&self) -> bool {
        let share = |value: Option<f64>| value.is_none_or(|value| (0.0..=1.0).contains(&value));
        share(self.stability)
            && share(self.similarity_boost)
            && self.speed.is_none_or(|speed| (0.7..=1.2).contains(&speed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str =
        "model_id=eleven_flash_v2_5&output_format=ulaw_8000&auto_mode=true&inactivity_timeout=60";

    #[test]
    fn a_telephone_stream_is_accepted() {
        let options = options("v", GOOD).unwrap();
        assert!(options.mulaw && options.auto_mode && !options.sync_alignment);
        assert_eq!((options.sample_rate, options.inactivity), (8_000, Duration::from_secs(60)));
    }

    #[test]
    fn mistakes_are_named() {
        for (from, to, word) in [
            ("flash_v2_5", "v3", "eleven_v3"),
            ("ulaw_8000", "ulaw_16000", "ulaw_16000"),
            ("&output_format=ulaw_8000", "", "mp3"),
            ("auto_mode=true", "auto_mode=1", "auto_mode"),
            ("timeout=60", "timeout=181", "180"),
        ] {
            let message = options("v", &GOOD.replace(from, to)).unwrap_err();
            assert!(message.contains(word), "{message}");
        }
    }
}
