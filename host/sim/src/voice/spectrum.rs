//! Measurements on stretches of sound.

use std::f32::consts::TAU;

use super::alphabet::{CHOICES, CODES};
use super::{MARKER, SYMBOL, Speaker, sound};

/// How much a chirp must resemble the marker to be one: undamaged ones reach 0.95, one that lost a third 0.8.
const RESEMBLANCE: f32 = 0.85;

/// How much louder a formant must be than the next candidate: 5 dB.
const CLEARNESS: f32 = 1.8;

/// How much a stretch must resemble itself one period later to be this voice's.
const PERIODICITY: f32 = 0.8;

/// How many harmonics the two tones of a key can fill: each may lie between two.
const STRONGEST: usize = 4;

/// The share of the energy outside the strongest harmonics that makes a voice of a tone. This voice has at least 0.05;
/// the two tones of a key have less than 0.005.
const RICHNESS: f32 = 0.02;

/// As many harmonics as could be among the strongest.
const HARMONICS: usize = 2 * CHOICES + 4;

/// The length of such a stretch: four periods of the lowest voice, two thirds of a symbol.
const PERIODIC_FOR: usize = 288;

/// Keeps the windows of a symbol clear of the passage from the symbol before.
const LEAD: usize = 12;

/// Root mean square.
pub(super) fn level(samples: &[f32]) -> f32 {
    if samples.is_empty() {
        return 0.0;
    }
    (dot(samples, samples) / samples.len() as f32).sqrt()
}

/// Looks for a marker in `samples`; the offset of its start and whose it is.
pub(super) fn find_marker(samples: &[f32]) -> Option<(usize, Speaker)> {
    let mut best = (RESEMBLANCE, None);
    for (offset, window) in samples.windows(MARKER).enumerate() {
        let energy = dot(window, window);
        for speaker in Speaker::ALL {
            let (marker, turned) = (sound::cached_marker(speaker), sound::cached_turned_marker(speaker));
            let product = dot(window, marker).hypot(dot(window, turned));
            let resemblance = product / (energy * sound::MARKER_ENERGY).sqrt().max(f32::MIN_POSITIVE);
            if resemblance > best.0 {
                best = (resemblance, Some((offset, speaker)));
            }
        }
    }
    best.1
}

fn dot(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// Reads one whole symbol. Nothing where its three windows disagree or say nothing clear.
pub(super) fn read_symbol(samples: &[f32], speaker: Speaker) -> Option<usize> {
    let window = 2 * speaker.period();
    let starts = [LEAD, (SYMBOL - window) / 2, SYMBOL - window - LEAD / 2];
    let mut agreed = None;
    for start in starts {
        let code = read_window(samples.get(start..start + window)?, speaker)?;
        if *agreed.get_or_insert(code) != code {
            return None;
        }
    }
    agreed
}

fn read_window(window: &[f32], speaker: Speaker) -> Option<usize> {
    let low = loudest(window, speaker, sound::FIRST_HARMONIC)?;
    let high = loudest(window, speaker, sound::FIRST_HARMONIC + CHOICES)?;
    Some(high * CHOICES + low).filter(|code| *code < CODES)
}

/// Which of the ten harmonics from `first` stands out.
fn loudest(window: &[f32], speaker: Speaker, first: usize) -> Option<usize> {
    let mut best = (0, 0.0_f32);
    let mut second = 0.0_f32;
    for choice in 0..CHOICES {
        let strength = harmonic(window, speaker.period(), first + choice);
        if strength > best.1 {
            second = best.1;
            best = (choice, strength);
        } else {
            second = second.max(strength);
        }
    }
    (best.1 > second * CLEARNESS).then_some(best.0)
}

/// The strength of one harmonic: a discrete Fourier transform at its frequency.
fn harmonic(window: &[f32], period: usize, number: usize) -> f32 {
    let step = TAU * number as f32 / period as f32;
    // The rotation (cos, sin) by one sample, applied again and again: a window is short enough for the error.
    let (turn_sin, turn_cos) = step.sin_cos();
    let (mut cos, mut sin) = (1.0_f32, 0.0_f32);
    let (mut real, mut imaginary) = (0.0_f32, 0.0_f32);
    for sample in window {
        real += sample * cos;
        imaginary += sample * sin;
        (cos, sin) = (cos * turn_cos - sin * turn_sin, sin * turn_cos + cos * turn_sin);
    }
    real.hypot(imaginary)
}

/// Whether `samples` are the tone of one of the voices, at least for a moment, as opposed to noise and to the pure tones
/// of keys and beeps.
pub(super) fn is_voice(samples: &[f32]) -> bool {
    samples.windows(PERIODIC_FOR).step_by(PERIODIC_FOR / 4).any(|window| {
        Speaker::ALL.iter().any(|speaker| {
            let later = window.get(speaker.period()..).unwrap_or_default();
            dot(window, later) > PERIODICITY * dot(later, later) && is_rich(window, *speaker)
        })
    })
}

/// Whether the strongest harmonics leave enough of the energy to the others.
fn is_rich(window: &[f32], speaker: Speaker) -> bool {
    let length = 4 * speaker.period();
    // A soft-edged window, or a tone between two harmonics would seem to be in all of them.
    let soft: Vec<f32> = window
        .iter()
        .take(length)
        .enumerate()
        .map(|(index, sample)| sample * (0.5 - 0.5 * (TAU * index as f32 / length as f32).cos()))
        .collect();
    let mut energies: Vec<f32> =
        (1..=HARMONICS).map(|number| harmonic(&soft, speaker.period(), number).powi(2)).collect();
    energies.sort_by(|a, b| b.total_cmp(a));
    let rest: f32 = energies.iter().skip(STRONGEST).sum();
    rest > RICHNESS * energies.iter().sum::<f32>()
}
