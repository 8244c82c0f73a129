//! What goes into the call core and what comes out of it.

use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use events::{CallEvent, EndReason};
use serde::{Deserialize, Serialize};

/// A moment of the call: the time since the media socket was accepted.
///
/// The core has no clock. Its driver reads one and passes every moment in.
pub type CallTime = Duration;

/// One exchange: the caller's words and the agent's answer. Turn 0 is the
/// greeting. Every effect and every vendor event carries the turn it belongs to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct TurnId(pub u32);

impl fmt::Display for TurnId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// One clause of a turn's answer, counted from 0 within the turn.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ClauseId(pub u32);

/// One request to the model within a turn, counted from 0; a turn with tool
/// calls needs several.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Round(pub u32);

/// The name of a mark sent to the carrier.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct MarkName(pub String);

/// What happens to a call.
#[derive(Clone, Debug, PartialEq)]
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
}

/// What the carrier's media socket says.
#[derive(Clone, Debug, PartialEq, Eq)]
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
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CallerFrame {
    /// How much time the frame covers, normally 20 ms.
    pub duration: Duration,
    /// The probability that it is speech, 0 to 1.
    pub speech: f32,
    /// Root mean square of its samples, 0 to 1 of full scale.
    pub level: f32,
}

/// What the recogniser says. All text concerns the words since the last final.
#[derive(Clone, Debug, PartialEq)]
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
    /// The stream to the recogniser is lost and will not come back by itself.
    Failed {
        /// What happened, without secrets.
        message: String,
    },
}

/// What the model says.
#[derive(Clone, Debug, PartialEq)]
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

/// A model's wish to run a tool.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToolCall {
    /// The model's id of it.
    pub id: String,
    /// The tool.
    pub name: String,
    /// Its arguments as the model wrote them.
    pub arguments: String,
}

/// What the synthesiser says.
#[derive(Clone, Debug, PartialEq)]
pub enum TtsInput {
    /// Audio of the turn, in the carrier's encoding, following what came before.
    Audio(Bytes),
    /// When words of the turn are spoken, counted from the first audio of the turn.
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
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ToolResult {
    /// The turn that asked for it.
    pub turn: TurnId,
    /// The model's id of the tool call.
    pub id: String,
    /// `success`, `failure`, `timeout`, `fault` or `refused`.
    pub outcome: String,
    /// What the model is told.
    pub text: String,
}

/// The mood of a caller's words and what follows for the agent.
#[derive(Clone, Debug, PartialEq)]
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
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OperatorCommand {
    /// Say a line now.
    Say(String),
    /// Say the last words, if any, and end the call.
    End {
        /// What to say first.
        farewell: Option<String>,
        /// Why.
        reason: EndReason,
    },
}

/// What the core wants done, in this order.
#[derive(Clone, Debug, PartialEq)]
pub enum Output {
    /// Append to the call's log. Durable before any later output takes effect.
    Emit(CallEvent),
    /// Send audio to the carrier, at once; the core paces itself.
    SendAudio {
        /// The turn it belongs to.
        turn: TurnId,
        /// Bytes in the carrier's encoding.
        payload: Bytes,
    },
    /// Send a mark behind the audio sent so far.
    SendMark(MarkName),
    /// Make the carrier forget all audio that it has not played.
    Clear,
    /// Ask the model.
    StartLlm {
        /// The turn that asks.
        turn: TurnId,
        /// Which request of the turn this is.
        round: Round,
        /// The whole conversation, system message first.
        messages: Vec<Message>,
    },
    /// Speak a clause. Clauses of a turn come in order.
    Speak {
        /// The turn it belongs to.
        turn: TurnId,
        /// Its position in the turn.
        clause: ClauseId,
        /// Its words, with the white space that follows them.
        text: String,
    },
    /// No more clauses will come for this turn.
    SpeechEnd {
        /// The turn.
        turn: TurnId,
    },
    /// Stop the model's and the synthesiser's work on a turn; whatever still
    /// comes of it is stale.
    Cancel {
        /// The turn.
        turn: TurnId,
    },
    /// Run a tool.
    CallTool {
        /// The turn that asks.
        turn: TurnId,
        /// What to run.
        call: ToolCall,
    },
    /// Assess the mood of the caller's words so far.
    AssessSentiment {
        /// The turn in which they are said.
        turn: TurnId,
        /// The words.
        text: String,
        /// Scores of the turns before, oldest first.
        trajectory: Vec<f32>,
    },
    /// Recall what is known of the customer that matters for these words.
    RecallMemory {
        /// The turn for which it is recalled.
        turn: TurnId,
        /// The words; empty for the greeting.
        text: String,
    },
    /// Ask the recogniser for a final of all it has.
    FinalizeStt,
    /// End the call.
    Hangup {
        /// Why.
        reason: EndReason,
    },
}

/// One message of the conversation with the model.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "role", rename_all = "lowercase")]
pub enum Message {
    /// Instructions.
    System {
        /// The text.
        content: String,
    },
    /// The caller.
    User {
        /// What was understood.
        content: String,
    },
    /// The agent: what was heard of its words, and the tools it asked for.
    Assistant {
        /// What the caller heard.
        content: String,
        /// The tool calls made with these words.
        tool_calls: Vec<ToolCall>,
    },
    /// A tool's result.
    Tool {
        /// The tool call it answers.
        tool_call_id: String,
        /// The result.
        content: String,
    },
}
