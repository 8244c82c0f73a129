//! How signatures and keys are written. Each value has exactly one spelling that is read.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// The bytes that `text` stands for in base64: standard alphabet, padded, no stray bits.
pub(crate) fn base64(text: &str) -> Option<Vec<u8>> {
    STANDARD.decode(text).ok()
}

/// The bytes that `text` stands for in lower-case hexadecimal digits.
pub(crate) fn hex(text: &str) -> Option<Vec<u8>> {
    let pairs = text.as_bytes().chunks_exact(2);
    if !pairs.remainder().is_empty() {
        return None;
    }
    pairs.map(|pair| pair.iter().try_fold(0, |value, byte| Some(value << 4 | digit(*byte)?))).collect()
}

fn digit(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    }
}

/// `bytes` in lower-case hexadecimal digits.
pub(crate) fn lower_case_hex(bytes: &[u8]) -> String {
    let nibbles = bytes.iter().flat_map(|byte| [byte >> 4, byte & 0xf]);
    nibbles.filter_map(|nibble| char::from_digit(nibble.into(), 16)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn only_one_spelling_is_read() {
        assert_eq!(hex("00ff1a"), Some(vec![0, 255, 26]));
        assert_eq!(hex(""), Some(Vec::new()));
        for wrong in ["0", "00f", "FF", "0x00", " 00", "zz", "é"] {
            assert_eq!(hex(wrong), None, "{wrong}");
        }
        assert_eq!(base64("AA=="), Some(vec![0]));
        for wrong in ["AA", "AB==", "AA==\n", "A-_=", "===="] {
            assert_eq!(base64(wrong), None, "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn hexadecimal_digits_are_read_back(bytes: Vec<u8>) {
            prop_assert_eq!(hex(&lower_case_hex(&bytes)), Some(bytes));
        }
    }
}
