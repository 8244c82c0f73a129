//! Audio as it arrives, as the line's mu-law.

use super::query::Encoding;

/// Turns pieces of audio, which may cut a sample in two, into mu-law.
#[derive(Debug)]
pub(super) struct Intake {
    encoding: Encoding,
    odd_byte: Option<u8>,
}

impl Intake {
    pub(super) fn new(encoding: Encoding) -> Self {
        Self { encoding, odd_byte: None }
    }

    pub(super) fn take(&mut self, audio: &[u8]) -> Vec<u8> {
        if self.encoding == Encoding::Mulaw {
            return audio.to_vec();
        }
        let bytes: Vec<u8> = self.odd_byte.take().into_iter().chain(audio.iter().copied()).collect();
        let (pairs, rest) = bytes.as_chunks::<2>();
        self.odd_byte = rest.first().copied();
        pairs.iter().map(|pair| audio::g711::ulaw_encode(i16::from_le_bytes(*pair))).collect()
    }
}
