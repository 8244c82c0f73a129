//! What the symbols and markers sound like.

use std::f32::consts::{PI, TAU};
use std::sync::LazyLock;

use super::alphabet::{CHOICES, CODES};
use super::{MARKER, Speaker};

/// The lowest harmonic of the first formant's choices; those of the second follow on.
pub(super) const FIRST_HARMONIC: usize = 2;

/// Level of the voice, of full scale: -16 dB, a clear voice on the telephone. Of the levels and spectra tried, this
/// level with this [`FLOOR`] and [`TILT`] is what the voice detector is surest about.
pub(super) const LEVEL: f32 = 0.15;

/// The marker's level as a share of the voice's. The chirp's envelope is half a sine wave.
pub(super) const MARKER_SHARE: f32 = 0.6;

/// The energy of a marker at 8 kHz.
pub(super) const MARKER_ENERGY: f32 = MARKER as f32 * (MARKER_SHARE * LEVEL) * (MARKER_SHARE * LEVEL);

/// How far below the formants the other harmonics lie, in dB.
const FLOOR: f32 = -20.0;

/// How far below it the neighbours of a formant lie, in dB: a formant is a bump, not a whistle.
const NEIGHBOUR: f32 = -10.0;

/// The fall of a glottis towards high frequencies, in dB per octave.
const TILT: f32 = -4.0;

/// Above this the telephone network passes nothing.
const HIGHEST: f32 = 3_400.0;

static TABLES: LazyLock<Vec<Vec<Vec<f32>>>> = LazyLock::new(|| {
    Speaker::ALL.iter().map(|speaker| (0..CODES).map(|code| period(*speaker, code, 1)).collect()).collect()
});

static MARKERS: LazyLock<Vec<Vec<f32>>> =
    LazyLock::new(|| Speaker::ALL.iter().map(|speaker| marker(*speaker, 1)).collect());

static TURNED_MARKERS: LazyLock<Vec<Vec<f32>>> =
    LazyLock::new(|| Speaker::ALL.iter().map(|speaker| chirp(*speaker, 1, PI / 2.0)).collect());

/// One period of a symbol at 8 kHz.
pub(super) fn cached_period(speaker: Speaker, code: usize) -> &'static [f32] {
    TABLES.get(speaker as usize).and_then(|codes| codes.get(code)).map_or(&[], Vec::as_slice)
}

/// The marker at 8 kHz.
pub(super) fn cached_marker(speaker: Speaker) -> &'static [f32] {
    MARKERS.get(speaker as usize).map_or(&[], Vec::as_slice)
}

/// The marker at 8 kHz with its phase turned by a quarter: with both, a chirp is recognised at any phase, as it
/// arrives when it was delayed by a fraction of a sample.
pub(super) fn cached_turned_marker(speaker: Speaker) -> &'static [f32] {
    TURNED_MARKERS.get(speaker as usize).map_or(&[], Vec::as_slice)
}

/// One period of a symbol at `factor` times 8 kHz, of level [`LEVEL`].
pub(super) fn period(speaker: Speaker, code: usize, factor: usize) -> Vec<f32> {
    let length = speaker.period() * factor;
    let pitch = super::SAMPLE_RATE as f32 / speaker.period() as f32;
    let formants = [FIRST_HARMONIC + code % CHOICES, FIRST_HARMONIC + CHOICES + code / CHOICES];
    let highest = (HIGHEST / pitch) as usize;
    let mut table = vec![0.0_f32; length];
    for harmonic in 1..=highest {
        let amplitude = 10_f32.powf(gain(harmonic, formants) / 20.0);
        // These phases spread the energy evenly over the period, so that mu-law sees a steady level.
        let phase = PI * (harmonic * harmonic) as f32 / highest as f32;
        for (index, sample) in table.iter_mut().enumerate() {
            *sample += amplitude * (TAU * (harmonic * index) as f32 / length as f32 - phase).sin();
        }
    }
    let level = (table.iter().map(|sample| sample * sample).sum::<f32>() / length as f32).sqrt();
    table.iter_mut().for_each(|sample| *sample *= LEVEL / level);
    table
}

fn gain(harmonic: usize, formants: [usize; 2]) -> f32 {
    let nearest = formants.iter().map(|formant| formant.abs_diff(harmonic)).min().unwrap_or(usize::MAX);
    let bump = match nearest {
        0 => 0.0,
        1 => NEIGHBOUR,
        _ => FLOOR,
    };
    bump + TILT * (harmonic as f32).log2()
}

/// The chirp that begins a word, at `factor` times 8 kHz.
pub(super) fn marker(speaker: Speaker, factor: usize) -> Vec<f32> {
    chirp(speaker, factor, 0.0)
}

fn chirp(speaker: Speaker, factor: usize, start: f32) -> Vec<f32> {
    let length = MARKER * factor;
    let rate = (super::SAMPLE_RATE as usize * factor) as f32;
    let mut phase = start;
    (0..length)
        .map(|index| {
            let place = index as f32 / length as f32;
            let sample = 2.0 * MARKER_SHARE * LEVEL * (PI * place).sin() * phase.sin();
            phase += TAU * sweep(speaker, place) / rate;
            sample
        })
        .collect()
}

/// The chirp's frequency in Hz at `place`, 0 to 1.
fn sweep(speaker: Speaker, place: f32) -> f32 {
    match speaker {
        Speaker::Low => 500.0 + 2_200.0 * place,
        Speaker::Middle => 2_700.0 - 2_200.0 * place,
        Speaker::High => 500.0 + 4_400.0 * (0.5 - (place - 0.5).abs()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markers_of_different_voices_do_not_resemble_each_other() {
        for one in Speaker::ALL {
            for other in Speaker::ALL {
                let (a, b) = (cached_marker(one), cached_marker(other));
                let power: f32 = a.iter().map(|x| x * x).sum();
                let best = (0..MARKER)
                    .map(|shift| a.iter().skip(shift).zip(b).map(|(x, y)| x * y).sum::<f32>().abs() / power)
                    .fold(0.0, f32::max);
                assert_eq!(best > 0.6, one == other, "{one:?} {other:?} {best}");
            }
        }
    }

    #[test]
    fn the_marker_has_the_energy_it_should_have() {
        for speaker in Speaker::ALL {
            let energy: f32 = cached_marker(speaker).iter().map(|x| x * x).sum();
            assert!((energy / MARKER_ENERGY - 1.0).abs() < 0.02, "{energy}");
        }
    }

    #[test]
    fn every_symbol_is_equally_loud() {
        for speaker in Speaker::ALL {
            for code in 0..CODES {
                let table = cached_period(speaker, code);
                let level = (table.iter().map(|x| x * x).sum::<f32>() / table.len() as f32).sqrt();
                assert!((level - LEVEL).abs() < 1e-3);
            }
        }
    }
}
