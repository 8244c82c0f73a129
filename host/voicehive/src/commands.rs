//! What operators may tell a live call.

use axum::body::Body;
use axum::extract::{Path, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use events::EndReason;
use serde::Deserialize;
use store::{ApiKeyHash, CallId, TenantId};
use turn::OperatorCommand;

use crate::live::{NotTaken, Wish};
use crate::platform::Platform;
use crate::serve::{BODY_TIMEOUT, Shared};

/// The largest body of a command.
const MAX_BODY_BYTES: usize = 8 << 10;

/// The longest line: a minute of speech.
const MAX_LINE: usize = 1_000;

/// A command as it is sent.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
enum Command {
    /// Say a line now.
    Say(String),
    /// Tell the agent, unheard by the caller.
    Whisper(String),
    /// Hand the caller over.
    Transfer { to: String, line: Option<String> },
    /// Say the last words, if any, and hang up.
    HangUp { farewell: Option<String> },
}

/// Why a command is refused.
#[derive(Debug, thiserror::Error)]
enum Refused {
    #[error("send a valid API key as `Authorization: Bearer <key>`")]
    Unauthorized,
    #[error("no such call is live here")]
    NotFound,
    #[error("{0}")]
    Invalid(String),
    #[error("the call cannot take another command now; send it again in a second")]
    Busy,
    #[error("the platform failed")]
    Internal,
}

/// `POST /v1/live/{call}/commands`: one of `{"say": ".."}`, `{"whisper": ".."}`,
/// `{"transfer": {"to": "+12025550143", "line": ".."}}`, `{"hang_up": {"farewell": ".."}}`.
/// Answers 202 when the call has it.
pub async fn command(State(shared): State<Shared>, Path(call): Path<String>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    match take(&shared.platform, &call, &head.headers, body).await {
        Ok(()) => StatusCode::ACCEPTED.into_response(),
        Err(refused) => refused.into_response(),
    }
}

async fn take(platform: &Platform, call: &str, headers: &HeaderMap, body: Body) -> Result<(), Refused> {
    let tenant = tenant(platform, headers).await?;
    let call: CallId = call.parse().map_err(|_| Refused::NotFound)?;
    let body = match tokio::time::timeout(BODY_TIMEOUT, axum::body::to_bytes(body, MAX_BODY_BYTES)).await {
        Ok(Ok(body)) => body,
        Ok(Err(_)) => return Err(Refused::Invalid(format!("the body: more than {MAX_BODY_BYTES} bytes"))),
        Err(_) => return Err(Refused::Invalid("the body: took too long".into())),
    };
    let command: Command =
        serde_json::from_slice(&body).map_err(|error| Refused::Invalid(format!("the body: {error}")))?;
    let command = command.checked()?;
    if matches!(command, OperatorCommand::Transfer { .. }) {
        let stored = platform.store.call(&tenant, &call).await.map_err(|error| {
            tracing::error!(%error, "a call cannot be looked up");
            Refused::Internal
        })?;
        let stored = stored.ok_or(Refused::NotFound)?;
        if !platform.carriers.can_hand_over(&stored).await {
            let carrier = &stored.carrier;
            let message = format!("transfer: needs {carrier}'s credentials (hint: `voicehive doctor`)");
            return Err(Refused::Invalid(message));
        }
    }
    platform.live.wish(&tenant, &call, Wish::Operator(command)).map_err(|error| match error {
        NotTaken::NotLive => Refused::NotFound,
        NotTaken::Busy => Refused::Busy,
    })
}

async fn tenant(platform: &Platform, headers: &HeaderMap) -> Result<TenantId, Refused> {
    let key = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let key = key.and_then(|value| value.strip_prefix("Bearer ")).filter(|key| !key.is_empty());
    let hash = ApiKeyHash::of(key.ok_or(Refused::Unauthorized)?);
    match platform.store.tenant_by_api_key(&hash).await {
        Ok(Some(tenant)) => Ok(tenant.id),
        Ok(None) => Err(Refused::Unauthorized),
        Err(error) => {
            tracing::error!(%error, "an API key cannot be looked up");
            Err(Refused::Internal)
        }
    }
}

impl Command {
    fn checked(self) -> Result<OperatorCommand, Refused> {
        Ok(match self {
            Self::Say(line) => OperatorCommand::Say(text("say", line)?),
            Self::Whisper(line) => OperatorCommand::Whisper(text("whisper", line)?),
            Self::Transfer { to, line } => {
                if to.parse::<store::E164>().is_err() {
                    let message = "transfer.to: must be a telephone number like +12025550143 (E.164)";
                    return Err(Refused::Invalid(message.into()));
                }
                let line = line.map(|line| text("transfer.line", line)).transpose()?;
                OperatorCommand::Transfer { to, line }
            }
            Self::HangUp { farewell } => OperatorCommand::End {
                farewell: farewell.map(|line| text("hang_up.farewell", line)).transpose()?,
                reason: EndReason::AgentHangup,
            },
        })
    }
}

fn text(key: &str, text: String) -> Result<String, Refused> {
    if text.trim().is_empty() || text.len() > MAX_LINE {
        return Err(Refused::Invalid(format!("{key}: must have 1 to {MAX_LINE} bytes")));
    }
    Ok(text)
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let (status, code) = match &self {
            Self::Unauthorized => (StatusCode::UNAUTHORIZED, "unauthorized"),
            Self::NotFound => (StatusCode::NOT_FOUND, "not-found"),
            Self::Invalid(_) => (StatusCode::UNPROCESSABLE_ENTITY, "invalid-command"),
            Self::Busy => (StatusCode::SERVICE_UNAVAILABLE, "busy"),
            Self::Internal => (StatusCode::INTERNAL_SERVER_ERROR, "internal"),
        };
        crate::problem::response(status, code, &self.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_read_as_documented() {
        let read = |json: &str| serde_json::from_str::<Command>(json).unwrap().checked().unwrap();
        assert_eq!(read(r#"{"say":"Hold on."}"#), OperatorCommand::Say("Hold on.".into()));
        assert_eq!(read(r#"{"whisper":"Offer 10 %."}"#), OperatorCommand::Whisper("Offer 10 %.".into()));
        assert_eq!(
            read(r#"{"transfer":{"to":"+12025550143"}}"#),
            OperatorCommand::Transfer { to: "+12025550143".into(), line: None }
        );
        let end = OperatorCommand::End { farewell: None, reason: EndReason::AgentHangup };
        assert_eq!(read(r#"{"hang_up":{}}"#), end);
    }

    #[test]
    fn what_is_wrong_is_said() {
        let refuse =
            |json: &str| serde_json::from_str::<Command>(json).unwrap().checked().unwrap_err().to_string();
        assert!(refuse(r#"{"transfer":{"to":"12"}}"#).contains("E.164"));
        assert!(refuse(r#"{"say":" "}"#).contains("say"));
        assert!(serde_json::from_str::<Command>(r#"{"sing":"la"}"#).is_err());
    }
}
