//! What the edge asks of this process: one secret opens it, and nobody else knows it.

mod quarantine;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::post;
use events::CallEvent;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::json;
use store::{AgentId, CallId, TenantId};
use turn::{ToolCall, ToolResult, TurnId};

use crate::call::{agent_config, as_json};
use crate::config::Secret;
use crate::live::{NotTaken, Wish};
use crate::platform::Platform;
use crate::serve::{BODY_TIMEOUT, Shared};
use crate::tools::{Ran, ToolRunner};

/// The largest body: a tool call's arguments have at most 64 KiB.
const MAX_BODY_BYTES: usize = 96 << 10;

/// Why a request of the edge's is not served.
#[derive(Debug, thiserror::Error)]
enum Refused {
    #[error("this route is the edge's")]
    Unauthorized,
    #[error("the body is not what this route takes: {0}")]
    Malformed(String),
    #[error("there is no such {0}")]
    Unknown(&'static str),
    #[error("the call cannot take more now")]
    Busy,
    #[error("the carrier did not do it: {0}")]
    Carrier(String),
    #[error("the database does not answer")]
    Database,
}

/// The routes of the edge.
pub fn routes() -> Router<Shared> {
    Router::new()
        .route("/internal/v1/wake", post(wake))
        .route("/internal/v1/tools", post(tools))
        .route("/internal/v1/assistant", post(assistant))
        .route("/internal/v1/keys", post(keys))
        .route("/internal/v1/commands", post(commands))
        .route("/internal/v1/quarantine", post(quarantine::quarantine))
        .route("/internal/v1/release", post(quarantine::release))
        .route("/internal/v1/quarantines", post(quarantine::list))
}

/// Something is in the outbox.
async fn wake(State(shared): State<Shared>, headers: HeaderMap) -> Response {
    match authorize(&shared.platform.internal_secret, &headers) {
        Ok(()) => {
            shared.platform.bell.ring();
            StatusCode::NO_CONTENT.into_response()
        }
        Err(refused) => answer(refused),
    }
}

/// A tool call that another platform's agent makes.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ToolRequest {
    tenant: TenantId,
    call: CallId,
    agent: AgentId,
    #[serde(default)]
    turn: u32,
    tool_call_id: String,
    name: String,
    arguments: String,
    caller: String,
}

/// What a carrier is to be told at once, about a call that is nobody's.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CommandRequest {
    id: String,
    carrier: String,
    /// By whose own account the call was offered; none: by the platform's.
    #[serde(default)]
    tenant: Option<TenantId>,
    carrier_call_id: String,
    action: String,
    body: serde_json::Value,
}

async fn commands(State(shared): State<Shared>, request: Request) -> Response {
    let platform = &shared.platform;
    let told = async {
        let request: CommandRequest = read(&platform.internal_secret, request).await?;
        let CommandRequest { id, carrier, tenant, carrier_call_id, action, body } = request;
        let account = (tenant.as_ref(), carrier.as_str());
        let told = platform.carriers.act(account, &carrier_call_id, &action, body, &id).await;
        told.map_err(|error| {
            tracing::warn!(%error, carrier, action, "a carrier did not do what the edge asked");
            Refused::Carrier(error.to_string())
        })
    };
    match told.await {
        Ok(()) => StatusCode::NO_CONTENT.into_response(),
        Err(refused) => answer(refused),
    }
}

async fn tools(State(shared): State<Shared>, request: Request) -> Response {
    let platform = &shared.platform;
    let run = async {
        let request: ToolRequest = read(&platform.internal_secret, request).await?;
        let runner = runner(platform, &request).await?;
        let call = ToolCall { id: request.tool_call_id, name: request.name, arguments: request.arguments };
        let logged = LoggedTool { runner, phone_call: request.call, turn: TurnId(request.turn), call };
        // A side effect that was begun is finished, whether or not the edge waits for it.
        let (held, one_at_a_time) = (platform.live.hold(), platform.foreign_tools.clone());
        let running = tokio::spawn(async move {
            let result = one_at_a_time.alone(&logged.runner.key_scope.clone(), logged.run()).await;
            drop(held);
            result
        });
        running.await.map_err(|error| {
            tracing::error!(%error, "a tool call broke");
            Refused::Busy
        })?
    };
    match run.await {
        Ok(result) => found(&json!({ "outcome": result.outcome, "text": result.text })),
        Err(refused) => answer(refused),
    }
}

/// A tool call of another platform's, kept in the call's log as our own are.
struct LoggedTool {
    runner: ToolRunner,
    phone_call: CallId,
    turn: TurnId,
    call: ToolCall,
}

impl LoggedTool {
    /// Runs it, unless the log says that it was run.
    async fn run(self) -> Result<ToolResult, Refused> {
        let (store, tenant) = (self.runner.tools.services.store.clone(), self.runner.tenant.clone());
        let log = store.events(&tenant, &self.phone_call, 0).await.map_err(database)?;
        let mut called = false;
        for event in log.iter().filter_map(store::StoredEvent::event) {
            match event {
                CallEvent::ToolFinished { id, outcome, text, .. } if id == self.call.id => {
                    return Ok(ToolResult { turn: self.turn, id, outcome, text });
                }
                CallEvent::ToolCalled { id, .. } => called |= id == self.call.id,
                _ => {}
            }
        }
        let (id, name) = (self.call.id.clone(), self.call.name.clone());
        let turn = self.turn.0;
        if !called {
            let arguments = self.call.arguments.clone();
            let event = CallEvent::ToolCalled { turn, id: id.clone(), name: name.clone(), arguments };
            let event = [(store::Timestamp::now(), event)];
            store.append_events(&tenant, &self.phone_call, &event, None).await.map_err(database)?;
        }
        let began = tokio::time::Instant::now();
        // A turn of that platform's begins with words of the caller's.
        self.runner.confirmations.caller_spoke(self.turn);
        let Ran { result, data, .. } = self.runner.run(self.turn, self.call).await;
        let duration_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
        let (outcome, text) = (result.outcome.clone(), result.text.clone());
        let event =
            CallEvent::ToolFinished { turn, id, name, outcome, text, duration_ms, data: data.map(as_json) };
        let event = [(store::Timestamp::now(), event)];
        // The tool has acted: that its model hears of it matters more than that the log does.
        if let Err(error) = store.append_events(&tenant, &self.phone_call, &event, None).await {
            tracing::error!(%error, "a tool's result could not be logged");
        }
        Ok(result)
    }
}

async fn runner(platform: &Platform, request: &ToolRequest) -> Result<ToolRunner, Refused> {
    let store = &platform.store;
    let tenant = store.tenant(&request.tenant).await.map_err(database)?.ok_or(Refused::Unknown("tenant"))?;
    let call = store.call(&tenant.id, &request.call).await.map_err(database)?;
    let call = call.ok_or(Refused::Unknown("call"))?;
    let agent = store.agent(&tenant.id, &request.agent).await.map_err(database)?;
    let agent = agent.ok_or(Refused::Unknown("agent"))?;
    let tools = &platform.tools;
    Ok(ToolRunner {
        tools: tools.clone(),
        allowed: std::sync::Arc::new(tools.library.for_call(&tenant.id, &call.id, &agent.tools).await),
        confirmations: tools.confirmations.of(&tenant.id, &call.id),
        tenant: tenant.id,
        // Other platforms number no turns: what tells two like calls apart is the id that their model gave them.
        key_scope: format!("{}/{}", call.id, request.tool_call_id),
        call: call.id,
        caller: request.caller.clone(),
        time_zone: tenant.time_zone,
    })
}

/// An agent that another platform is to speak for.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AssistantRequest {
    tenant: TenantId,
    call: CallId,
    agent: AgentId,
}

async fn assistant(State(shared): State<Shared>, request: Request) -> Response {
    let platform = &shared.platform;
    let described = async {
        let request: AssistantRequest = read(&platform.internal_secret, request).await?;
        let agent = platform.store.agent(&request.tenant, &request.agent).await.map_err(database)?;
        let agent = agent.ok_or(Refused::Unknown("agent"))?;
        let config = agent_config(&agent).map_err(|error| {
            tracing::error!(%error, "an agent's configuration does not fit");
            Refused::Malformed(format!("the agent's configuration: {error}"))
        })?;
        let tools = platform.tools.library.for_call(&request.tenant, &request.call, &agent.tools).await;
        let tools: Vec<_> = tools
            .values()
            .map(|chosen| {
                let tool = chosen.tool.definition();
                json!({ "name": tool.name, "description": tool.description, "parameters": tool.parameters })
            })
            .collect();
        Ok::<_, Refused>(json!({
            "name": agent.name,
            "greeting": config.greeting,
            "instructions": config.instructions,
            "tools": tools,
        }))
    };
    match described.await {
        Ok(body) => found(&body),
        Err(refused) => answer(refused),
    }
}

/// A key press that a carrier reported by webhook.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct KeyRequest {
    tenant: TenantId,
    call: CallId,
    digit: char,
}

async fn keys(State(shared): State<Shared>, request: Request) -> Response {
    let platform = &shared.platform;
    let pressed = async {
        let request: KeyRequest = read(&platform.internal_secret, request).await?;
        if !matches!(request.digit, '0'..='9' | '*' | '#' | 'A'..='D') {
            return Err(Refused::Malformed("`digit` must be one of 0-9, *, # and A-D".into()));
        }
        platform.live.wish(&request.tenant, &request.call, Wish::Key(request.digit)).map_err(|error| {
            match error {
                NotTaken::NotLive => Refused::Unknown("live call here"),
                NotTaken::Busy => Refused::Busy,
            }
        })
    };
    match pressed.await {
        Ok(()) => StatusCode::NO_CONTENT.into_response(),
        Err(refused) => answer(refused),
    }
}

async fn read<T: DeserializeOwned>(secret: &Secret, request: Request) -> Result<T, Refused> {
    let (head, body) = request.into_parts();
    authorize(secret, &head.headers)?;
    let read = tokio::time::timeout(BODY_TIMEOUT, axum::body::to_bytes(Body::new(body), MAX_BODY_BYTES));
    let body = match read.await {
        Ok(Ok(body)) => body,
        Ok(Err(_)) => return Err(Refused::Malformed(format!("more than {MAX_BODY_BYTES} bytes"))),
        Err(_) => return Err(Refused::Malformed("it took too long".into())),
    };
    serde_json::from_slice(&body).map_err(|error| Refused::Malformed(error.to_string()))
}

fn authorize(secret: &Secret, headers: &HeaderMap) -> Result<(), Refused> {
    use subtle::ConstantTimeEq as _;
    let mut given = headers.get_all(header::AUTHORIZATION).iter();
    let (Some(value), None) = (given.next(), given.next()) else { return Err(Refused::Unauthorized) };
    let token = value.as_bytes().strip_prefix(b"Bearer ").ok_or(Refused::Unauthorized)?;
    if bool::from(token.ct_eq(secret.expose().as_bytes())) { Ok(()) } else { Err(Refused::Unauthorized) }
}

fn database(error: store::StoreError) -> Refused {
    tracing::error!(%error, "a request of the edge's cannot be served");
    Refused::Database
}

fn found(body: &serde_json::Value) -> Response {
    ([(header::CONTENT_TYPE, "application/json")], body.to_string()).into_response()
}

fn answer(refused: Refused) -> Response {
    let (status, code) = match &refused {
        Refused::Unauthorized => (StatusCode::UNAUTHORIZED, "unauthorized"),
        Refused::Malformed(_) => (StatusCode::UNPROCESSABLE_ENTITY, "malformed"),
        Refused::Unknown(_) => (StatusCode::NOT_FOUND, "not-found"),
        Refused::Busy => (StatusCode::SERVICE_UNAVAILABLE, "busy"),
        Refused::Carrier(_) => (StatusCode::BAD_GATEWAY, "carrier"),
        Refused::Database => (StatusCode::SERVICE_UNAVAILABLE, "database"),
    };
    crate::problem::response(status, code, &refused.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_one_secret_opens() {
        let secret = Secret::new("the internal secret");
        let open = |values: &[&str]| {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(header::AUTHORIZATION, value.parse().unwrap());
            }
            authorize(&secret, &headers).is_ok()
        };
        assert!(open(&["Bearer the internal secret"]));
        for wrong in [
            &[][..],
            &["Bearer "],
            &["Bearer the internal secre"],
            &["the internal secret"],
            &["Bearer the internal secret", "Bearer the internal secret"],
        ] {
            assert!(!open(wrong), "{wrong:?}");
        }
    }

    #[test]
    fn what_the_edge_may_send_is_exact() {
        let read = |json: &str| serde_json::from_str::<ToolRequest>(json);
        let whole = r#"{"tenant":"default","call":"c","agent":"receptionist","turn":0,"tool_call_id":"t1","name":"leads",
            "arguments":"{}","caller":""}"#;
        assert_eq!(read(whole).unwrap().tool_call_id, "t1");
        assert!(read(&whole.replace("\"caller\"", "\"callers\"")).is_err());
        assert!(read(&whole.replace("\"default\"", "\"../other\"")).is_err(), "ids are checked");
    }
}
