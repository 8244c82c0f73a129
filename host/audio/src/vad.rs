//! Voice activity: the probability that the caller is speaking.

use earshot::Detector;

use crate::level;
use crate::resample::Doubler;

/// Samples at 8 kHz of one decision of the detector: 16 ms, which it takes at 16 kHz.
const WINDOW: usize = 128;
const WIDE_WINDOW: usize = 2 * WINDOW;

/// Level below which nobody speaks: 60 dB below full scale. Telephone speech is 20 to 40 dB louder.
const QUIET: f32 = 0.001;

/// Probability below which the detector has settled on silence.
const SETTLED: f32 = 0.1;

/// Streaming speech detector over 8 kHz linear audio; about 10 KiB per call, on the heap.
///
/// A 20 ms frame costs 7.3 µs (0.036 % of a core per call; measured by the `frame` benchmark), nearly all of it in the
/// detector's network. On a quiet line the network does not run: it has said "silence" and would only repeat it.
pub struct Vad {
    detector: Box<Detector>,
    doubler: Doubler,
    narrow: Vec<i16>,
    wide: Vec<i16>,
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
            doubler: Doubler::new(),
            narrow: Vec::with_capacity(WINDOW),
            wide: Vec::with_capacity(WIDE_WINDOW),
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
        self.doubler = Doubler::new();
        self.narrow.clear();
        self.probability = 0.0;
    }

    fn decide(&mut self) {
        if self.probability < SETTLED && level::rms(&self.narrow) < QUIET {
            self.probability = 0.0;
            return;
        }
        self.wide.clear();
        self.doubler.process(&self.narrow, &mut self.wide);
        self.probability = self.detector.predict_i16(&self.wide).clamp(0.0, 1.0);
    }
}
