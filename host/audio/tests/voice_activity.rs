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
