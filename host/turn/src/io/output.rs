//! What the core wants done.

use bytes::Bytes;
use events::{CallEvent, EndReason};
use serde::{Deserialize, Serialize};

use super::{Attempt, ClauseId, MarkName, Round, ToolCall, TurnId, audio};

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
    /// caller is done; then it is cancelled or its answer used. A turn of the agent's own,
    /// which tells a tool's result, is never committed.
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
