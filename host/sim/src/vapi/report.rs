//! A call once it is over.

use std::time::Duration;

use serde_json::Value;

/// What the platform replied in a call, and what Vapi made of it.
#[derive(Clone, Debug)]
pub struct Report {
    /// Vapi's id of the call.
    pub call_id: String,
    /// Who answered.
    pub answer: Answer,
    /// All messages, in the order in which they were replied to.
    pub exchanges: Vec<Exchange>,
    /// What the model was told of its tool calls, in order.
    pub tools: Vec<ToolResult>,
    /// Where calls were handed over to, or why not, in order.
    pub handovers: Vec<Handover>,
    /// How many documents each question to the knowledge base brought.
    pub documents: Vec<usize>,
    /// What the platform did that Vapi does not take.
    pub problems: Vec<String>,
    /// Why the call ended, in Vapi's word for it.
    pub ended_reason: String,
    /// From the answer to the end.
    pub duration: Duration,
}

/// What the platform said of who answers.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// This assistant, for this call only.
    Assistant(Value),
    /// An assistant that Vapi keeps.
    Saved(String),
    /// The call goes to this number or SIP address.
    Destination(String),
    /// Nobody; the caller was told so in these words.
    Refused(String),
    /// There was no reply that Vapi takes.
    None,
    /// It was not asked.
    NotAsked,
}

/// One message and its reply.
#[derive(Clone, Debug)]
pub struct Exchange {
    /// The message's type.
    pub kind: String,
    /// The reply's status; `None` where there was no reply in time.
    pub status: Option<u16>,
    /// The reply's body, where it is JSON.
    pub body: Option<Value>,
}

impl Exchange {
    /// Whether Vapi ignores the reply: it takes 200 alone.
    pub fn is_ignored(&self) -> bool {
        self.status != Some(200)
    }
}

/// What the model was told of a tool call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ToolResult {
    /// The model's id of the call; empty for the older message.
    pub id: String,
    /// The tool.
    pub name: String,
    /// The result, or the error.
    pub told: Result<String, String>,
}

/// What became of the model's wish to hand the call over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Handover {
    /// It goes to this number or SIP address.
    To(String),
    /// It stays, for this reason.
    Refused(String),
}

impl Report {
    /// The messages of one type.
    pub fn of(&self, kind: &str) -> Vec<&Exchange> {
        self.exchanges.iter().filter(|exchange| exchange.kind == kind).collect()
    }

    /// The messages whose replies Vapi ignored.
    pub fn ignored(&self) -> Vec<&Exchange> {
        self.exchanges.iter().filter(|exchange| exchange.is_ignored()).collect()
    }
}
