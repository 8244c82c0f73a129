//! G.711 companding: mu-law (PCMU) and A-law (PCMA) to and from 16-bit linear samples.
//!
//! Arithmetic instead of tables: the loops have no bounds checks and no cache footprint, and a frame of 160 samples
//! costs less than a table walk would save.

/// The mu-law byte of digital silence. 0x00 is full-scale negative and is heard as a loud burst.
pub const ULAW_SILENCE: u8 = 0xFF;

/// The A-law byte nearest to silence: A-law has no exact zero, this one is +8.
pub const ALAW_SILENCE: u8 = 0xD5;

/// Added to the magnitude before mu-law segmentation (G.711 with 16-bit samples).
const ULAW_BIAS: u16 = 132;

/// Largest magnitude that the bias leaves inside 15 bits.
const ULAW_CLIP: u16 = 32_635;

/// A-law flips every other bit on the wire, so that silence carries transitions.
const ALAW_MASK: u8 = 0x55;

/// Encodes one linear sample as mu-law. Zero becomes 0xFF, never the negative zero 0x7F.
#[must_use]
pub fn ulaw_encode(sample: i16) -> u8 {
    let sign = if sample < 0 { 0x80 } else { 0 };
    let magnitude = sample.unsigned_abs().min(ULAW_CLIP) + ULAW_BIAS;
    let segment = 8 - magnitude.leading_zeros().min(8);
    let step = (magnitude >> (segment + 3)) as u8 & 0x0F;
    !(sign | (segment as u8) << 4 | step)
}

/// Decodes one mu-law byte to a linear sample, always a multiple of 4.
#[must_use]
pub fn ulaw_decode(byte: u8) -> i16 {
    let code = !byte;
    let segment = (code >> 4) & 0x07;
    let step = i16::from(code & 0x0F);
    let magnitude = (((step << 3) + ULAW_BIAS as i16) << segment) - ULAW_BIAS as i16;
    if code & 0x80 == 0 { magnitude } else { -magnitude }
}

/// Encodes one linear sample as A-law.
#[must_use]
pub fn alaw_encode(sample: i16) -> u8 {
    let (sign, magnitude) = if sample < 0 { (0, !sample as u16) } else { (0x80, sample as u16) };
    let code = if magnitude < 256 {
        (magnitude >> 4) as u8
    } else {
        let segment = 8 - magnitude.leading_zeros().min(8);
        (segment as u8) << 4 | ((magnitude >> (segment + 3)) as u8 & 0x0F)
    };
    (sign | code) ^ ALAW_MASK
}

/// Decodes one A-law byte to a linear sample.
#[must_use]
pub fn alaw_decode(byte: u8) -> i16 {
    let code = byte ^ ALAW_MASK;
    let segment = (code >> 4) & 0x07;
    let step = i16::from(code & 0x0F) << 4;
    let magnitude = if segment == 0 { step + 8 } else { (step + 0x108) << (segment - 1) };
    if code & 0x80 == 0 { -magnitude } else { magnitude }
}

/// Appends the mu-law bytes of `samples` to `output`.
pub fn ulaw_encode_into(samples: &[i16], output: &mut Vec<u8>) {
    output.extend(samples.iter().map(|sample| ulaw_encode(*sample)));
}

/// Appends the linear samples of mu-law `bytes` to `output`.
pub fn ulaw_decode_into(bytes: &[u8], output: &mut Vec<i16>) {
    output.extend(bytes.iter().map(|byte| ulaw_decode(*byte)));
}

/// Appends the A-law bytes of `samples` to `output`.
pub fn alaw_encode_into(samples: &[i16], output: &mut Vec<u8>) {
    output.extend(samples.iter().map(|sample| alaw_encode(*sample)));
}

/// Appends the linear samples of A-law `bytes` to `output`.
pub fn alaw_decode_into(bytes: &[u8], output: &mut Vec<i16>) {
    output.extend(bytes.iter().map(|byte| alaw_decode(*byte)));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn alaw_extremes_and_silence_are_those_of_the_standard() {
        assert_eq!(alaw_decode(0xD5), 8);
        assert_eq!(alaw_decode(0x55), -8);
        assert_eq!(alaw_decode(0xAA), 32_256);
        assert_eq!(alaw_decode(0x2A), -32_256);
        assert_eq!(alaw_encode(0), ALAW_SILENCE);
    }

    #[test]
    fn every_alaw_byte_survives_a_round_trip() {
        for byte in 0..=u8::MAX {
            assert_eq!(alaw_encode(alaw_decode(byte)), byte);
        }
    }

    #[test]
    fn coding_error_stays_within_one_quantisation_step_for_every_sample() {
        for sample in i16::MIN..=i16::MAX {
            let magnitude = i32::from(sample).abs();
            let ulaw_error = (i32::from(ulaw_decode(ulaw_encode(sample))) - i32::from(sample)).abs();
            assert!(ulaw_error <= 4 + magnitude / 16 + (magnitude - 32_124).max(0), "mu-law {sample}");
            let alaw_error = (i32::from(alaw_decode(alaw_encode(sample))) - i32::from(sample)).abs();
            assert!(alaw_error <= 16 + magnitude / 16, "A-law {sample}");
        }
    }

    #[test]
    fn coding_never_reverses_the_order_of_two_samples() {
        for sample in i16::MIN..i16::MAX {
            assert!(ulaw_decode(ulaw_encode(sample)) <= ulaw_decode(ulaw_encode(sample + 1)));
            assert!(alaw_decode(alaw_encode(sample)) <= alaw_decode(alaw_encode(sample + 1)));
        }
    }
}
