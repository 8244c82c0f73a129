//! Voice activity over telephone audio: coded, framed, any chunking.
#![cfg(test)]

use audio::g711::{ulaw_decode, ulaw_encode};
use audio::vad::Vad;

#[test]
fn silence_and_line_noise_are_not_speech() {
    assert!(highest(&[0; 16_000]) < 0.5);
    let mut state = 1_u32;
    let hiss: Vec<i16> = std::iter::repeat_with(|| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        ((state >> 16) as i16) / 200
    })
    .take(16_000)
    .collect();
    assert!(highest(&hiss) < 0.5);
}

#[test]
fn syllables_are_speech_and_the_pause_after_them_is_not() {
    let mut vad = Vad::new();
    let spoken = syllables(8_000);
    let during: Vec<f32> = spoken.chunks(160).map(|frame| vad.push(frame)).collect();
    let loud = during.iter().filter(|probability| **probability >= 0.5).count();
    assert!(loud * 2 > during.len(), "{during:?}");
    let after: Vec<f32> = [0; 4_000].chunks(160).map(|frame| vad.push(frame)).collect();
    assert!(*after.last().unwrap() < 0.3, "{after:?}");
}

#[test]
fn the_probability_does_not_depend_on_how_the_audio_is_cut() {
    let spoken = syllables(8_000);
    let mut whole = Vad::new();
    let expected = whole.push(&spoken);
    for size in [1, 7, 80, 160, 400] {
        let mut pieces = Vad::new();
        spoken.chunks(size).for_each(|frame| {
            pieces.push(frame);
        });
        assert_eq!(pieces.probability(), expected, "chunks of {size}");
    }
}

#[test]
fn speech_after_a_long_quiet_line_is_noticed_as_fast_as_at_once() {
    let spoken = syllables(8_000);
    let onset = |vad: &mut Vad| spoken.chunks(160).position(|frame| vad.push(frame) >= 0.5).unwrap();
    let at_once = onset(&mut Vad::new());
    let mut waited = Vad::new();
    [4_i16; 80_000].chunks(160).for_each(|frame| {
        waited.push(frame);
    });
    assert_eq!(waited.probability(), 0.0);
    assert!(onset(&mut waited) <= at_once + 1);
}

#[test]
fn reset_forgets_the_call_before() {
    let spoken = syllables(8_000);
    let mut used = Vad::new();
    used.push(&spoken);
    used.reset();
    assert_eq!(used.probability(), 0.0);
    assert_eq!(used.push(&spoken), Vad::new().push(&spoken));
}

#[test]
fn steady_noise_of_any_colour_is_not_speech() {
    let white = hiss(80_000);
    let mut low = 0.0;
    let brown: Vec<f64> = white
        .iter()
        .map(|sample| {
            low = 0.95 * low + sample;
            low
        })
        .collect();
    for (name, noise) in [("white", white), ("brown", brown)] {
        assert_eq!(voiced_after_two_seconds(&line(&noise, 1_000.0)), 0, "{name}");
    }
}

#[test]
fn ringing_keys_hum_and_held_chords_are_not_speech() {
    let cases: [(&str, &[f64]); 5] = [
        ("ring-back", &[425.0]),
        ("ring-back of two tones", &[440.0, 480.0]),
        ("a key held", &[770.0, 1_336.0]),
        ("hum", &[50.0, 100.0, 150.0, 250.0]),
        ("a chord", &[220.0, 277.2, 329.6, 440.0, 554.4, 659.3, 880.0, 1_108.7, 1_318.5]),
    ];
    for (name, frequencies) in cases {
        let wave = |n: u32| {
            let angle = std::f64::consts::TAU * f64::from(n) / 8_000.0;
            frequencies.iter().map(|frequency| (angle * frequency).sin()).sum()
        };
        let sound: Vec<f64> = (0..80_000).map(wave).collect();
        assert_eq!(voiced_after_two_seconds(&line(&sound, 3_000.0)), 0, "{name}");
    }
}

#[test]
fn speech_that_stands_out_of_noise_is_speech() {
    let noise = line(&hiss(48_000), 300.0);
    let spoken = syllables(16_000);
    let mixed: Vec<i16> = noise
        .iter()
        .enumerate()
        .map(|(n, sample)| {
            let voice = n.checked_sub(32_000).and_then(|n| spoken.get(n)).copied().unwrap_or_default();
            ulaw_decode(ulaw_encode(sample.saturating_add(voice)))
        })
        .collect();
    let mut vad = Vad::new();
    let voiced: Vec<bool> = mixed.chunks(160).map(|frame| vad.push(frame) >= 0.5).collect();
    let count = |frames: &[bool]| frames.iter().filter(|voiced| **voiced).count();
    assert_eq!(count(&voiced[100..200]), 0);
    assert!(count(&voiced[200..]) >= 40, "{voiced:?}");
}

/// Noise with a deviation of about 1.
fn hiss(samples: usize) -> Vec<f64> {
    let mut state = 1_u32;
    let mut even = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        f64::from(state >> 8) / f64::from(1 << 24)
    };
    (0..samples).map(|_| (0..12).map(|_| even()).sum::<f64>() - 6.0).collect()
}

/// `sound` at a root mean square of `level`, mu-law coded.
fn line(sound: &[f64], level: f64) -> Vec<i16> {
    let rms = (sound.iter().map(|sample| sample * sample).sum::<f64>() / sound.len() as f64).sqrt();
    sound.iter().map(|sample| ulaw_decode(ulaw_encode((sample / rms * level) as i16))).collect()
}

/// Frames of 20 ms that pass for speech once the noise floor can be known.
fn voiced_after_two_seconds(samples: &[i16]) -> usize {
    let mut vad = Vad::new();
    let frames: Vec<f32> = samples.chunks(160).map(|frame| vad.push(frame)).collect();
    frames.iter().skip(110).filter(|probability| **probability >= 0.5).count()
}

fn highest(samples: &[i16]) -> f32 {
    let mut vad = Vad::new();
    samples.chunks(160).map(|frame| vad.push(frame)).fold(0.0, f32::max)
}

/// A crude vowel synthesiser: a pulse train through three formant resonators, five syllables a second, mu-law coded.
fn syllables(samples: usize) -> Vec<i16> {
    let mut resonators =
        [Resonator::new(650.0, 80.0), Resonator::new(1_150.0, 100.0), Resonator::new(2_450.0, 140.0)];
    let mut phase = 0.0_f64;
    (0..samples)
        .map(|n| {
            let seconds = n as f64 / 8_000.0;
            phase += (120.0 + 18.0 * (std::f64::consts::TAU * 2.0 * seconds).sin()) / 8_000.0;
            let pulse = if phase >= 1.0 { 1.0 } else { 0.0 };
            phase -= phase.floor();
            let envelope = (std::f64::consts::PI * 5.0 * seconds).sin().powi(2);
            let voiced: f64 = resonators.iter_mut().map(|resonator| resonator.feed(pulse)).sum();
            ulaw_decode(ulaw_encode((voiced * envelope * 9_000.0) as i16))
        })
        .collect()
}

struct Resonator {
    feedback: [f64; 2],
    gain: f64,
    state: [f64; 2],
}

impl Resonator {
    fn new(frequency: f64, bandwidth: f64) -> Self {
        let radius = (-std::f64::consts::PI * bandwidth / 8_000.0).exp();
        let angle = std::f64::consts::TAU * frequency / 8_000.0;
        Self { feedback: [2.0 * radius * angle.cos(), -radius * radius], gain: 1.0 - radius, state: [0.0; 2] }
    }

    fn feed(&mut self, input: f64) -> f64 {
        let [first, second] = self.state;
        let output = self.gain * input * 8.0 + self.feedback[0] * first + self.feedback[1] * second;
        self.state = [output, first];
        output
    }
}
