//! What a replay found.

use std::fmt;
use std::time::Duration;

use events::EndReason;
use serde::Serialize;

use super::{MAX_LINE_BYTES, RECORDING_VERSION};
use crate::{CallTime, ConfigError};

/// What a replay found.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Report {
    /// The id of the call.
    pub call: String,
    /// The version of the core that took part in the call.
    pub recorded_by: String,
    /// The version of the core that was asked again.
    pub replayed_by: String,
    /// Steps that were taken, the differing one included.
    pub steps: u64,
    /// Those of them that were frames of the caller's audio.
    pub frames: u64,
    /// How much audio these frames cover.
    pub audio: Duration,
    /// Outputs that were compared and the same.
    pub outputs: u64,
    /// From the first moment of the call to its last step.
    pub length: Duration,
    /// Why the call ended; absent where the recording ends before it.
    pub ended: Option<EndReason>,
    /// The last line is cut off, as by a crash, and was left out.
    pub truncated: bool,
    /// Where the core of today does something else first. Nothing after it was replayed: a
    /// call that took another way has nothing to be compared with.
    pub difference: Option<Difference>,
}

/// The first output that is not the recorded one.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Difference {
    /// The line of the recording, from 1.
    pub line: u64,
    /// The time of its step.
    pub at: CallTime,
    /// Which output of the step it is, from 0.
    pub nth: usize,
    /// What the recording has, JSON; absent: no further output.
    pub expected: Option<String>,
    /// What the core gave, JSON; absent: no further output.
    pub got: Option<String>,
    /// The last outputs before, the latest last, with the times of their steps.
    pub before: Vec<(CallTime, String)>,
}

/// Why a recording cannot be replayed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReplayError {
    /// The first line is not that of a recording.
    #[error("not a recording of a call: {reason}")]
    NotARecording {
        /// What is there instead.
        reason: String,
    },
    /// The recording is of a version that this core does not read.
    #[error("the recording has version {found}, only {RECORDING_VERSION} can be read")]
    OtherVersion {
        /// Its version.
        found: u32,
    },
    /// The first line names an agent or a call that this core does not know how to make.
    #[error("the recording's first line cannot be understood")]
    Header(#[source] serde_json::Error),
    /// The recorded configuration is not valid.
    #[error("the recorded configuration is not valid")]
    Config(#[from] ConfigError),
    /// A line that is not the last cannot be understood.
    #[error("line {line} is broken")]
    Broken {
        /// The line, from 1.
        line: u64,
        /// How.
        source: serde_json::Error,
    },
    /// A line is longer than any that is written.
    #[error("line {line} has more than {MAX_LINE_BYTES} bytes")]
    TooLong {
        /// The line, from 1.
        line: u64,
    },
    /// Lines were lost while the call was recorded, so what follows cannot be compared.
    #[error("{lost} lines before line {line} were lost while the call was recorded")]
    Lost {
        /// The line that says so, from 1.
        line: u64,
        /// How many are missing.
        lost: u64,
    },
    /// The recording cannot be read.
    #[error("reading the recording failed")]
    Read(#[from] std::io::Error),
}

impl ReplayError {
    /// What can be done about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::NotARecording { .. } => "give a file that was written by a call's recorder",
            Self::OtherVersion { .. } | Self::Header(_) | Self::Config(_) => {
                "replay it with the version of VoiceHive that recorded it"
            }
            Self::Broken { .. } | Self::TooLong { .. } => "the file was damaged or edited: take another copy",
            Self::Lost { .. } => {
                "the disk was too slow for the call: nothing after that line can be compared"
            }
            Self::Read(_) => "look at the file's path and rights",
        }
    }
}

impl Report {
    /// Whether the core did what it did then.
    pub fn identical(&self) -> bool {
        self.difference.is_none()
    }
}

/// For people, over several lines.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "call {}: recorded by core {}, replayed by {}",
            self.call, self.recorded_by, self.replayed_by
        )?;
        writeln!(
            f,
            "{} steps over {}, {} of them frames with {} of audio; {} outputs",
            self.steps,
            Seconds(self.length),
            self.frames,
            Seconds(self.audio),
            self.outputs
        )?;
        if self.truncated {
            writeln!(f, "the last line is cut off and was left out")?;
        }
        match (&self.difference, self.ended) {
            (Some(difference), _) => difference.fmt(f),
            (None, Some(_)) => f.write_str("identical"),
            (None, None) => f.write_str("identical, as far as the recording goes: the call has not ended"),
        }
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "differs first at line {}, {} into the call:", self.line, Seconds(self.at))?;
        for (at, output) in &self.before {
            writeln!(f, "  before    {:>12}  {}", Seconds(*at).to_string(), Short(output))?;
        }
        let or_nothing = |output: &Option<String>| match output {
            Some(output) => Short(output).to_string(),
            None => "nothing more".into(),
        };
        writeln!(f, "  recorded  {:>12}  {}", Seconds(self.at).to_string(), or_nothing(&self.expected))?;
        write!(f, "  now       {:>12}  {}", Seconds(self.at).to_string(), or_nothing(&self.got))
    }
}

struct Seconds(Duration);

impl fmt::Display for Seconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.6} s", self.0.as_secs_f64())
    }
}

/// An output as far as a terminal can show it; audio and conversations are long.
struct Short<'a>(&'a str);

impl fmt::Display for Short<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.char_indices().nth(240) {
            Some((end, _)) => {
                write!(f, "{}… ({} bytes)", self.0.get(..end).unwrap_or_default(), self.0.len())
            }
            None => f.write_str(self.0),
        }
    }
}
