//! Which speech vendors are used, in what order.

use super::ConfigError;

/// A recogniser.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recogniser {
    /// Deepgram's streaming API, version 1.
    Deepgram,
    /// Deepgram Flux, which hears the ends of turns.
    DeepgramFlux,
    /// The OpenAI-compatible endpoint.
    OpenAi,
}

/// A synthesiser.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Synthesiser {
    /// Cartesia.
    Cartesia,
    /// ElevenLabs.
    ElevenLabs,
    /// The OpenAI-compatible endpoint.
    OpenAi,
}

/// The recognisers by the names that settings use.
pub(super) const RECOGNISERS: &[(&str, Recogniser)] = &[
    ("deepgram", Recogniser::Deepgram),
    ("deepgram-flux", Recogniser::DeepgramFlux),
    ("openai", Recogniser::OpenAi),
];

/// The synthesisers by the names that settings use.
pub(super) const SYNTHESISERS: &[(&str, Synthesiser)] = &[
    ("cartesia", Synthesiser::Cartesia),
    ("elevenlabs", Synthesiser::ElevenLabs),
    ("openai", Synthesiser::OpenAi),
];

/// Vendors by their names, separated by commas, each at most once.
pub(super) fn in_order<T: Copy + PartialEq>(
    name: &'static str,
    value: &str,
    vendors: &[(&str, T)],
) -> Result<Vec<T>, ConfigError> {
    let fail = |message: String| ConfigError::Value { name, message };
    let mut chosen = Vec::new();
    for wanted in value.split(',').map(str::trim).filter(|wanted| !wanted.is_empty()) {
        let Some((_, vendor)) = vendors.iter().find(|(known, _)| *known == wanted) else {
            let known: Vec<&str> = vendors.iter().map(|(known, _)| *known).collect();
            return Err(fail(format!("`{wanted}` is none of {}", known.join(", "))));
        };
        if chosen.contains(vendor) {
            return Err(fail(format!("`{wanted}` is named twice")));
        }
        chosen.push(*vendor);
    }
    if chosen.is_empty() { Err(fail("names no vendor".into())) } else { Ok(chosen) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_is_kept() {
        let chosen = in_order("VOICEHIVE_TTS", "elevenlabs, cartesia", SYNTHESISERS).unwrap();
        assert_eq!(chosen, [Synthesiser::ElevenLabs, Synthesiser::Cartesia]);
    }

    #[test]
    fn a_vendor_is_named_once() {
        let error = in_order("VOICEHIVE_STT", "deepgram,deepgram", RECOGNISERS).unwrap_err();
        assert!(error.to_string().contains("named twice"), "{error}");
        assert!(in_order("VOICEHIVE_STT", ",", RECOGNISERS).is_err());
    }
}
