//! Language models: the trait, the conversation, and the stream of an answer.

use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::{BoxFuture, Error};

/// A model that answers a conversation, piece by piece.
pub trait LanguageModel: Send + Sync {
    /// The vendor's name, for logs and metrics.
    fn name(&self) -> &'static str;

    /// Sends a conversation. Resolves once the vendor begins to answer.
    fn chat(&self, request: ChatRequest) -> BoxFuture<'_, Result<ChatStream, Error>>;
}

/// What is asked of a model.
#[derive(Debug, Clone, Default)]
pub struct ChatRequest {
    /// The conversation, oldest first.
    pub messages: Vec<ChatMessage>,
    /// The tools that the model may call.
    pub tools: Vec<ToolDefinition>,
    /// How freely the model chooses words; the vendor's default where absent.
    pub temperature: Option<f32>,
    /// Most tokens of the answer; the vendor's default where absent.
    pub max_tokens: Option<u32>,
}

/// One message of a conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChatMessage {
    /// Instructions.
    System(String),
    /// What the caller said.
    User(String),
    /// What the agent said, and the tools that it called.
    Assistant {
        /// The words; may be empty when tools were called.
        content: String,
        /// The calls, in order.
        tool_calls: Vec<ToolCall>,
    },
    /// A tool's result.
    Tool {
        /// The call that it answers.
        tool_call_id: String,
        /// The result, as text for the model.
        content: String,
    },
}

/// A model's wish to run a tool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToolCall {
    /// The model's id of the call.
    pub id: String,
    /// The tool.
    pub name: String,
    /// The arguments as the model wrote them: JSON if all went well, `{}` if it wrote nothing.
    pub arguments: String,
}

/// A tool that a model may call.
#[derive(Debug, Clone, PartialEq)]
pub struct ToolDefinition {
    /// Its name.
    pub name: String,
    /// What it does, for the model.
    pub description: String,
    /// JSON Schema of its arguments.
    pub parameters: serde_json::Value,
}

/// An answer on its way. Dropping it ends the request at once.
#[derive(Debug)]
pub struct ChatStream {
    /// Gives events until [`ChatEvent::Finished`] or [`ChatEvent::Failed`].
    pub events: mpsc::Receiver<ChatEvent>,
    task: JoinHandle<()>,
}

impl ChatStream {
    /// Joins the receiving end of an answer with the task that feeds it.
    #[must_use]
    pub fn new(events: mpsc::Receiver<ChatEvent>, task: JoinHandle<()>) -> Self {
        Self { events, task }
    }
}

impl Drop for ChatStream {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// A piece of an answer.
#[derive(Debug, Clone, PartialEq)]
pub enum ChatEvent {
    /// More text.
    Delta(String),
    /// A complete tool call.
    ToolCall {
        /// The model's id of the call.
        id: String,
        /// The tool.
        name: String,
        /// The arguments as the model wrote them, `{}` if it wrote nothing.
        arguments: String,
    },
    /// The answer is complete.
    Finished {
        /// Why the model stopped.
        reason: FinishReason,
        /// What was counted, where the vendor says.
        usage: Option<Usage>,
    },
    /// The answer will not be completed. Nothing follows.
    Failed(Error),
}

/// Why a model stopped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FinishReason {
    /// It said all it wanted.
    Stop,
    /// It reached the token limit.
    Length,
    /// It waits for tools.
    ToolCalls,
    /// A filter of the vendor stopped it.
    ContentFilter,
    /// Another reason, in the vendor's word.
    Other(String),
}

/// Tokens counted by the vendor.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Deserialize, serde::Serialize)]
pub struct Usage {
    /// Tokens of the conversation.
    #[serde(default)]
    pub prompt_tokens: u64,
    /// Tokens of the answer.
    #[serde(default)]
    pub completion_tokens: u64,
    /// Their sum, as the vendor counts it.
    #[serde(default)]
    pub total_tokens: u64,
}
