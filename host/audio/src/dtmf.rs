//! Keypad tones: detection by Goertzel filters and generation, all sixteen digits, at 8 kHz.

use std::time::Duration;

use crate::SAMPLE_RATE;

/// The low tones of the keypad's rows, in hertz (ITU-T Q.23).
const ROWS: [f32; 4] = [697.0, 770.0, 852.0, 941.0];

/// The high tones of the keypad's columns, in hertz (ITU-T Q.23).
const COLUMNS: [f32; 4] = [1_209.0, 1_336.0, 1_477.0, 1_633.0];

const KEYPAD: [[char; 4]; 4] =
    [['1', '2', '3', 'A'], ['4', '5', '6', 'B'], ['7', '8', '9', 'C'], ['*', '0', '#', 'D']];

/// Samples per decision, 12.75 ms: short enough that a 40 ms digit, the shortest that Q.24 makes receivers accept,
/// fills two blocks wherever it starts; long enough to tell 697 Hz from 770 Hz.
const BLOCK: usize = 102;

/// Blocks in a row that must agree before a digit counts, and be silent before it may count again.
const CONFIRM: u8 = 2;

/// Mean square below which a block is too quiet to hold a digit: about 43 dB below full scale.
const QUIET: f32 = 5.0e4;

/// Share of a block's energy that its two tones must hold. Speech spreads its energy over harmonics.
const PURITY: f32 = 0.84;

/// How far a tone must stand above the others of its group, as a power ratio (8 dB).
const DOMINANCE: f32 = 6.3;

/// The column tone may be weaker than the row tone by 8 dB, and stronger by 4 dB (Q.24, twist), as power ratios.
const WEAKER_COLUMN: f32 = 6.3;
const STRONGER_COLUMN: f32 = 2.5;

/// Finds digits in a stream of linear samples.
#[derive(Debug, Clone)]
pub struct Detector {
    filters: [Goertzel; 8],
    energy: f32,
    filled: usize,
    candidate: Option<char>,
    agreeing: u8,
    reported: Option<char>,
}

impl Default for Detector {
    fn default() -> Self {
        Self::new()
    }
}

impl Detector {
    /// Creates a detector that has heard nothing.
    #[must_use]
    pub fn new() -> Self {
        let mut tones = ROWS.into_iter().chain(COLUMNS);
        Self {
            filters: std::array::from_fn(|_| Goertzel::new(tones.next().unwrap_or_default())),
            energy: 0.0,
            filled: 0,
            candidate: None,
            agreeing: 0,
            reported: None,
        }
    }

    /// Takes samples, any number of them, and calls `each` once per key press, as soon as it is certain.
    pub fn push(&mut self, samples: &[i16], mut each: impl FnMut(char)) {
        for sample in samples {
            let value = f32::from(*sample);
            self.energy += value * value;
            self.filters.iter_mut().for_each(|filter| filter.feed(value));
            self.filled += 1;
            if self.filled == BLOCK
                && let Some(digit) = self.finish_block()
            {
                each(digit);
            }
        }
    }

    fn finish_block(&mut self) -> Option<char> {
        let energy = std::mem::take(&mut self.energy);
        let powers = self.filters.each_mut().map(Goertzel::take_power);
        self.filled = 0;
        let digit = classify(powers, energy);
        if digit == self.candidate {
            self.agreeing = self.agreeing.saturating_add(1);
        } else {
            self.candidate = digit;
            self.agreeing = 1;
        }
        if self.agreeing < CONFIRM || self.reported == digit {
            return None;
        }
        self.reported = digit;
        digit
    }
}

/// Linear samples of the tone of `digit` at `amplitude` per tone (at most 16383), or nothing for another character.
#[must_use]
pub fn generate(digit: char, duration: Duration, amplitude: i16) -> Option<Vec<i16>> {
    let digit = digit.to_ascii_uppercase();
    let (row, column) = KEYPAD.iter().zip(ROWS).find_map(|(keys, row)| {
        keys.iter().zip(COLUMNS).find(|(key, _)| **key == digit).map(|(_, column)| (row, column))
    })?;
    let amplitude = f64::from(amplitude.clamp(0, i16::MAX / 2));
    let samples = duration.as_secs_f64() * f64::from(SAMPLE_RATE);
    let wave = |frequency: f32, n: u32| {
        (std::f64::consts::TAU * f64::from(frequency) * f64::from(n) / f64::from(SAMPLE_RATE)).sin()
    };
    Some((0..samples as u32).map(|n| (amplitude * (wave(row, n) + wave(column, n))) as i16).collect())
}

fn classify(powers: [f32; 8], energy: f32) -> Option<char> {
    if energy < QUIET * BLOCK as f32 {
        return None;
    }
    let (rows, columns) = powers.split_at(4);
    let (row, row_power) = dominant(rows)?;
    let (column, column_power) = dominant(columns)?;
    let balanced = row_power <= column_power * WEAKER_COLUMN && column_power <= row_power * STRONGER_COLUMN;
    // A tone alone in a block gives power = energy * BLOCK / 2.
    let pure = row_power + column_power >= PURITY * energy * BLOCK as f32 / 2.0;
    (balanced && pure).then(|| KEYPAD.get(row)?.get(column).copied())?
}

fn dominant(powers: &[f32]) -> Option<(usize, f32)> {
    let (best, power) = powers.iter().copied().enumerate().max_by(|a, b| a.1.total_cmp(&b.1))?;
    let alone = powers.iter().enumerate().all(|(index, other)| index == best || *other * DOMINANCE <= power);
    alone.then_some((best, power))
}

#[derive(Debug, Clone)]
struct Goertzel {
    coefficient: f32,
    last: f32,
    before: f32,
}

impl Goertzel {
    fn new(frequency: f32) -> Self {
        let coefficient = 2.0 * (std::f32::consts::TAU * frequency / SAMPLE_RATE as f32).cos();
        Self { coefficient, last: 0.0, before: 0.0 }
    }

    fn feed(&mut self, value: f32) {
        let next = value + self.coefficient * self.last - self.before;
        self.before = self.last;
        self.last = next;
    }

    fn take_power(&mut self) -> f32 {
        let power =
            self.last * self.last + self.before * self.before - self.coefficient * self.last * self.before;
        self.last = 0.0;
        self.before = 0.0;
        power
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::g711::{ulaw_decode, ulaw_encode};

    const PRESS: Duration = Duration::from_millis(60);

    #[test]
    fn every_digit_is_heard_once_through_a_mu_law_line() {
        for digit in KEYPAD.into_iter().flatten() {
            let line = through_the_line(&press(digit, PRESS, 6_000));
            assert_eq!(heard(&line), digit.to_string());
        }
    }

    #[test]
    fn the_same_key_pressed_twice_counts_twice_and_held_counts_once() {
        let twice = [press('5', PRESS, 6_000), press('5', PRESS, 6_000)].concat();
        assert_eq!(heard(&twice), "55");
        assert_eq!(heard(&press('5', Duration::from_secs(2), 6_000)), "5");
    }

    #[test]
    fn shortest_press_that_receivers_must_accept_is_heard_wherever_it_starts() {
        for offset in 0..BLOCK {
            let mut line = vec![0; offset];
            line.extend(press('8', Duration::from_millis(40), 6_000));
            assert_eq!(heard(&line), "8", "offset {offset}");
        }
    }

    #[test]
    fn presses_quiet_beyond_use_single_tones_and_blips_are_not_digits() {
        assert_eq!(heard(&press('1', PRESS, 150)), "");
        assert_eq!(heard(&press('1', Duration::from_millis(15), 6_000)), "");
        let single: Vec<i16> = (0..1_600).map(|n| (8_000.0 * (0.547 * f64::from(n)).sin()) as i16).collect();
        assert_eq!(heard(&single), "");
    }

    #[test]
    fn a_voiced_buzz_with_harmonics_is_not_a_digit() {
        for pitch in 80..260 {
            let buzz: Vec<i16> = (0..4_000)
                .map(|n| {
                    let phase = std::f64::consts::TAU * f64::from(pitch) * f64::from(n) / 8_000.0;
                    (1..=12).map(|k| 3_000.0 / f64::from(k) * (phase * f64::from(k)).sin()).sum::<f64>()
                        as i16
                })
                .collect();
            assert_eq!(heard(&buzz), "", "pitch {pitch}");
        }
    }

    #[test]
    fn letters_outside_the_keypad_have_no_tone() {
        assert_eq!(generate('E', PRESS, 6_000), None);
        assert_eq!(generate('a', PRESS, 6_000), generate('A', PRESS, 6_000));
    }

    proptest! {
        #[test]
        fn white_noise_is_never_a_digit(line in proptest::collection::vec(-8_000_i16..8_000, 4_000)) {
            prop_assert_eq!(heard(&line), "");
        }
    }

    fn press(digit: char, duration: Duration, amplitude: i16) -> Vec<i16> {
        let mut samples = generate(digit, duration, amplitude).unwrap();
        samples.extend(std::iter::repeat_n(0, 400));
        samples
    }

    fn through_the_line(samples: &[i16]) -> Vec<i16> {
        samples.iter().map(|sample| ulaw_decode(ulaw_encode(*sample))).collect()
    }

    fn heard(samples: &[i16]) -> String {
        let mut digits = String::new();
        let mut detector = Detector::new();
        samples.chunks(160).for_each(|frame| detector.push(frame, |digit| digits.push(digit)));
        digits
    }
}
