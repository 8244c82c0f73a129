//! What a tool says of itself, and on whose behalf it runs.

use std::time::Duration;

use crate::bindings::tool::exports::voicehive::tool::tool as wit;

/// What a call of a tool does beyond answering.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Nothing, and the same arguments give the same answer.
    Pure,
    /// It reads what may change.
    Reads,
    /// It changes something: it is not cancelled when the caller interrupts, and
    /// runs once per idempotency key.
    Changes,
}

impl Effect {
    /// The effect as it is stored and shown: `pure`, `reads` or `changes`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pure => "pure",
            Self::Reads => "reads",
            Self::Changes => "changes",
        }
    }
}

/// What a tool says of itself.
#[derive(Clone, Debug, PartialEq)]
pub struct Definition {
    /// The name the model calls it by.
    pub name: String,
    /// What it does, for the model.
    pub description: String,
    /// JSON Schema of its arguments.
    pub parameters: serde_json::Value,
    /// What a call does beyond answering.
    pub effect: Effect,
    /// The hosts it may reach, as `name` or `name:port`.
    pub hosts: Vec<String>,
    /// How long a call may take.
    pub timeout: Duration,
}

/// The call on whose behalf a tool runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Context {
    /// The tenant that owns the tool.
    pub tenant: String,
    /// The platform's id of the phone call.
    pub call_id: String,
    /// The caller's number, or empty.
    pub caller: String,
    /// The same for every attempt at one logical call.
    pub idempotency_key: String,
    /// The tenant's IANA time zone.
    pub time_zone: String,
    /// Whether the caller has been asked what the tool wanted confirmed, and has
    /// answered since.
    pub confirmed: bool,
    /// The present, milliseconds since the Unix epoch.
    pub now_ms: u64,
}

impl From<wit::Effect> for Effect {
    fn from(effect: wit::Effect) -> Self {
        match effect {
            wit::Effect::Pure => Self::Pure,
            wit::Effect::Reads => Self::Reads,
            wit::Effect::Changes => Self::Changes,
        }
    }
}

impl From<&Context> for wit::Context {
    fn from(context: &Context) -> Self {
        Self {
            tenant: context.tenant.clone(),
            call_id: context.call_id.clone(),
            caller: context.caller.clone(),
            idempotency_key: context.idempotency_key.clone(),
            time_zone: context.time_zone.clone(),
            confirmed: context.confirmed,
        }
    }
}
