//! Voice activity: the probability that the caller is speaking.
//!
//! A network decides, and three rules keep from it what misleads it on a telephone. They were found with
//! `cargo xtask vad`; the figures are in ARCHITECTURE.md.
//!
//! - It has learnt on wide-band sound and takes any noise for a voice whose upper half band is empty. So the rate is
//!   doubled by linear interpolation: the mirror image that a good filter would remove fills the upper band.
//! - It takes any loud noise for a voice. So where the noise floor is high, everything is turned down.
//! - It knows no other voices and no music. So what does not stand out from the floor is not speech, and neither is a
//!   steady tone.

mod floor;
mod tone;

use earshot::Detector;

use floor::NoiseFloor;
use tone::ToneGate;

/// Samples at 8 kHz of one decision of the detector: 16 ms, which it takes at 16 kHz.
const WINDOW: usize = 128;
const WIDE_WINDOW: usize = 2 * WINDOW;

/// Mean square below which nobody speaks: 60 dB below full scale. Telephone speech is 20 to 40 dB louder.
const QUIET: f32 = 1.0e-6;

/// Mean square to which a higher noise floor is turned down: 40 dB below full scale.
const TOLERATED_NOISE: f32 = 1.0e-4;

/// How much a line with a low noise floor is turned up, as a factor of amplitude (3 dB): for callers at -40 dBFS.
const LIFT: f32 = 1.41;

/// How far speech stands above the noise floor, as a power ratio (5 dB).
const MARGIN: f32 = 3.16;

/// Probability below which the detector has settled on silence.
const SETTLED: f32 = 0.1;

/// Streaming speech detector over 8 kHz linear audio; about 10 KiB per call, on the heap.
///
/// The `frame` benchmark measures what a 20 ms frame costs; nearly all of it is the detector's network. On a quiet line the network does not run: it has said "silence" and would only repeat it.
pub struct Vad {
    detector: Box<Detector>,
    narrow: Vec<i16>,
    wide: [f32; WIDE_WINDOW],
    /// The last sample of the window before, as the network heard it.
    last: f32,
    floor: NoiseFloor,
    tone: ToneGate,
    /// What the network says.
    verdict: f32,
    /// What we say.
    probability: f32,
}

impl std::fmt::Debug for Vad {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Vad").field("probability", &self.probability).finish_non_exhaustive()
    }
}

impl Default for Vad {
    fn default() -> Self {
        Self::new()
    }
}

impl Vad {
    /// Creates a detector that has heard nothing.
    #[must_use]
    pub fn new() -> Self {
        Self {
            detector: Detector::default_boxed(),
            narrow: Vec::with_capacity(WINDOW),
            wide: [0.0; WIDE_WINDOW],
            last: 0.0,
            floor: NoiseFloor::new(),
            tone: ToneGate::default(),
            verdict: 0.0,
            probability: 0.0,
        }
    }

    /// Takes 8 kHz samples, any number of them, and returns the latest probability of speech, 0 to 1.
    ///
    /// The detector decides every 16 ms: a 20 ms frame completes one or two decisions, a shorter one perhaps none, in
    /// which case the previous probability stands.
    pub fn push(&mut self, mut samples: &[i16]) -> f32 {
        while !samples.is_empty() {
            let room = WINDOW - self.narrow.len();
            let (head, rest) = samples.split_at(room.min(samples.len()));
            self.narrow.extend_from_slice(head);
            samples = rest;
            if self.narrow.len() == WINDOW {
                self.decide();
                self.narrow.clear();
            }
        }
        self.probability
    }

    /// The probability after the last [`Vad::push`].
    #[must_use]
    pub fn probability(&self) -> f32 {
        self.probability
    }

    /// Forgets everything heard, as when a call moves to another stream.
    pub fn reset(&mut self) {
        self.detector.reset();
        self.narrow.clear();
        self.last = 0.0;
        self.floor = NoiseFloor::new();
        self.tone = ToneGate::default();
        self.verdict = 0.0;
        self.probability = 0.0;
    }

    fn decide(&mut self) {
        let energy = mean_square(&self.narrow);
        self.floor.push(energy);
        if self.verdict < SETTLED && energy < QUIET {
            self.verdict = 0.0;
            self.probability = 0.0;
            return;
        }
        let tone = self.tone.push(&self.narrow);
        let noise = self.floor.energy();
        self.widen((TOLERATED_NOISE / noise).sqrt().min(LIFT));
        self.verdict = self.detector.predict_f32(&self.wide).clamp(0.0, 1.0);
        let speech = !tone && energy >= noise * MARGIN;
        self.probability = if speech { self.verdict } else { 0.0 };
    }

    /// Doubles the rate, with mirror images: linear interpolation leaves them.
    fn widen(&mut self, gain: f32) {
        let (pairs, _) = self.wide.as_chunks_mut::<2>();
        for (pair, sample) in pairs.iter_mut().zip(&self.narrow) {
            let value = (f32::from(*sample) / 32_768.0 * gain).clamp(-1.0, 1.0);
            *pair = [(self.last + value) / 2.0, value];
            self.last = value;
        }
    }
}

/// Of full scale.
fn mean_square(samples: &[i16]) -> f32 {
    let energy: i64 = samples.iter().map(|sample| i64::from(*sample).pow(2)).sum();
    energy as f32 / samples.len().max(1) as f32 / (32_768.0 * 32_768.0)
}
