//! One action on one leg.

use std::fmt;
use std::str::FromStr;

use serde_json::Value;

use crate::ClientState;
use crate::body::Body;

/// What a leg is told to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Action {
    /// Take the call.
    Answer,
    /// Join it with another leg.
    Bridge,
    /// End it.
    Hangup,
    /// Record it.
    RecordStart,
    /// Record no longer.
    RecordStop,
    /// Turn it down unanswered.
    Reject,
    /// Press keys.
    SendDtmf,
    /// Say a text.
    Speak,
    /// Connect it with a media socket.
    StreamingStart,
    /// Hand it over.
    Transfer,
}

impl Action {
    /// Every action.
    pub const ALL: [Self; 10] = [
        Self::Answer,
        Self::Bridge,
        Self::Hangup,
        Self::RecordStart,
        Self::RecordStop,
        Self::Reject,
        Self::SendDtmf,
        Self::Speak,
        Self::StreamingStart,
        Self::Transfer,
    ];

    /// Telnyx's word, as it stands in the path.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Answer => "answer",
            Self::Bridge => "bridge",
            Self::Hangup => "hangup",
            Self::RecordStart => "record_start",
            Self::RecordStop => "record_stop",
            Self::Reject => "reject",
            Self::SendDtmf => "send_dtmf",
            Self::Speak => "speak",
            Self::StreamingStart => "streaming_start",
            Self::Transfer => "transfer",
        }
    }
}

impl fmt::Display for Action {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// A word that is no [`Action`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an action on a leg")]
pub struct UnknownAction;

impl FromStr for Action {
    type Err = UnknownAction;

    fn from_str(text: &str) -> Result<Self, UnknownAction> {
        Self::ALL.into_iter().find(|action| action.as_str() == text).ok_or(UnknownAction)
    }
}

/// One action on one leg, with all that belongs to it but the leg.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub struct Command {
    action: Action,
    body: Value,
}

impl Command {
    pub(crate) fn new(action: Action, body: Body) -> Self {
        Self { action, body: body.into_value() }
    }

    /// What the leg is told to do.
    #[must_use]
    pub fn action(&self) -> Action {
        self.action
    }

    /// The request's body.
    #[must_use]
    pub fn body(&self) -> &Value {
        &self.body
    }

    /// The request's body.
    #[must_use]
    pub fn into_body(self) -> Value {
        self.body
    }

    /// What every later webhook of the leg shall carry, until another command replaces it.
    pub fn client_state(mut self, state: &ClientState) -> Self {
        set(&mut self.body, "client_state", state.encoded());
        self
    }
}

/// Names a command, in its body: Telnyx ignores a second one with the same id on the same leg within 60 s, so a command
/// whose answer was lost is sent again with its id. A UUID serves, one for each logical command.
pub fn with_command_id(mut body: Value, id: &str) -> Value {
    set(&mut body, "command_id", id.to_owned());
    body
}

fn set(body: &mut Value, field: &str, value: String) {
    if let Value::Object(fields) = body {
        fields.insert(field.to_owned(), Value::String(value));
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{Answer, Hangup};

    #[test]
    fn every_action_is_read_as_it_is_written() {
        for action in Action::ALL {
            assert_eq!(action.to_string().parse(), Ok(action));
        }
        assert_eq!("dial".parse::<Action>(), Err(UnknownAction));
    }

    #[test]
    fn a_command_carries_our_state_and_its_own_name() {
        let state = ClientState::of_call("c1").unwrap();
        let body = Command::from(Answer::new()).client_state(&state).into_body();
        let expected = json!({ "client_state": "eyJjYWxsIjoiYzEifQ==", "command_id": "k" });
        assert_eq!(with_command_id(body, "k"), expected);
        assert_eq!(Command::from(Hangup::new()).into_body(), json!({}));
    }
}
