//! The sound of each key, made once.

use std::collections::BTreeMap;
use std::sync::LazyLock;
use std::time::Duration;

use audio::{dtmf, g711};
use bytes::Bytes;

/// How long a key sounds and how long it is silent after. Exchanges must accept 40 ms of
/// each (ITU-T Q.24); menus behind lossy codecs want more.
const TONE: Duration = Duration::from_millis(120);
const PAUSE: usize = 100 * 8;

/// About -9 dBm0 for each of the two frequencies.
const AMPLITUDE: i16 = 8_000;

const KEYS: &str = "0123456789*#ABCD";

static MULAW: LazyLock<BTreeMap<char, Bytes>> = LazyLock::new(|| {
    KEYS.chars()
        .filter_map(|key| {
            let samples = dtmf::generate(key, TONE, AMPLITUDE)?;
            let mut audio: Vec<u8> = samples.into_iter().map(g711::ulaw_encode).collect();
            audio.resize(audio.len() + PAUSE, g711::ULAW_SILENCE);
            Some((key, Bytes::from(audio)))
        })
        .collect()
});

/// The audio of every key in 8 kHz mu-law.
pub fn mulaw() -> BTreeMap<char, Bytes> {
    MULAW.clone()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_is_recognised_as_itself() {
        for (key, tone) in mulaw() {
            let mut heard = Vec::new();
            let samples: Vec<i16> = tone.iter().map(|byte| g711::ulaw_decode(*byte)).collect();
            dtmf::Detector::new().push(&samples, |key| heard.push(key));
            assert_eq!(heard, [key]);
        }
    }

    #[test]
    fn a_key_is_whole_frames() {
        assert!(mulaw().values().all(|tone| tone.len() % 160 == 0));
    }
}
