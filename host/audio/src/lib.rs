//! Telephone audio: G.711, resampling, framing, voice activity, keypad tones.
//!
//! Everything here is a pure function or a small struct: no clocks, no I/O, no allocation per 20 ms frame. Linear
//! audio is 16-bit mono; one carrier frame is [`FRAME_SAMPLES`] samples at [`SAMPLE_RATE`].

pub mod dtmf;
pub mod framer;
pub mod g711;
pub mod level;
pub mod resample;
pub mod vad;

/// Samples per second on a telephone line (G.711).
pub const SAMPLE_RATE: u32 = 8_000;

/// Samples, and G.711 bytes, in one 20 ms carrier frame.
pub const FRAME_SAMPLES: usize = 160;
