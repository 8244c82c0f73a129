//! The scripted model: a receptionist who really reads what the platform sends.
//!
//! It knows nothing but the request: the system prompt with what is remembered of the caller, what the caller said,
//! what the agent was heard to say, what tools gave, and which tools there are. A platform that forgets to send one of
//! these gets a receptionist who does not know it.

mod errand;
mod memory;
mod read;
mod receptionist;
mod slots;
mod tool;

pub use read::Request;
pub use receptionist::reply;

/// What the model answers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reply {
    /// What it says.
    pub text: String,
    /// Tools that it wants run.
    pub tool_calls: Vec<ToolCall>,
}

/// A tool that the model wants run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ToolCall {
    /// Its id, new for every call.
    pub id: String,
    /// The tool.
    pub name: String,
    /// Its arguments, JSON.
    pub arguments: String,
}

impl Reply {
    fn say(text: impl Into<String>) -> Self {
        Self { text: text.into(), tool_calls: Vec::new() }
    }

    fn call(call: ToolCall) -> Self {
        Self { text: String::new(), tool_calls: vec![call] }
    }
}
