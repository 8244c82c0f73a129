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

/// Which try of a request this is, from 0. The driver takes another vendor for
/// each where it has one: the n-th, in its order of preference.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Attempt(pub u32);

/// The name of a mark sent to the carrier.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct MarkName(pub String);

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
    /// Say a line now.
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
    /// Say the last words, if any, and end the call.
    End {
        /// What to say first.
        farewell: Option<String>,
        /// Why.
        reason: EndReason,
    },
}

/// What the core wants done, in this order.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Output {
    /// Append to the call's log. Durable before any later output takes effect.
    Emit(CallEvent),
    /// Send audio to the carrier, at once; the core paces itself.
    SendAudio {
        /// The turn it belongs to.
        turn: TurnId,
        /// Bytes in the carrier's encoding.
        #[serde(with = "audio")]
        payload: Bytes,
    },
    /// Send a mark behind the audio sent so far.
    SendMark(MarkName),
    /// Make the carrier forget all audio that it has not played.
    Clear,
    /// Ask the model. May come before its turn is committed, on the chance that the
    /// caller is done; then it is cancelled or its answer used.
    StartLlm {
        /// The turn that asks.
        turn: TurnId,
        /// Which request of the turn this is.
        round: Round,
        /// Which try of this request.
        attempt: Attempt,
        /// The whole conversation, system message first.
        messages: Vec<Message>,
    },
    /// Speak a clause. Clauses of a turn come in order.
    Speak {
        /// The turn it belongs to.
        turn: TurnId,
        /// Its position in the turn.
        clause: ClauseId,
        /// Which try of speaking this turn. All clauses of a later try go to its vendor.
        attempt: Attempt,
        /// Its words, with the white space that follows them.
        text: String,
    },
    /// No more clauses will come for this turn.
    SpeechEnd {
        /// The turn.
        turn: TurnId,
    },
    /// Stop the model's and the synthesiser's work on a turn; whatever still
    /// comes of it is stale. A turn that is not committed yet may be asked for again.
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
    /// Stop a tool that only reads: nobody waits for its result any more.
    CancelTool {
        /// The turn that asked for it.
        turn: TurnId,
        /// The model's id of the tool call.
        id: String,
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
    /// Hand the caller over to another number. The call is over for the core.
    Transfer {
        /// The telephone number, E.164.
        to: String,
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

/// Audio in JSON: base64, so that it survives byte for byte.
pub(crate) mod audio {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    use bytes::Bytes;
    use serde::de::Error as _;
    use serde::{Deserialize, Deserializer, Serializer};

    pub(crate) fn serialize<S: Serializer>(audio: &Bytes, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&STANDARD.encode(audio))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Bytes, D::Error> {
        let text = String::deserialize(from)?;
        STANDARD.decode(text).map(Bytes::from).map_err(D::Error::custom)
    }
}

/// The same for audio by key.
pub(crate) mod audio_map {
    use std::collections::BTreeMap;

    use bytes::Bytes;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    #[derive(Serialize, Deserialize)]
    struct Audio(#[serde(with = "super::audio")] Bytes);

    pub(crate) fn serialize<K, S>(map: &BTreeMap<K, Bytes>, to: S) -> Result<S::Ok, S::Error>
    where
        K: Serialize + Ord,
        S: Serializer,
    {
        to.collect_map(map.iter().map(|(key, audio)| (key, Audio(audio.clone()))))
    }

    pub(crate) fn deserialize<'de, K, D>(from: D) -> Result<BTreeMap<K, Bytes>, D::Error>
    where
        K: Deserialize<'de> + Ord,
        D: Deserializer<'de>,
    {
        let map = BTreeMap::<K, Audio>::deserialize(from)?;
        Ok(map.into_iter().map(|(key, audio)| (key, audio.0)).collect())
    }
}
