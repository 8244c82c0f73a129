//! Cuts a byte stream of any chunking into exact carrier frames.

use crate::FRAME_SAMPLES;
use crate::g711::ULAW_SILENCE;

/// One 20 ms frame of G.711 bytes.
pub type Frame = [u8; FRAME_SAMPLES];

/// Collects bytes and hands out whole frames; holds less than one frame between calls.
#[derive(Debug, Clone)]
pub struct Framer {
    pending: Frame,
    filled: usize,
    silence: u8,
}

impl Default for Framer {
    fn default() -> Self {
        Self::new(ULAW_SILENCE)
    }
}

impl Framer {
    /// Creates an empty framer that pads a last short frame with `silence`.
    #[must_use]
    pub fn new(silence: u8) -> Self {
        Self { pending: [silence; FRAME_SAMPLES], filled: 0, silence }
    }

    /// Bytes that wait for the rest of their frame, always fewer than a frame.
    #[must_use]
    pub fn pending(&self) -> usize {
        self.filled
    }

    /// Takes `bytes` and calls `each` with every frame that they complete, in order.
    pub fn push(&mut self, mut bytes: &[u8], mut each: impl FnMut(&Frame)) {
        if self.filled > 0 {
            bytes = self.top_up(bytes);
            if self.filled < FRAME_SAMPLES {
                return;
            }
            each(&self.pending);
            self.filled = 0;
        }
        let (frames, rest) = bytes.as_chunks::<FRAME_SAMPLES>();
        frames.iter().for_each(&mut each);
        self.top_up(rest);
    }

    /// Returns what is left, padded with silence, or nothing when no byte waits.
    pub fn flush(&mut self) -> Option<Frame> {
        if self.filled == 0 {
            return None;
        }
        let mut frame = self.pending;
        frame.iter_mut().skip(self.filled).for_each(|byte| *byte = self.silence);
        self.filled = 0;
        Some(frame)
    }

    /// Forgets what waits, as after a barge-in.
    pub fn clear(&mut self) {
        self.filled = 0;
    }

    fn top_up<'a>(&mut self, bytes: &'a [u8]) -> &'a [u8] {
        let room = FRAME_SAMPLES - self.filled;
        let (head, rest) = bytes.split_at(room.min(bytes.len()));
        for (slot, byte) in self.pending.iter_mut().skip(self.filled).zip(head) {
            *slot = *byte;
        }
        self.filled += head.len();
        rest
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn any_chunking_gives_the_same_frames(
            bytes in proptest::collection::vec(any::<u8>(), 0..2_000),
            cuts in proptest::collection::vec(1_usize..400, 1..40),
        ) {
            let mut framer = Framer::default();
            let mut output = Vec::new();
            let mut rest = bytes.as_slice();
            for cut in cuts.iter().cycle() {
                if rest.is_empty() {
                    break;
                }
                let (head, tail) = rest.split_at((*cut).min(rest.len()));
                framer.push(head, |frame| output.extend_from_slice(frame));
                prop_assert!(framer.pending() < FRAME_SAMPLES);
                rest = tail;
            }
            prop_assert_eq!(output.len() + framer.pending(), bytes.len());
            if let Some(last) = framer.flush() {
                output.extend_from_slice(&last);
            }
            prop_assert_eq!(output.len() % FRAME_SAMPLES, 0);
            let (head, padding) = output.split_at(bytes.len());
            prop_assert_eq!(head, bytes.as_slice());
            prop_assert!(padding.iter().all(|byte| *byte == ULAW_SILENCE));
        }
    }

    #[test]
    fn a_cleared_framer_has_nothing_to_flush() {
        let mut framer = Framer::default();
        framer.push(&[1; 159], |_| panic!("no frame is complete"));
        framer.clear();
        assert_eq!(framer.flush(), None);
    }
}
