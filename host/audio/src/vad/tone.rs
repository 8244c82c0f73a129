//! Tones: dialling, ringing, busy, keys. One or two steady sinusoids, which no voice is.

/// Share of the energy that may be something else than two sinusoids: -28 dB. Mu-law leaves -35 dB.
const IMPURITY: f32 = 0.0015;

/// Windows in a row that the two sinusoids of the one before must explain: with that, 80 ms. A nasal or a dark vowel is
/// as pure for a window or two.
const STEADY: u8 = 4;

/// One sinusoid solves the recurrence in many ways; a ridge of 0.02 % picks a small one.
const RIDGE: f32 = 1.0002;

/// Samples between the points compared. The recurrence holds for any number; with neighbours every sound without high
/// frequencies would be predictable, dark vowels among them.
const STRIDE: usize = 3;

/// Finds windows that continue a steady tone.
///
/// A sum of two sinusoids obeys x(n) + x(n-4s) = a (x(n-s) + x(n-3s)) + b x(n-2s) whatever its phases and amplitudes. Least
/// squares over one window give a and b, which stand for the two frequencies. A tone obeys them in the next window too;
/// a voice, whose pitch glides and whose spectrum has many lines, leaves much unexplained.
#[derive(Debug, Clone, Default)]
pub(super) struct ToneGate {
    last: Shape,
    steady: u8,
}

/// What stands for two frequencies.
#[derive(Debug, Clone, Copy, Default)]
struct Shape {
    a: f32,
    b: f32,
}

impl ToneGate {
    /// Takes the next window and says whether it continues a tone.
    pub(super) fn push(&mut self, window: &[i16]) -> bool {
        let sums = Sums::of(window);
        let goes_on = sums.unexplained(self.last) < IMPURITY;
        self.last = sums.solve();
        self.steady = if goes_on { self.steady.saturating_add(1) } else { 0 };
        self.steady >= STEADY
    }
}

/// Products of y = x(n) + x(n-4s), p = x(n-s) + x(n-3s) and q = x(n-2s), summed over a window.
#[derive(Default)]
struct Sums {
    pp: f32,
    pq: f32,
    qq: f32,
    py: f32,
    qy: f32,
    yy: f32,
}

impl Sums {
    fn of(window: &[i16]) -> Self {
        let mut sums = Self::default();
        let from = |lag: usize| window.iter().skip(lag * STRIDE).map(|sample| f32::from(*sample));
        let lags = from(0).zip(from(1)).zip(from(2)).zip(from(3)).zip(from(4));
        for ((((first, second), third), fourth), fifth) in lags {
            let (y, p, q) = (first + fifth, second + fourth, third);
            sums.pp += p * p;
            sums.pq += p * q;
            sums.qq += q * q;
            sums.py += p * y;
            sums.qy += q * y;
            sums.yy += y * y;
        }
        sums
    }

    fn solve(&self) -> Shape {
        let (pp, qq) = (self.pp * RIDGE, self.qq * RIDGE);
        let determinant = pp * qq - self.pq * self.pq;
        if determinant <= 0.0 {
            return Shape::default();
        }
        Shape {
            a: (self.py * qq - self.qy * self.pq) / determinant,
            b: (self.qy * pp - self.py * self.pq) / determinant,
        }
    }

    /// What the recurrence leaves over, as the share of white noise in the energy that would leave as much.
    fn unexplained(&self, Shape { a, b }: Shape) -> f32 {
        let left = self.yy - 2.0 * (a * self.py + b * self.qy)
            + a * a * self.pp
            + 2.0 * a * b * self.pq
            + b * b * self.qq;
        let energy = self.qq * (2.0 + 2.0 * a * a + b * b);
        if energy > 0.0 { left / energy } else { 1.0 }
    }
}

#[cfg(test)]
mod tests {
    use std::f64::consts::TAU;

    use super::*;
    use crate::g711::{ulaw_decode, ulaw_encode};

    #[test]
    fn one_tone_and_two_are_known_after_80_ms_through_a_mu_law_line() {
        let cases: [&[f64]; 5] =
            [&[425.0], &[440.0, 480.0], &[1_100.0], &[697.0, 1_209.0], &[941.0, 1_633.0]];
        for frequencies in cases {
            let mut gate = ToneGate::default();
            let found: Vec<bool> =
                line(frequencies, 0.0).chunks_exact(128).map(|window| gate.push(window)).collect();
            assert!(found.iter().skip(STEADY as usize).all(|found| *found), "{frequencies:?} {found:?}");
            assert!(!found.iter().take(STEADY as usize).any(|found| *found), "{frequencies:?}");
        }
    }

    #[test]
    fn a_buzz_with_harmonics_level_or_gliding_and_silence_are_no_tones() {
        let buzz: Vec<f64> = (1..=10).map(|harmonic| 140.0 * f64::from(harmonic)).collect();
        for samples in [line(&buzz, 0.0), line(&buzz, 1.0), vec![0; 8_000]] {
            let mut gate = ToneGate::default();
            assert!(!samples.chunks_exact(128).any(|window| gate.push(window)));
        }
    }

    /// A second of sinusoids whose frequency grows `glide` octaves in it, mu-law coded.
    fn line(frequencies: &[f64], glide: f64) -> Vec<i16> {
        let mut phases = vec![0.0; frequencies.len()];
        (0..8_000)
            .map(|n| {
                let bend = 2_f64.powf(glide * f64::from(n) / 8_000.0);
                let wave: f64 = phases
                    .iter_mut()
                    .zip(frequencies)
                    .map(|(phase, frequency): (&mut f64, &f64)| {
                        *phase += TAU * frequency * bend / 8_000.0;
                        phase.sin()
                    })
                    .sum();
                ulaw_decode(ulaw_encode((6_000.0 * wave / frequencies.len() as f64) as i16))
            })
            .collect()
    }
}
