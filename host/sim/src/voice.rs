//! A simulated voice: words as audible, speech-like sound, decodable from the telephone audio that really arrived.
//!
//! A simulated call is only worth something when words travel as audio: then a lost frame, a late `clear` or a mixed-up
//! buffer is heard, as it would be by a person. So this voice speaks at human speed, ordinary voice detectors take it
//! for speech, and the decoder never guesses: a character whose sound was damaged comes out as [`DAMAGED`].
//!
//! One word, from left to right:
//!
//! ```text
//!  silence   marker   one symbol for each character         checksum symbol
//!  30 ms     20 ms    52.5 ms each                          52.5 ms
//! ```
//!
//! - A *symbol* is a stretch of a harmonic tone (a glottis at the speaker's pitch) in which one of ten low and one of
//!   ten high harmonics stand out, as the first two formants of a vowel do: 100 combinations, 94 printable characters.
//! - The *marker* is a short chirp (a consonant's burst). Its correlation gives the decoder the start of the word to the
//!   sample, and tells which of the [`Speaker`]s is speaking.
//! - The *checksum* symbol says that the word is complete, and is right only for these characters in this order.
//!
//! How damage is noticed: a symbol is measured in three windows, which must agree; a hole in the tone is a hole; a frame
//! that is missing shifts what follows, so that windows straddle symbols and the word ends off the grid.

mod alphabet;
mod decode;
mod encode;
mod sound;
mod spectrum;

pub use alphabet::{DAMAGED, plain};
pub use decode::{Decoder, Ending, Heard};
pub use encode::{Span, Utterance, speak, speak_at};

/// Samples per second of the telephone line.
pub const SAMPLE_RATE: u32 = audio::SAMPLE_RATE;

/// Silence before a word: long enough that a lost 20 ms frame leaves some of it, and that the words stand out from a
/// noise floor as people's do, whose speech is never as even as this one's.
const GAP: usize = 640;

/// The chirp that begins a word.
const MARKER: usize = 160;

/// One symbol. Not a multiple of a frame or of a part of one, so that lost frames leave the grid.
const SYMBOL: usize = 420;

/// Whose voice it is: the pitch, and the chirp that goes with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Speaker {
    /// 111 Hz.
    Low,
    /// 125 Hz.
    Middle,
    /// 143 Hz.
    High,
}

impl Speaker {
    /// All voices.
    pub const ALL: [Self; 3] = [Self::Low, Self::Middle, Self::High];

    /// Samples of one period of the glottis at 8 kHz. Whole numbers, so that a window of two periods separates the
    /// harmonics perfectly.
    const fn period(self) -> usize {
        match self {
            Self::Low => 72,
            Self::Middle => 64,
            Self::High => 56,
        }
    }
}
