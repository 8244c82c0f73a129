//! What happens to a call.

use std::time::Duration;

use bytes::Bytes;
use events::EndReason;
use serde::{Deserialize, Serialize};

use super::{ClauseId, MarkName, Round, ToolCall, TurnId, audio};

/// What happens to a call.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Input {
    /// From the carrier's media socket.
    Carrier(CarrierInput),
    /// One frame of the caller's audio, in order.
    CallerAudio(CallerFrame),
    /// From the recogniser.
    Stt(SttInput),
    /// From the model, for the given turn and round.
    Llm(TurnId, Round, LlmInput),
    /// From the synthesiser, for the given turn.
    Tts(TurnId, TtsInput),
    /// A tool run ended.
    Tool(ToolResult),
    /// The mood of a turn's words.
    Sentiment(TurnId, Sentiment),
    /// What was recalled for a turn; may be empty.
    Memory(TurnId, Vec<String>),
    /// An operator, or the platform itself, wants something.
    Operator(OperatorCommand),
    /// The first audio of a turn has been written to the carrier's socket. Here the
    /// turn's latency ends.
    Handed(TurnId),
}

/// What the carrier's media socket says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CarrierInput {
    /// The stream has started; audio may be sent.
    Started {
        /// The carrier's id of the stream.
        stream: String,
    },
    /// A mark came back: all audio before it was played, or dropped by a clear.
    Mark(MarkName),
    /// The caller pressed a key.
    Dtmf(char),
    /// The carrier ended the stream in good order.
    Stopped,
    /// The socket broke.
    Lost,
}

/// What the core needs to know of one frame of the caller's audio. The samples
/// themselves go from the driver straight to the recogniser.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct CallerFrame {
    /// How much time the frame covers, normally 20 ms.
    pub duration: Duration,
    /// The probability that it is speech, 0 to 1.
    pub speech: f32,
    /// Root mean square of its samples, 0 to 1 of full scale.
    pub level: f32,
}

/// What the recogniser says. All text concerns the words since the last final.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SttInput {
    /// The recogniser noticed speech.
    SpeechStarted,
    /// Words so far; replaces the interim before it.
    Interim {
        /// The words.
        text: String,
    },
    /// Words that will not change; appended to the finals before it.
    Final {
        /// The words; may be empty.
        text: String,
        /// Whether the recogniser also found an end of speech.
        speech_final: bool,
    },
    /// No words for a while, by the recogniser's own count.
    UtteranceEnd,
    /// The recogniser believes that the caller may be done (Deepgram Flux
    /// `EagerEndOfTurn`).
    EagerEndOfTurn {
        /// The words so far; they replace the interim.
        text: String,
    },
    /// The caller went on after all (Deepgram Flux `TurnResumed`).
    TurnResumed,
    /// The recogniser heard the end of the caller's turn (Deepgram Flux `EndOfTurn`).
    EndOfTurn {
        /// Words that will not change; appended to the finals.
        text: String,
    },
    /// The stream to the recogniser is lost and will not come back by itself.
    Failed {
        /// What happened, without secrets.
        message: String,
    },
}

/// What the model says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LlmInput {
    /// More text.
    Delta(String),
    /// A complete tool call.
    ToolCall(ToolCall),
    /// The answer is complete.
    Finished,
    /// The answer will not be completed.
    Failed {
        /// What happened, without secrets.
        message: String,
    },
}

/// What the synthesiser says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TtsInput {
    /// Audio of the turn, in the carrier's encoding, following what came before.
    Audio(#[serde(with = "audio")] Bytes),
    /// When words of the turn are spoken, counted from the synthesiser's first audio of
    /// the turn.
    Words(Vec<SpokenWord>),
    /// All audio of a clause has come.
    ClauseDone(ClauseId),
    /// All audio of the turn has come.
    Done,
    /// The rest of the turn's audio will not come.
    Failed {
        /// What happened, without secrets.
        message: String,
    },
}

/// One spoken word and its place in the turn's audio.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SpokenWord {
    /// The word.
    pub word: String,
    /// When it begins.
    pub start: Duration,
    /// When it ends.
    pub end: Duration,
}

/// How a tool run ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToolResult {
    /// The turn that asked for it.
    pub turn: TurnId,
    /// The model's id of the tool call.
    pub id: String,
    /// `success`, `failure`, `timeout`, `fault`, `refused` or `cancelled`.
    pub outcome: String,
    /// What the model is told.
    pub text: String,
}

/// The mood of a caller's words and what follows for the agent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sentiment {
    /// `negative`, `neutral` or `positive`.
    pub label: String,
    /// -1 to 1.
    pub score: f32,
    /// 0 to 1.
    pub confidence: f32,
    /// How the agent should sound: `even`, `warm`, `calm` or `apologetic`.
    pub tone: String,
    /// How fast the agent should speak: `slower`, `normal` or `faster`.
    pub pace: String,
    /// Whether a human should be offered.
    pub escalate: bool,
}

/// What an operator or the platform asks of a live call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OperatorCommand {
    /// Say a line now. Refused without effect once the agent is leaving the call, whether
    /// with a goodbye or with a transfer: those words are the last. An answer of which the
    /// caller has heard nothing yet is given behind the line.
    Say(String),
    /// Tell the agent something that the caller does not hear; it is in the model's next
    /// request.
    Whisper(String),
    /// Say a line, if any, and hand the caller over.
    Transfer {
        /// The telephone number, E.164. Another is refused without effect.
        to: String,
        /// What to say first.
        line: Option<String>,
    },
    /// Say the last words, if any, and end the call. Without effect while the caller hears
    /// last words already.
    End {
        /// What to say first.
        farewell: Option<String>,
        /// Why.
        reason: EndReason,
    },
}
