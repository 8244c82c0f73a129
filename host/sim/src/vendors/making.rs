//! Speech as a synthesiser makes it: piece by piece, with marks of what is said where.

use std::collections::VecDeque;
use std::time::Duration;

use crate::voice::Speaker;

/// How much audio one piece holds.
pub(super) const PIECE: Duration = Duration::from_millis(100);

/// Speech that is being made: the rest of its audio, and of its marks, each with the sample at which it begins.
#[derive(Debug)]
pub(super) struct Making<M> {
    samples: VecDeque<i16>,
    marks: VecDeque<(usize, M)>,
    made: usize,
}

/// A piece of speech.
#[derive(Debug)]
pub(super) struct Piece<M> {
    /// Its audio.
    pub(super) samples: Vec<i16>,
    /// What begins in it.
    pub(super) marks: Vec<M>,
    /// The sample of the speech at which it begins.
    pub(super) from: usize,
}

impl<M> Making<M> {
    /// Begins; nothing where there is nothing to say.
    pub(super) fn begin(samples: Vec<i16>, marks: impl IntoIterator<Item = (usize, M)>) -> Option<Self> {
        (!samples.is_empty()).then(|| Self {
            samples: samples.into(),
            marks: marks.into_iter().collect(),
            made: 0,
        })
    }

    /// The next piece at `sample_rate`.
    pub(super) fn next(&mut self, sample_rate: u32) -> Piece<M> {
        let size = (PIECE.as_millis() as usize * sample_rate as usize) / 1_000;
        let samples: Vec<i16> = self.samples.drain(..size.min(self.samples.len())).collect();
        let from = self.made;
        self.made += samples.len();
        let begun = self.marks.iter().take_while(|(start, _)| *start < self.made).count();
        let marks = self.marks.drain(..begun).map(|(_, mark)| mark).collect();
        Piece { samples, marks, from }
    }

    /// Samples made so far.
    pub(super) fn made(&self) -> usize {
        self.made
    }

    /// Whether all is made.
    pub(super) fn is_over(&self) -> bool {
        self.samples.is_empty()
    }
}

/// The simulated voice for the voice that was asked for.
pub(super) fn speaker(voice: &str) -> Speaker {
    let voice = voice.to_lowercase();
    if voice.contains("low") {
        Speaker::Low
    } else if voice.contains("middle") {
        Speaker::Middle
    } else {
        Speaker::High
    }
}

/// Audio as bytes: mu-law, or 16-bit little-endian.
pub(super) fn encode(samples: &[i16], mulaw: bool) -> Vec<u8> {
    if mulaw {
        samples.iter().map(|sample| audio::g711::ulaw_encode(*sample)).collect()
    } else {
        samples.iter().flat_map(|sample| sample.to_le_bytes()).collect()
    }
}
