//! Recordings: made from the line, kept for ten minutes.

use std::ops::Range;
use std::time::Duration;

use audio::FRAME_SAMPLES;
use audio::g711::ULAW_SILENCE;
use bytes::Bytes;
use serde_json::{Value, json};
use uuid::Uuid;

use super::action::Record;
use super::clock::{stamp, stamp_of};
use crate::carrier::line::STEP;
use crate::recording;
use crate::voice::Decoder;

/// How long a recording's address is good.
pub(super) const GOOD_FOR: Duration = Duration::from_secs(600);

/// A recording that is being made.
#[derive(Debug)]
pub(super) struct Recorder {
    order: Record,
    began: jiff::Timestamp,
    paused: bool,
    sent: Vec<u8>,
    heard: Vec<u8>,
    ear: Decoder,
    silence: Duration,
}

/// A recording that is kept.
#[derive(Clone, Debug)]
pub(super) struct Kept {
    pub(super) wav: Bytes,
    /// Who knows this may have it.
    pub(super) token: String,
    /// By the carrier's clock.
    pub(super) until: Duration,
}

/// A recording that was made.
#[derive(Debug)]
pub(super) struct Made {
    pub(super) id: String,
    pub(super) wav: Vec<u8>,
    /// What the webhook tells beside its address.
    pub(super) told: Value,
}

impl Recorder {
    pub(super) fn new(order: Record) -> Self {
        Self {
            order,
            began: jiff::Timestamp::now(),
            paused: false,
            sent: Vec::new(),
            heard: Vec::new(),
            ear: Decoder::new(),
            silence: Duration::ZERO,
        }
    }

    pub(super) fn pause(&mut self, paused: bool) {
        self.paused = paused;
    }

    /// Takes 20 ms of both sides; whether the recording is over with it.
    pub(super) fn push(&mut self, sent: &[u8], heard: &[u8]) -> bool {
        if self.paused {
            return false;
        }
        let silence = [ULAW_SILENCE; FRAME_SAMPLES];
        self.sent.extend_from_slice(if self.order.inbound { sent } else { &silence });
        self.heard.extend_from_slice(if self.order.outbound { heard } else { &silence });
        let voice = !self.ear.push(sent).is_empty() || self.ear.in_word();
        self.silence = if voice { Duration::ZERO } else { self.silence + STEP };
        let length = STEP * u32::try_from(self.sent.len() / FRAME_SAMPLES).unwrap_or(u32::MAX);
        self.order.max_length.is_some_and(|most| length >= most)
            || self.order.silence.is_some_and(|most| self.silence >= most)
    }

    /// Ends it.
    pub(super) fn finish(self) -> Result<Made, hound::Error> {
        let id = Uuid::new_v4().to_string();
        let told = json!({
            "recording_id": id,
            "channels": if self.order.dual { "dual" } else { "single" },
            "format": "wav",
            "recording_started_at": stamp_of(self.began),
            "recording_ended_at": stamp(),
        });
        let kept = if self.order.trim { self.with_sound() } else { 0..self.sent.len() };
        let side = |side: &[u8]| side.get(kept.clone()).unwrap_or_default().to_vec();
        let wav = recording::encode(&side(&self.sent), &side(&self.heard), self.order.dual)?;
        Ok(Made { id, wav, told })
    }

    /// From the first sound to the last, on either side.
    fn with_sound(&self) -> Range<usize> {
        let is_sound = |(sent, heard): (&u8, &u8)| *sent != ULAW_SILENCE || *heard != ULAW_SILENCE;
        let sides = || self.sent.iter().zip(&self.heard);
        let first = sides().position(is_sound).unwrap_or(self.sent.len());
        let last = sides().rposition(is_sound).map_or(first, |last| last + 1);
        first..last
    }
}

#[cfg(test)]
mod tests {
    use super::super::sound::from_wav;
    use super::*;
    use crate::voice::{Speaker, speak};

    #[test]
    fn a_recording_ends_at_its_length_and_holds_what_was_not_paused() {
        let mut recorder = Recorder::new(record(Some(Duration::from_millis(60)), None));
        assert!(!recorder.push(&[1; 160], &[2; 160]));
        recorder.pause(true);
        assert!(!recorder.push(&[9; 160], &[9; 160]));
        recorder.pause(false);
        assert!(!recorder.push(&[3; 160], &[4; 160]));
        assert!(recorder.push(&[5; 160], &[6; 160]));
        let made = recorder.finish().unwrap();
        let expected = [[1; 160], [3; 160], [5; 160]].concat();
        assert_eq!(from_wav(&made.wav), Some(expected));
        assert_eq!(made.told["channels"], "dual");
    }

    #[test]
    fn silence_ends_a_recording_but_not_while_someone_speaks() {
        let mut recorder = Recorder::new(record(None, Some(Duration::from_secs(1))));
        let speech = speak(Speaker::Low, "This takes much longer than a second to say.").mulaw();
        for frame in speech.chunks(160) {
            assert!(!recorder.push(frame, &[0xFF; 160]));
        }
        let mut silent = 0;
        while !recorder.push(&[0xFF; 160], &[0xFF; 160]) {
            silent += 1;
            assert!(silent < 100, "silence did not end it");
        }
        assert!(silent > 30, "{silent}");
    }

    #[test]
    fn one_side_is_recorded_without_the_silence_around_it() {
        let order = Record { outbound: false, trim: true, ..Record::new("dual") };
        let mut recorder = Recorder::new(order);
        for (sent, heard) in [(0xFF, 9), (7, 9), (0xFF, 9), (8, 9), (0xFF, 9)] {
            recorder.push(&[sent; 160], &[heard; 160]);
        }
        let made = recorder.finish().unwrap();
        assert_eq!(from_wav(&made.wav), Some([[7; 160], [0xFF; 160], [8; 160]].concat()));
    }

    fn record(max_length: Option<Duration>, silence: Option<Duration>) -> Record {
        Record { max_length, silence, ..Record::new("dual") }
    }
}
