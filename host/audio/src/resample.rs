//! Streaming conversion between the telephone rate and the rates of models and vendors.
//!
//! Windowed-sinc low-pass filters in integer arithmetic: the result is the same on every machine (a recorded call
//! replays bit for bit), the inner loop vectorises, and no call allocates except to grow the caller's buffer.
//! Pass band 3400 Hz, stop band 4600 Hz (60 dB): what folds back lands above the telephone band.

use std::sync::LazyLock;

/// Fixed-point scale of the filter taps. One bit below full scale leaves headroom for the sum of their magnitudes.
const TAP_BITS: u32 = 14;

/// Shape of the Kaiser window for 60 dB of stop-band attenuation.
const KAISER_BETA: f64 = 5.653;

/// Input samples worked on at once: 20 ms at 16 kHz.
const BLOCK: usize = 320;

const HALF_BAND_TAPS: usize = 24;
const HALF_RATE_TAPS: usize = 48;
const THIRD_RATE_TAPS: usize = 72;

/// The tap set of the interpolator's odd phase: values half a sample between two inputs.
static HALF_BAND: LazyLock<[i16; HALF_BAND_TAPS]> = LazyLock::new(|| low_pass(1.0));
static HALF_RATE: LazyLock<[i16; HALF_RATE_TAPS]> = LazyLock::new(|| low_pass(0.5));
static THIRD_RATE: LazyLock<[i16; THIRD_RATE_TAPS]> = LazyLock::new(|| low_pass(1.0 / 3.0));

/// Doubles the rate: 8 kHz to 16 kHz. Delays the signal by 1.5 ms.
#[derive(Debug, Clone)]
pub struct Doubler {
    line: DelayLine<HALF_BAND_TAPS>,
}

impl Default for Doubler {
    fn default() -> Self {
        Self::new()
    }
}

impl Doubler {
    /// Creates a converter at rest.
    #[must_use]
    pub fn new() -> Self {
        Self { line: DelayLine::new() }
    }

    /// Appends exactly two output samples per input sample.
    pub fn process(&mut self, input: &[i16], output: &mut Vec<i16>) {
        let taps = &*HALF_BAND;
        output.reserve(2 * input.len());
        self.line.feed(input, 1, |window| {
            // In a half-band interpolator the even phase is the input itself, delayed to the middle of the window.
            let middle = window.get(HALF_BAND_TAPS / 2 - 1).copied().unwrap_or_default();
            output.extend_from_slice(&[middle, dot(window, taps)]);
        });
    }
}

/// Lowers the rate by a whole factor. Use [`halver`] or [`third`].
#[derive(Debug, Clone)]
pub struct Decimator<const TAPS: usize> {
    line: DelayLine<TAPS>,
    factor: usize,
    taps: &'static LazyLock<[i16; TAPS]>,
}

/// Converts 16 kHz to 8 kHz.
pub type Halver = Decimator<HALF_RATE_TAPS>;

/// Converts 24 kHz to 8 kHz.
pub type Third = Decimator<THIRD_RATE_TAPS>;

/// Creates a converter from 16 kHz to 8 kHz.
#[must_use]
pub fn halver() -> Halver {
    Decimator { line: DelayLine::new(), factor: 2, taps: &HALF_RATE }
}

/// Creates a converter from 24 kHz to 8 kHz.
#[must_use]
pub fn third() -> Third {
    Decimator { line: DelayLine::new(), factor: 3, taps: &THIRD_RATE }
}

impl<const TAPS: usize> Decimator<TAPS> {
    /// Appends one output sample per whole group of input samples; a short group waits for the next call.
    pub fn process(&mut self, input: &[i16], output: &mut Vec<i16>) {
        let taps = &**self.taps;
        self.line.feed(input, self.factor, |window| output.push(dot(window, taps)));
    }
}

/// The last samples in order, with room for a block more, so that windows over them are plain slices.
#[derive(Debug, Clone)]
struct DelayLine<const TAPS: usize> {
    samples: Vec<i16>,
}

impl<const TAPS: usize> DelayLine<TAPS> {
    fn new() -> Self {
        let mut samples = Vec::with_capacity(TAPS + BLOCK);
        samples.resize(TAPS - 1, 0);
        Self { samples }
    }

    /// Calls `each` with the window that starts at every `step`-th sample.
    fn feed(&mut self, input: &[i16], step: usize, mut each: impl FnMut(&[i16; TAPS])) {
        for block in input.chunks(BLOCK) {
            self.samples.extend_from_slice(block);
            let mut consumed = 0;
            while let Some(window) = self.samples.get(consumed..).and_then(|rest| rest.first_chunk::<TAPS>())
            {
                each(window);
                consumed += step;
            }
            self.samples.drain(..consumed.min(self.samples.len()));
        }
    }
}

fn dot<const TAPS: usize>(window: &[i16; TAPS], taps: &[i16; TAPS]) -> i16 {
    let sum: i32 =
        window.iter().zip(taps).map(|(sample, tap)| i32::from(*sample) * i32::from(*tap)).sum::<i32>();
    let rounded = (sum + (1 << (TAP_BITS - 1))) >> TAP_BITS;
    rounded.clamp(i32::from(i16::MIN), i32::from(i16::MAX)) as i16
}

/// Kaiser-windowed sinc with `bandwidth` as a share of half the sample rate and unit gain at zero frequency.
fn low_pass<const TAPS: usize>(bandwidth: f64) -> [i16; TAPS] {
    let centre = (TAPS as f64 - 1.0) / 2.0;
    let shape: [f64; TAPS] = std::array::from_fn(|index| {
        let offset = index as f64 - centre;
        let angle = std::f64::consts::PI * offset * bandwidth;
        let sinc = if angle == 0.0 { 1.0 } else { angle.sin() / angle };
        let position = offset / (centre + 0.5);
        sinc * bessel(KAISER_BETA * (1.0 - position * position).sqrt())
    });
    let total: f64 = shape.iter().sum();
    shape.map(|tap| (tap / total * f64::from(1 << TAP_BITS)).round() as i16)
}

/// Modified Bessel function of the first kind, order zero, by its power series.
fn bessel(x: f64) -> f64 {
    let quarter = x * x / 4.0;
    (1..30)
        .scan(1.0, |term, n| {
            *term *= quarter / f64::from(n * n);
            Some(*term)
        })
        .sum::<f64>()
        + 1.0
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::level::rms;

    #[test]
    fn doubling_keeps_the_level_of_telephone_band_tones() {
        for frequency in [300.0, 1_000.0, 2_000.0, 3_300.0] {
            let input = tone(frequency, 8_000.0, 1_600);
            let mut output = Vec::new();
            Doubler::new().process(&input, &mut output);
            assert_eq!(output.len(), 2 * input.len());
            assert_gain(&input, &output, 1.0, 0.03, frequency);
        }
    }

    #[test]
    fn doubled_tone_is_the_tone_and_not_its_image() {
        let input = tone(1_000.0, 8_000.0, 1_600);
        let mut output = Vec::new();
        Doubler::new().process(&input, &mut output);
        let delayed = tone(1_000.0, 16_000.0, 3_200);
        let error: Vec<i16> =
            output.iter().skip(100).zip(delayed.iter().skip(100 - 24)).map(|(a, b)| a - b).collect();
        assert!(rms(&error) < 0.002, "residual {}", rms(&error));
    }

    #[test]
    fn halving_passes_speech_and_stops_what_would_alias() {
        for (frequency, gain, slack) in [(1_000.0, 1.0, 0.02), (3_300.0, 1.0, 0.05), (5_000.0, 0.0, 0.002)] {
            let input = tone(frequency, 16_000.0, 3_200);
            let mut output = Vec::new();
            halver().process(&input, &mut output);
            assert_eq!(output.len(), input.len() / 2);
            assert_gain(&input, &output, gain, slack, frequency);
        }
    }

    #[test]
    fn decimating_by_three_passes_speech_and_stops_what_would_alias() {
        let cases =
            [(1_000.0, 1.0, 0.02), (3_300.0, 1.0, 0.05), (5_000.0, 0.0, 0.002), (11_000.0, 0.0, 0.002)];
        for (frequency, gain, slack) in cases {
            let input = tone(frequency, 24_000.0, 4_800);
            let mut output = Vec::new();
            third().process(&input, &mut output);
            assert_eq!(output.len(), input.len() / 3);
            assert_gain(&input, &output, gain, slack, frequency);
        }
    }

    #[test]
    fn full_scale_square_wave_clips_instead_of_wrapping() {
        let input: Vec<i16> = (0..4_800).map(|n| if n / 30 % 2 == 0 { i16::MAX } else { i16::MIN }).collect();
        let mut output = Vec::new();
        third().process(&input, &mut output);
        for (index, sample) in output.iter().enumerate().skip(30) {
            let source = input.get((index * 3).saturating_sub(36)).copied().unwrap_or_default();
            let before = input.get((index * 3).saturating_sub(48)).copied().unwrap_or_default();
            let after = input.get((index * 3).saturating_sub(24)).copied().unwrap_or_default();
            if source == before && source == after {
                assert_eq!(sample.signum(), source.signum(), "at {index}");
            }
        }
    }

    proptest! {
        #[test]
        fn any_chunking_gives_the_same_samples(
            input in proptest::collection::vec(any::<i16>(), 0..2_000),
            cut in 1_usize..700,
        ) {
            let mut whole = Vec::new();
            third().process(&input, &mut whole);
            let mut converter = third();
            let mut pieces = Vec::new();
            input.chunks(cut).for_each(|chunk| converter.process(chunk, &mut pieces));
            prop_assert_eq!(whole, pieces);
        }
    }

    fn tone(frequency: f64, rate: f64, samples: usize) -> Vec<i16> {
        (0..samples)
            .map(|n| (10_000.0 * (std::f64::consts::TAU * frequency * n as f64 / rate).sin()) as i16)
            .collect()
    }

    fn assert_gain(input: &[i16], output: &[i16], gain: f32, slack: f32, frequency: f64) {
        let settled = output.get(200..).unwrap();
        let measured = rms(settled) / rms(input);
        assert!((measured - gain).abs() <= slack, "gain {measured} at {frequency} Hz");
    }
}
