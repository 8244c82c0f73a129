//! The level of G.711 audio.

use crate::config::Encoding;

/// Root mean square of the samples, 0 to 1 of full scale, by every third of them: that
/// tells the level of speech within a decibel, for a third of the time.
pub(crate) fn level(encoding: Encoding, samples: &[u8]) -> f32 {
    let squares = match encoding {
        Encoding::Mulaw => &MULAW,
        Encoding::Alaw => &ALAW,
    };
    let square = |sample: &u8| u64::from(squares.get(usize::from(*sample)).copied().unwrap_or(0));
    let sum: u64 = samples.iter().step_by(STEP).map(square).sum();
    if samples.is_empty() {
        return 0.0;
    }
    (sum as f32 / samples.len().div_ceil(STEP) as f32).sqrt() / FULL_SCALE
}

const STEP: usize = 3;
/// A 16 bit sample's.
const FULL_SCALE: f32 = 32_768.0;

/// The squares of all samples of a coding.
macro_rules! table {
    ($magnitude:ident) => {{
        let mut table = [0; 256];
        let mut rest: &mut [u32] = &mut table;
        let mut code = 0;
        while let Some((square, after)) = rest.split_first_mut() {
            *square = $magnitude(code) * $magnitude(code);
            code = code.wrapping_add(1);
            rest = after;
        }
        table
    }};
}

static MULAW: [u32; 256] = table!(mulaw);
static ALAW: [u32; 256] = table!(alaw);

/// The magnitude of a mu-law sample as a 16 bit one (ITU-T G.711).
const fn mulaw(code: u8) -> u32 {
    let (exponent, mantissa) = parts(!code);
    (((mantissa << 3) + BIAS) << exponent) - BIAS
}

/// The magnitude of an A-law sample as a 16 bit one (ITU-T G.711).
const fn alaw(code: u8) -> u32 {
    let (exponent, mantissa) = parts(code ^ 0x55);
    if exponent == 0 { (mantissa << 4) + 8 } else { ((mantissa << 4) + 0x108) << (exponent - 1) }
}

const fn parts(code: u8) -> (u32, u32) {
    (((code >> 4) & 7) as u32, (code & 0x0F) as u32)
}

/// What mu-law adds to a sample before its logarithm, on a scale of 16 bits.
const BIAS: u32 = 0x84;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn silence_has_no_level() {
        assert_eq!(level(Encoding::Mulaw, &[0xFF; 160]), 0.0);
        assert!(level(Encoding::Alaw, &[0xD5; 160]) < 0.001);
        assert_eq!(level(Encoding::Mulaw, &[]), 0.0);
    }

    #[test]
    fn the_loudest_samples_are_nearly_full_scale() {
        for (encoding, loudest, magnitude) in
            [(Encoding::Mulaw, [0x00, 0x80], 32_124.0), (Encoding::Alaw, [0x2A, 0xAA], 32_256.0)]
        {
            assert!((level(encoding, &loudest) - magnitude / FULL_SCALE).abs() < 1e-5, "{encoding:?}");
        }
    }

    #[test]
    fn halving_the_samples_halves_the_level() {
        // 0x80 is 32124 and 0x90 is 15996.
        let half = level(Encoding::Mulaw, &[0x90; 160]) / level(Encoding::Mulaw, &[0x80; 160]);
        assert!((half - 0.498).abs() < 0.001, "{half}");
    }

    #[test]
    fn the_level_is_the_root_of_the_mean_square() {
        let mut samples = [0xFF; 24];
        samples[..6].fill(0x80);
        let mixed = level(Encoding::Mulaw, &samples);
        assert!((mixed - 32_124.0 / FULL_SCALE / 2.0).abs() < 1e-5, "{mixed}");
    }
}
