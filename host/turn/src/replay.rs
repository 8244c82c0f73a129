//! A call on record: what went in, when, and what came out; and the same call again.
//!
//! The core has no clock and no randomness, so a recording of its inputs is the call. A
//! [`Recorder`] stands where the [`Call`](crate::Call) stood and writes a line for every
//! step; [`replay`] feeds the steps to the core of today and finds the first output that
//! is another one.
//!
//! A recording is JSON lines in UTF-8. The first names the format and holds what the call
//! was made of, and each line after it is one step:
//!
//! ```text
//! {"format":"voicehive-call-recording","version":1,"core":"0.1.0","t":0,"config":{…},"context":{…},"out":[…]}
//! {"t":40000,"in":{"carrier":{"started":{"stream":"MZ1"}}},"out":[{"emit":{…}},{"speak":{…}}]}
//! {"t":60000,"f":[20000,0.019999999552965164,0.10000000149011612]}
//! {"t":5000000,"in":null,"out":["finalize_stt"]}
//! {"lost":3}
//! ```
//!
//! - `t`: the time of the step in microseconds of the call; `ns`, where it is there: the
//!   nanoseconds beyond.
//! - `in`: the input; `null`: a timeout. A mood also has `x`: its score and confidence.
//! - `f`: a frame of the caller's audio instead of `in`: microseconds (and `fns`
//!   nanoseconds beyond), probability of speech, level. Nearly all lines are such frames.
//! - `out`: what came of the step, in order; absent: nothing.
//! - `lost`: so many lines are missing here.
//!
//! Numbers of frames and moods are exact: finite ones are decimals of double precision,
//! others the eight hexadecimal digits of their bits, in quotes.
//!
//! A recording holds everything that was said in the call, and the agent's instructions.
//! Whoever keeps it keeps personal data.

mod line;
mod player;
mod recorder;
mod report;

pub use player::{Replayed, replay, replay_with};
pub use recorder::Recorder;
pub use report::{Difference, ReplayError, Report};

/// What the first line of a recording says of itself.
pub const RECORDING_FORMAT: &str = "voicehive-call-recording";

/// The version of the format that is written and read.
pub const RECORDING_VERSION: u32 = 1;

/// The longest line that is read, in bytes: far more than the longest input, a minute of
/// audio, and than a first line with all its prerecorded audio.
pub const MAX_LINE_BYTES: usize = 16 * 1024 * 1024;
