//! Sounds that the carrier itself puts on a line, and those that it plays on demand.

use std::collections::VecDeque;
use std::io::Cursor;
use std::time::Duration;

use audio::FRAME_SAMPLES;
use audio::g711::{ULAW_SILENCE, ulaw_encode};
use serde_json::{Value, json};

use crate::carrier::callee::beep;
use crate::voice::{Speaker, speak};

/// The voice of `speak`.
const VOICE: Speaker = Speaker::Middle;

/// The pause after a text, in samples: 200 ms.
const AFTER_SPEECH: usize = 1_600;

/// A key that the platform sends, and the pause behind it.
const KEY: Duration = Duration::from_millis(250);
const KEY_AMPLITUDE: i16 = 6_000;
const AFTER_KEY: usize = 800;

/// Something to be played from its beginning to its end, which the platform is told of.
#[derive(Debug)]
pub(super) struct Announcement {
    /// `call.speak` or `call.playback`; `None` for what nobody is told of.
    kind: Option<Kind>,
    audio: VecDeque<u8>,
    begun: bool,
}

#[derive(Debug)]
enum Kind {
    Speak,
    Playback { url: Option<String> },
}

/// An event of an announcement: its type, and what it tells.
pub(super) type Told = (&'static str, Value);

impl Announcement {
    pub(super) fn speech(text: &str) -> Self {
        let mut audio: VecDeque<u8> = speak(VOICE, text).mulaw().into();
        audio.extend([ULAW_SILENCE; AFTER_SPEECH]);
        Self { kind: Some(Kind::Speak), audio, begun: false }
    }

    pub(super) fn playback(url: Option<String>, mulaw: Vec<u8>) -> Self {
        Self { kind: Some(Kind::Playback { url }), audio: mulaw.into(), begun: false }
    }

    pub(super) fn beep() -> Self {
        Self { kind: None, audio: beep().into(), begun: false }
    }

    /// Keys as tones; `w` is half a second of silence and `W` a whole one.
    pub(super) fn keys(digits: &str) -> Self {
        let mut audio = VecDeque::new();
        for digit in digits.chars() {
            match digit {
                'w' => audio.extend([ULAW_SILENCE; 4_000]),
                'W' => audio.extend([ULAW_SILENCE; 8_000]),
                key => {
                    let tones = audio::dtmf::generate(key, KEY, KEY_AMPLITUDE).unwrap_or_default();
                    audio.extend(tones.into_iter().map(ulaw_encode));
                    audio.extend([ULAW_SILENCE; AFTER_KEY]);
                }
            }
        }
        Self { kind: None, audio, begun: false }
    }

    pub(super) fn is_playback(&self) -> bool {
        matches!(self.kind, Some(Kind::Playback { .. }))
    }

    /// The event of its beginning, once.
    pub(super) fn begin(&mut self) -> Option<Told> {
        if std::mem::replace(&mut self.begun, true) {
            return None;
        }
        Some(match self.kind.as_ref()? {
            Kind::Speak => ("call.speak.started", json!({})),
            Kind::Playback { url } => {
                ("call.playback.started", json!({ "media_url": url, "overlay": false }))
            }
        })
    }

    /// The next 20 ms; nothing once it is over.
    pub(super) fn next(&mut self) -> Option<Vec<u8>> {
        let count = self.audio.len().min(FRAME_SAMPLES);
        (count > 0).then(|| self.audio.drain(..count).collect())
    }

    /// The event of its end.
    pub(super) fn end(&self, status: &str) -> Option<Told> {
        Some(match self.kind.as_ref()? {
            Kind::Speak => ("call.speak.ended", json!({ "status": status })),
            Kind::Playback { url } => {
                let told =
                    json!({ "media_url": url, "overlay": false, "status": status, "status_detail": status });
                ("call.playback.ended", told)
            }
        })
    }
}

/// The first channel of a WAV file of 16 bits and 8000 samples a second, as mu-law.
pub(super) fn from_wav(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut reader = hound::WavReader::new(Cursor::new(bytes)).ok()?;
    let spec = reader.spec();
    let fits = spec.sample_rate == audio::SAMPLE_RATE
        && spec.bits_per_sample == 16
        && spec.sample_format == hound::SampleFormat::Int;
    if !fits || spec.channels == 0 {
        return None;
    }
    let samples: Result<Vec<i16>, _> = reader.samples::<i16>().step_by(spec.channels.into()).collect();
    Some(samples.ok()?.into_iter().map(ulaw_encode).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::voice::Decoder;

    #[test]
    fn an_announcement_begins_once_and_is_heard_to_its_end() {
        let mut announcement = Announcement::speech("Good morning.");
        assert_eq!(announcement.begin(), Some(("call.speak.started", json!({}))));
        assert_eq!(announcement.begin(), None);
        let mut ear = Decoder::new();
        let mut heard = Vec::new();
        while let Some(frame) = announcement.next() {
            heard.extend(ear.push(&frame));
        }
        heard.extend(ear.finish());
        let words: Vec<String> = heard.into_iter().map(|word| word.text).collect();
        assert_eq!(words, ["Good", "morning."]);
        assert_eq!(
            announcement.end("completed"),
            Some(("call.speak.ended", json!({ "status": "completed" })))
        );
    }

    #[test]
    fn a_wav_file_is_played_as_it_was_recorded() {
        let mulaw = speak(Speaker::High, "Hello.").mulaw();
        let wav = crate::recording::encode(&mulaw, &[], true).unwrap();
        assert_eq!(from_wav(&wav), Some(mulaw));
        assert_eq!(from_wav(b"RIFF"), None);
    }

    #[test]
    fn keys_are_sent_as_tones_with_their_pauses() {
        let one = Announcement::keys("1").audio.len();
        assert_eq!(Announcement::keys("1w").audio.len(), one + 4_000);
        assert_eq!(Announcement::keys("1W1").audio.len(), 2 * one + 8_000);
        assert!(Announcement::keys("1").end("completed").is_none());
    }
}
