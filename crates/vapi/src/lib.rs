//! Vapi's messages to a server, and the replies it takes.
//!
//! Vapi holds the call and asks a server for what only the server knows: which assistant answers, what a tool found,
//! where a call goes. [`ServerMessage::parse`] reads any message, in every shape that was seen in the wild, and is lost
//! for none: what it does not know is [`Message::Other`]. A [`Reply`] can only be one that Vapi takes: one result for
//! each tool call, under its exact id, on a single line. Nothing here does I/O.
//!
//! Why a call ended, what it cost and its recording are read by `call_state::vapi`.
//!
//! Sources: <https://docs.vapi.ai/server-url/events>, <https://docs.vapi.ai/tools/custom-tools-troubleshooting> and the
//! schemas `ServerMessage*` and `ServerMessageResponse*` of Vapi's OpenAPI document, as of August 2026.
//!
//! ```
//! use vapi::{Message, Outcome, Reply, ServerMessage};
//!
//! let body = br#"{"message":{"type":"tool-calls","call":{"id":"c"},
//!     "toolCallList":[{"id":"t1","name":"weather","arguments":{"place":"Madrid"}}]}}"#;
//! let Message::ToolCalls { calls, .. } = ServerMessage::parse(body).unwrap().message else { panic!() };
//! let reply = Reply::tool_results(&calls, [Outcome::succeeded("Sunny,\n31 degrees")]);
//! let sent: serde_json::Value = serde_json::from_str(&reply.to_json()).unwrap();
//! assert_eq!(sent["results"][0]["toolCallId"], "t1");
//! assert_eq!(sent["results"][0]["result"], "Sunny, 31 degrees");
//! ```

mod assistant;
mod call;
mod destination;
mod line;
mod message;
mod reading;
mod reply;
mod tool_call;
mod turns;

pub use assistant::{Assistant, FunctionTool, InvalidTool, Model, Server, Voice};
pub use call::{Call, CallKind};
pub use destination::{Destination, NoDestination};
pub use line::Line;
pub use message::{Message, PhoneControl, ServerMessage, Status, Unreadable};
pub use reply::{Document, Outcome, Reply};
pub use tool_call::ToolCall;
pub use turns::{Role, Turn, TurnLatency, Words};
