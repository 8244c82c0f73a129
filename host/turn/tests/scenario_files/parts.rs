//! The parts of a scenario file that say what happens.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;
use turn::{Direction, Encoding, Input, Message, OperatorCommand, ToolCall};

use crate::heard::Heard;
use crate::sim::{Ending, secs};

/// A time in seconds, not negative.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd, Deserialize)]
#[serde(try_from = "f64")]
pub struct Seconds(pub f64);

impl TryFrom<f64> for Seconds {
    type Error = String;

    fn try_from(seconds: f64) -> Result<Self, String> {
        let possible = seconds.is_finite() && (0.0..=100_000.0).contains(&seconds);
        possible.then_some(Self(seconds)).ok_or_else(|| format!("{seconds} is no time in seconds"))
    }
}

impl Seconds {
    pub fn duration(self) -> Duration {
        secs(self.0)
    }
}

/// What is known when the call starts.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Context {
    pub direction: Option<Direction>,
    pub encoding: Option<Encoding>,
    pub caller_known: Option<bool>,
    pub memories: Vec<String>,
    pub first_turn: Option<u32>,
    pub history: Vec<Spoken>,
    pub models: Option<u32>,
    pub voices: Option<u32>,
    pub tools: Vec<Policy>,
    /// Lines whose audio is at hand, and how long it is.
    pub prerecorded: BTreeMap<String, Seconds>,
    /// The length of each key's audio.
    pub tones: BTreeMap<char, Seconds>,
}

impl Context {
    pub fn check(&self) -> Result<(), String> {
        self.history.iter().try_for_each(|spoken| spoken.message().map(|_| ()))
    }
}

/// What is known of a tool.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Policy {
    pub name: String,
    #[serde(default)]
    pub cancel_on_interruption: bool,
    pub limit: Option<Seconds>,
    pub filler: Option<String>,
}

/// A message of the conversation.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Spoken {
    role: String,
    content: String,
    #[serde(default)]
    calls: Vec<Wish>,
    /// The id of the tool call that a tool's message answers.
    of: Option<String>,
}

impl Spoken {
    pub fn message(&self) -> Result<Message, String> {
        let content = self.content.clone();
        match (self.role.as_str(), &self.of, self.calls.is_empty()) {
            ("user", None, true) => Ok(Message::User { content }),
            ("assistant", None, _) => {
                Ok(Message::Assistant { content, tool_calls: self.calls.iter().map(Wish::call).collect() })
            }
            ("tool", Some(of), true) => Ok(Message::Tool { tool_call_id: of.clone(), content }),
            _ => Err(format!("no message: {self:?}")),
        }
    }
}

/// A model's wish to run a tool.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Wish {
    id: String,
    name: String,
    #[serde(default = "no_arguments")]
    arguments: String,
}

fn no_arguments() -> String {
    "{}".to_owned()
}

impl Wish {
    pub fn call(&self) -> ToolCall {
        ToolCall { id: self.id.clone(), name: self.name.clone(), arguments: self.arguments.clone() }
    }
}

/// The line to the carrier.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Line {
    pub never_starts: bool,
    pub frames_until: Option<Seconds>,
    pub echo: Option<EchoPart>,
}

/// The agent's voice as it comes back from the caller's side.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EchoPart {
    pub gain: f32,
    pub delay: Seconds,
}

/// Something that the caller does.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Act {
    pub from: Option<Seconds>,
    pub to: Option<Seconds>,
    /// Words, as the recogniser will have them.
    pub says: Option<String>,
    /// A voice of which the recogniser says nothing.
    #[serde(default)]
    pub voice: bool,
    /// A noise of this level that is no speech.
    pub noise: Option<f32>,
    /// How loud a voice is.
    pub level: Option<f32>,
    /// How surely it is a voice.
    pub speech: Option<f32>,
    pub at: Option<Seconds>,
    /// Keys, 100 ms apart.
    pub keys: Option<String>,
    #[serde(default)]
    pub hangs_up: bool,
    #[serde(default)]
    pub line_breaks: bool,
}

impl Act {
    /// When it begins.
    pub fn begins(&self) -> Seconds {
        self.from.or(self.at).unwrap_or(Seconds(0.0))
    }

    /// Whether nothing is said of a voice.
    fn has_no_voice(&self) -> bool {
        self.level.is_none() && self.speech.is_none()
    }

    pub fn check(&self) -> Result<(), String> {
        let sounds = [self.says.is_some(), self.voice, self.noise.is_some()];
        let moments = [self.keys.is_some(), self.hangs_up, self.line_breaks];
        let n = |acts: [bool; 3]| acts.into_iter().filter(|acts| *acts).count();
        let sound = self.from.is_some() && self.to > self.from && self.at.is_none();
        let moment = self.at.is_some() && self.from.is_none() && self.to.is_none() && self.has_no_voice();
        match (n(sounds), n(moments)) {
            (1, 0) if sound && (self.noise.is_none() || self.has_no_voice()) => Ok(()),
            (0, 1) if moment => Ok(()),
            _ => Err(format!(
                "a caller's act is `from`, `to` and one of `says`, `voice`, `noise`, or `at` and one of \
                 `keys`, `hangs_up`, `line_breaks`: {self:?}"
            )),
        }
    }
}

/// The recogniser; see the simulation for what the times are counted from.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Recogniser {
    pub delay: Option<Seconds>,
    pub interims: bool,
    pub finals: Option<bool>,
    pub utterance_end: Option<Seconds>,
    pub flux: bool,
    pub eager: Option<Seconds>,
    pub loses_stream_at: Vec<Seconds>,
    pub hears: Vec<Heard>,
}

/// One answer of the model.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReplyPart {
    #[serde(default)]
    pub text: String,
    pub first_token: Option<Seconds>,
    pub duration: Option<Seconds>,
    #[serde(default)]
    pub calls: Vec<Wish>,
    pub ending: Option<EndingPart>,
    pub attempt: Option<u32>,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EndingPart {
    Finished,
    Failed,
    Silent,
}

impl From<EndingPart> for Ending {
    fn from(part: EndingPart) -> Self {
        match part {
            EndingPart::Finished => Self::Finished,
            EndingPart::Failed => Self::Failed,
            EndingPart::Silent => Self::Silent,
        }
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Synthesiser {
    pub first_byte: Option<Seconds>,
    pub lengths: Vec<Seconds>,
    pub speed: Option<u32>,
    pub words: bool,
    pub failures: u32,
    pub lost: Vec<u32>,
    pub breaks_after: Option<Seconds>,
    pub silent: bool,
    pub tells_clauses: Option<bool>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CarrierPart {
    pub latency: Option<Seconds>,
    pub marks_at_clear: Option<bool>,
    pub loses_every: Option<u32>,
    pub doubles_marks: bool,
    pub marks_late_by: Option<Seconds>,
    pub reorders_marks: bool,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ToolPart {
    pub delay: Seconds,
    pub outcome: String,
    pub text: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MemoryPart {
    pub delay: Option<Seconds>,
    pub recalls: Vec<String>,
    pub silent: bool,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SentimentPart {
    pub delay: Option<Seconds>,
    pub label: Option<String>,
    pub score: Option<f32>,
    pub tone: Option<String>,
    pub pace: Option<String>,
    pub escalate: bool,
    pub silent: bool,
}

/// What an operator wants; exactly one thing.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Command {
    pub at: Seconds,
    say: Option<String>,
    whisper: Option<String>,
    transfer: Option<Transfer>,
    end: Option<End>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Transfer {
    to: String,
    line: Option<String>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct End {
    farewell: Option<String>,
    reason: events::EndReason,
}

impl Command {
    pub fn command(&self) -> Result<OperatorCommand, String> {
        let say = self.say.clone().map(OperatorCommand::Say);
        let whisper = self.whisper.clone().map(OperatorCommand::Whisper);
        let transfer = self.transfer.clone();
        let transfer = transfer.map(|wish| OperatorCommand::Transfer { to: wish.to, line: wish.line });
        let end = self.end.clone();
        let end = end.map(|end| OperatorCommand::End { farewell: end.farewell, reason: end.reason });
        let mut wanted: Vec<OperatorCommand> = [say, whisper, transfer, end].into_iter().flatten().collect();
        match (wanted.pop(), wanted.is_empty()) {
            (Some(command), true) => Ok(command),
            _ => Err(format!("an operator wants one thing at a time: {self:?}")),
        }
    }
}

/// An input as a recording holds it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawInput {
    pub at: Seconds,
    input: toml::Value,
}

impl RawInput {
    /// The input; refused if anything of it would be left out.
    pub fn input(&self) -> Result<Input, String> {
        let given = serde_json::to_value(&self.input).map_err(|error| error.to_string())?;
        let input: Input = serde_json::from_value(given.clone())
            .map_err(|error| format!("`raw` at {}: {error}", self.at.0))?;
        let read = serde_json::to_value(&input).map_err(|error| error.to_string())?;
        if read == given { Ok(input) } else { Err(format!("`raw`: {given} is read as {read}")) }
    }
}
