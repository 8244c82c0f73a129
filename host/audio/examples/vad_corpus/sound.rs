//! Sound at 8 kHz as shares of full scale, and what a telephone does to it.

use std::f64::consts::{PI, TAU};

use audio::g711;

/// Samples per second of everything here.
pub const RATE: usize = 8_000;

/// Samples of `ms` milliseconds.
pub const fn samples(ms: usize) -> usize {
    ms * RATE / 1_000
}

/// Decibels as a factor of amplitude.
pub fn gain(decibels: f64) -> f32 {
    10_f64.powf(decibels / 20.0) as f32
}

/// A share of full scale in decibels, no lower than -100.
pub fn decibels(share: f32) -> f64 {
    20.0 * f64::from(share.max(1.0e-5)).log10()
}

/// Root mean square.
pub fn rms(sound: &[f32]) -> f32 {
    let energy: f64 = sound.iter().map(|sample| f64::from(*sample).powi(2)).sum();
    (energy / sound.len().max(1) as f64).sqrt() as f32
}

/// `sound` at a root mean square of `level` dBFS.
pub fn at_level(sound: &[f32], level: f64) -> Vec<f32> {
    let factor = gain(level) / rms(sound).max(1.0e-9);
    sound.iter().map(|sample| sample * factor).collect()
}

/// Adds `other` to `sound` from sample `at` on; what does not fit is dropped.
pub fn add(sound: &mut [f32], at: usize, other: &[f32]) {
    for (sample, more) in sound.iter_mut().skip(at).zip(other) {
        *sample += more;
    }
}

/// The linear sample, clipped as a converter clips.
pub fn linear(sample: f32) -> i16 {
    (sample * 32_768.0).round().clamp(-32_768.0, 32_767.0) as i16
}

/// The mu-law bytes of `sound`.
pub fn coded(sound: &[f32]) -> Vec<u8> {
    sound.iter().map(|sample| g711::ulaw_encode(linear(*sample))).collect()
}

/// The sound of mu-law bytes.
pub fn decoded(bytes: &[u8]) -> Vec<f32> {
    bytes.iter().map(|byte| f32::from(g711::ulaw_decode(*byte)) / 32_768.0).collect()
}

/// A recording at `rate` as a telephone sends it: 250 to 3400 Hz, 8 kHz.
pub fn through_a_telephone(recording: &[f32], rate: u32) -> Vec<f32> {
    high_pass(&resample(recording, f64::from(rate)), 250.0)
}

/// Windowed-sinc conversion, offline: every output sample is one sum over 32 zero crossings.
fn resample(input: &[f32], rate: f64) -> Vec<f32> {
    const CUTOFF: f64 = 3_500.0;
    const CROSSINGS: f64 = 16.0;
    let reach = CROSSINGS * rate / (2.0 * CUTOFF);
    let length = (input.len() as f64 * RATE as f64 / rate) as usize;
    (0..length)
        .map(|n| {
            let centre = n as f64 * rate / RATE as f64;
            let first = (centre - reach).ceil().max(0.0) as usize;
            let last = ((centre + reach) as usize).min(input.len().saturating_sub(1));
            let sum: f64 = (first..=last)
                .map(|index| {
                    let offset = index as f64 - centre;
                    let angle = TAU * CUTOFF * offset / rate;
                    let sinc = if angle == 0.0 { 1.0 } else { angle.sin() / angle };
                    f64::from(input[index]) * sinc * (0.5 + 0.5 * (PI * offset / reach).cos())
                })
                .sum();
            (sum * 2.0 * CUTOFF / rate) as f32
        })
        .collect()
}

/// Second-order Butterworth high-pass.
pub fn high_pass(input: &[f32], frequency: f64) -> Vec<f32> {
    let omega = TAU * frequency / RATE as f64;
    let alpha = omega.sin() * std::f64::consts::FRAC_1_SQRT_2;
    let scale = 1.0 + alpha;
    let (ahead, middle) = ((1.0 + omega.cos()) / 2.0 / scale, -(1.0 + omega.cos()) / scale);
    let (back, far) = (-2.0 * omega.cos() / scale, (1.0 - alpha) / scale);
    let (mut x1, mut x2, mut y1, mut y2) = (0.0, 0.0, 0.0, 0.0);
    input
        .iter()
        .map(|sample| {
            let x = f64::from(*sample);
            let y = ahead * x + middle * x1 + ahead * x2 - back * y1 - far * y2;
            (x2, x1, y2, y1) = (x1, x, y1, y);
            y as f32
        })
        .collect()
}

/// The value below which `share` of `values` lie; not a number where there are none.
pub fn quantile(values: &[f64], share: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let index = (share * (sorted.len().max(1) - 1) as f64).round() as usize;
    sorted.get(index).copied().unwrap_or(f64::NAN)
}
