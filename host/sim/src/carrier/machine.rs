//! Who answered: answering-machine detection by what is heard after the answer.
//!
//! Rules and defaults: <https://www.twilio.com/docs/voice/answering-machine-detection>.

use std::time::Duration;

use audio::FRAME_SAMPLES;
use audio::g711::ulaw_decode;
use tokio::sync::oneshot;

use super::line::STEP;

/// Below this root mean square a frame is silence: 42 dB below full scale.
const SILENCE: f32 = 260.0;

/// A tone as long as this is a beep, or a fax.
const TONE: Duration = Duration::from_millis(300);

/// How much of a frame's energy a tone holds.
const PURE: f32 = 0.8;

/// The tones that voicemails beep with and this carrier knows.
const BEEPS: [f32; 3] = [850.0, 1_000.0, 1_400.0];

/// What a fax machine answers with.
const FAX: f32 = 2_100.0;

/// What the detection is to find out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Aim {
    /// Who it is, as soon as that is known.
    Who,
    /// The same, but of a machine only when its greeting is over.
    MessageEnd,
}

/// The detection's settings, with the carrier's defaults.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Settings {
    pub(crate) aim: Aim,
    /// When to give up.
    pub(crate) timeout: Duration,
    /// Speech as long as this is a machine's greeting.
    pub(crate) speech: Duration,
    /// Silence as long as this after speech is its end.
    pub(crate) speech_end: Duration,
    /// Silence as long as this after the answer says nothing.
    pub(crate) silence: Duration,
}

impl Settings {
    pub(crate) fn new(aim: Aim) -> Self {
        Self {
            aim,
            timeout: Duration::from_secs(30),
            speech: Duration::from_millis(2_400),
            speech_end: Duration::from_millis(1_200),
            silence: Duration::from_secs(5),
        }
    }
}

/// What was found out, and after how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Finding {
    /// The carrier's word: `AnsweredBy`.
    pub(crate) answered_by: &'static str,
    pub(crate) after: Duration,
}

/// Listens until it knows.
#[derive(Debug)]
pub(crate) struct Detector {
    settings: Settings,
    found: Option<oneshot::Sender<Finding>>,
    heard: Duration,
    /// Speech so far, its gaps included.
    speech: Duration,
    quiet: Duration,
    /// The tone that is heard, and for how long.
    tone: Option<(Tone, Duration)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Tone {
    Beep,
    Fax,
}

impl Detector {
    pub(crate) fn new(settings: Settings) -> (Self, oneshot::Receiver<Finding>) {
        let (found, finding) = oneshot::channel();
        let found = Some(found);
        let zero = Duration::ZERO;
        (Self { settings, found, heard: zero, speech: zero, quiet: zero, tone: None }, finding)
    }

    /// Hears a frame of 20 ms from the side that was called.
    pub(crate) fn push(&mut self, mulaw: &[u8]) {
        if self.found.is_none() {
            return;
        }
        self.heard += STEP;
        let samples: Vec<f32> = mulaw.iter().map(|byte| f32::from(ulaw_decode(*byte))).collect();
        let energy: f32 = samples.iter().map(|sample| sample * sample).sum();
        if (energy / FRAME_SAMPLES as f32).sqrt() < SILENCE {
            self.hear_silence();
        } else {
            self.hear_sound(&samples, energy);
        }
        if self.heard >= self.settings.timeout {
            self.find("unknown");
        }
    }

    fn hear_silence(&mut self) {
        self.tone = None;
        self.quiet += STEP;
        if self.speech.is_zero() {
            if self.quiet >= self.settings.silence {
                self.find("unknown");
            }
        } else if self.quiet >= self.settings.speech_end {
            // Its own silence, which ends it, is no part of the speech.
            let who = if self.speech < self.settings.speech { "human" } else { "machine_end_silence" };
            self.find(who);
        }
    }

    fn hear_sound(&mut self, samples: &[f32], energy: f32) {
        let holds = |frequency: f32| power(samples, frequency) >= PURE * energy;
        let tone =
            if holds(FAX) { Some(Tone::Fax) } else { BEEPS.into_iter().any(holds).then_some(Tone::Beep) };
        self.tone = tone.map(|tone| match self.tone {
            Some((before, length)) if before == tone => (tone, length + STEP),
            Some(_) | None => (tone, STEP),
        });
        match self.tone {
            Some((Tone::Fax, length)) if length >= TONE => self.find("fax"),
            Some((Tone::Beep, length)) if length >= TONE => self.find(match self.settings.aim {
                Aim::Who => "machine_start",
                Aim::MessageEnd => "machine_end_beep",
            }),
            Some(_) => {}
            None => {
                // Short gaps belong to the speech around them.
                if !self.speech.is_zero() {
                    self.speech += self.quiet;
                }
                self.speech += STEP;
                self.quiet = Duration::ZERO;
                if self.settings.aim == Aim::Who && self.speech >= self.settings.speech {
                    self.find("machine_start");
                }
            }
        }
    }

    fn find(&mut self, answered_by: &'static str) {
        if let Some(found) = self.found.take() {
            // Whoever asked may be gone with the call.
            let _told = found.send(Finding { answered_by, after: self.heard });
        }
    }
}

/// The energy at a frequency, on the scale of the sum of squares: Goertzel's algorithm.
fn power(samples: &[f32], frequency: f32) -> f32 {
    let turn = std::f32::consts::TAU * frequency / audio::SAMPLE_RATE as f32;
    let coefficient = 2.0 * turn.cos();
    let (before, last) = samples
        .iter()
        .fold((0.0_f32, 0.0_f32), |(before, last), sample| (last, sample + coefficient * last - before));
    let magnitude = before * before + last * last - coefficient * before * last;
    2.0 * magnitude / samples.len().max(1) as f32
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::carrier::callee;
    use crate::voice::{Speaker, speak};

    #[test]
    fn a_short_greeting_is_a_persons() {
        let found = detect(Aim::Who, &[&said("Hello?"), &silence(2_000)]).unwrap();
        assert_eq!(found.answered_by, "human");
        assert!(found.after > Duration::from_millis(1_200), "{found:?}");
    }

    #[test]
    fn a_long_greeting_is_a_machines_and_its_beep_ends_it() {
        let greeting = said("You have reached the office. Please leave a message after the tone.");
        let call: [&[u8]; 3] = [&greeting, &callee::beep(), &silence(3_000)];
        assert_eq!(detect(Aim::Who, &call).unwrap().answered_by, "machine_start");
        let found = detect(Aim::MessageEnd, &call).unwrap();
        assert_eq!(found.answered_by, "machine_end_beep");
        let greeting_length = Duration::from_micros(125) * greeting.len() as u32;
        assert!(found.after > greeting_length, "{found:?} in a greeting of {greeting_length:?}");
        let without_beep: [&[u8]; 2] = [&greeting, &silence(3_000)];
        assert_eq!(detect(Aim::MessageEnd, &without_beep).unwrap().answered_by, "machine_end_silence");
    }

    #[test]
    fn silence_and_noise_without_end_are_unknown_and_a_fax_is_a_fax() {
        let found = detect(Aim::Who, &[&silence(6_000)]).unwrap();
        assert_eq!((found.answered_by, found.after), ("unknown", Duration::from_secs(5)));
        assert_eq!(detect(Aim::MessageEnd, &[&callee::fax()]).unwrap().answered_by, "fax");
        let talk = said("and so on, and so on, and so on, and so on, and so on, and so on, and so on");
        let found = detect(Aim::MessageEnd, &[talk.as_slice(); 10]).unwrap();
        assert_eq!((found.answered_by, found.after), ("unknown", Duration::from_secs(30)));
        assert_eq!(detect(Aim::Who, &[&silence(1_000)]), None);
    }

    fn detect(aim: Aim, call: &[&[u8]]) -> Option<Finding> {
        let (mut detector, mut finding) = Detector::new(Settings::new(aim));
        for frame in call.concat().chunks(FRAME_SAMPLES) {
            detector.push(frame);
        }
        finding.try_recv().ok()
    }

    fn said(text: &str) -> Vec<u8> {
        speak(Speaker::Low, text).mulaw()
    }

    fn silence(ms: usize) -> Vec<u8> {
        vec![audio::g711::ULAW_SILENCE; ms * 8]
    }
}
