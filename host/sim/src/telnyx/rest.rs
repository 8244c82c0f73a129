//! The REST interface: dialling, commands, the state of a call, and recordings.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, RawQuery, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use serde_json::{Map, Value, json};
use tokio::sync::{Mutex as AsyncMutex, oneshot};

use super::action::{Asked, Dial};
use super::desk::{Desk, Known, Order};
use super::error::{Answer, Refusal};
use crate::carrier::RestTrouble;
use crate::server::{broken, json as answer_json};

/// How long a command id is remembered.
const REMEMBERED: Duration = Duration::from_secs(60);

pub(super) fn routes(desk: Arc<Desk>) -> Router {
    Router::new()
        .route("/v2/calls", post(dial))
        .route("/v2/calls/{call}", get(read))
        .route("/v2/calls/{call}/actions/{action}", post(act))
        .route("/recordings/{file}", get(recording))
        .fallback(|| async { Refusal::unknown().response() })
        .with_state(desk)
}

/// The key that a request is sent with: paths do not say whose account they are about.
pub(super) fn whose(request: &Request) -> Option<String> {
    let given = request.headers().get(header::AUTHORIZATION)?.to_str().ok()?;
    given.strip_prefix("Bearer ").map(str::to_owned)
}

async fn dial(State(desk): State<Arc<Desk>>, headers: HeaderMap, body: Bytes) -> Response {
    let doing = {
        let desk = Arc::clone(&desk);
        move |body: Map<String, Value>| async move {
            let dial = Dial::read(&body, &desk.config.connection_id)?;
            let placing = async {
                let card = Desk::place(&desk, dial, None);
                desk.acted("dial", &card.call_control_id);
                Ok(json!({
                    "call_control_id": card.call_control_id,
                    "call_leg_id": card.call_leg_id,
                    "call_session_id": card.call_session_id,
                    "is_alive": false,
                    "record_type": "call",
                }))
            };
            desk.remembered.once(&desk, "dial", &body, placing).await
        }
    };
    troubled(&desk, "dial", &headers, &body, doing).await
}

async fn act(
    State(desk): State<Arc<Desk>>,
    Path((call, action)): Path<(String, String)>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let doing = {
        let (desk, call, action) = (Arc::clone(&desk), call, action.clone());
        move |body: Map<String, Value>| async move {
            let known = find(&desk, &call)?;
            let asked = Asked::read(&action, &body)?;
            let acting = async {
                let answer = pass_on(&known, asked).await?;
                desk.acted(&action, &call);
                Ok(answer)
            };
            desk.remembered.once(&desk, &call, &body, acting).await
        }
    };
    troubled(&desk, &action, &headers, &body, doing).await
}

/// Hands the command to the call, which may be over by then.
async fn pass_on(known: &Known, asked: Asked) -> Answer {
    if known.card.hangup.get().is_some() {
        return Err(Refusal::ended());
    }
    let (answer, answered) = oneshot::channel();
    known.orders.send(Order::Act(Box::new(asked), answer)).await.map_err(|_| Refusal::ended())?;
    answered.await.unwrap_or_else(|_| Err(Refusal::ended()))
}

fn find(desk: &Desk, call: &str) -> Result<Known, Refusal> {
    if !call.starts_with("v3:") && !call.starts_with("v2:") {
        return Err(Refusal::bad_call_control_id());
    }
    desk.find(call).ok_or_else(Refusal::unknown)
}

/// Does what is asked unless a fault comes between, and answers unless one does.
async fn troubled<F: Future<Output = Answer> + Send + 'static>(
    desk: &Desk,
    command: &str,
    headers: &HeaderMap,
    body: &[u8],
    doing: impl FnOnce(Map<String, Value>) -> F,
) -> Response {
    if !authorised(desk, headers) {
        return Refusal::unauthorized().response();
    }
    let trouble = desk.rest_faults.strike(command);
    match trouble {
        Some(RestTrouble::TooMany { retry_after }) => {
            return Refusal::too_many(retry_after.as_secs()).response();
        }
        Some(RestTrouble::ServerError) => return Refusal::failing().response(),
        Some(RestTrouble::Unavailable) => return Refusal::unavailable().response(),
        Some(RestTrouble::Dropped) => return broken(),
        Some(RestTrouble::ServerErrorAfter | RestTrouble::AnswerLost | RestTrouble::AnswerLate(_)) | None => {
        }
    }
    let answer = match object(body) {
        // In a task of its own: a client that gives up in the middle does not undo half of it.
        Ok(body) => tokio::spawn(doing(body)).await.unwrap_or_else(|_| Err(Refusal::failing())),
        Err(refusal) => Err(refusal),
    };
    if let Some(RestTrouble::AnswerLate(by)) = trouble {
        tokio::time::sleep(by).await;
    }
    match trouble {
        Some(RestTrouble::AnswerLost) => broken(),
        Some(RestTrouble::ServerErrorAfter) => Refusal::failing().response(),
        _ => match answer {
            Ok(data) => answer_json(StatusCode::OK, &json!({ "data": data })),
            Err(refusal) => refusal.response(),
        },
    }
}

/// The command's object. A command without fields may have no body.
fn object(body: &[u8]) -> Result<Map<String, Value>, Refusal> {
    if body.is_empty() {
        return Ok(Map::new());
    }
    match serde_json::from_slice(body) {
        Ok(Value::Object(object)) => Ok(object),
        Ok(_) => Err(Refusal::malformed("The body must be a JSON object.")),
        Err(error) => Err(Refusal::malformed(format!("The body is no JSON: {error}."))),
    }
}

fn authorised(desk: &Desk, headers: &HeaderMap) -> bool {
    let expected = format!("Bearer {}", desk.config.api_key);
    headers.get(header::AUTHORIZATION).and_then(|given| given.to_str().ok()) == Some(&expected)
}

async fn read(State(desk): State<Arc<Desk>>, Path(call): Path<String>, headers: HeaderMap) -> Response {
    if !authorised(&desk, &headers) {
        return Refusal::unauthorized().response();
    }
    let known = match find(&desk, &call) {
        Ok(known) => known,
        Err(refusal) => return refusal.response(),
    };
    let answered = known.shared.lock().status == "in-progress";
    let data = json!({
        "record_type": "call",
        "call_control_id": known.card.call_control_id,
        "call_leg_id": known.card.call_leg_id,
        "call_session_id": known.card.call_session_id,
        "client_state": known.card.client_state(),
        "is_alive": answered && known.card.hangup.get().is_none(),
        "start_time": known.card.start_time,
        "call_duration": known.shared.lock().now.as_secs(),
    });
    answer_json(StatusCode::OK, &json!({ "data": data }))
}

/// A recording, at an address that needs no key and dies; after that the store answers as stores do.
async fn recording(
    State(desk): State<Arc<Desk>>,
    Path(file): Path<String>,
    RawQuery(query): RawQuery,
) -> Response {
    let query = query.unwrap_or_default();
    let mut fields = url::form_urlencoded::parse(query.as_bytes());
    let token = fields.find(|(name, _)| name == "X-Amz-Signature").map(|(_, token)| token.into_owned());
    match file.strip_suffix(".wav").and_then(|id| desk.recording(id, &token.unwrap_or_default())) {
        Some(wav) => ([(header::CONTENT_TYPE, "audio/wav")], wav).into_response(),
        None => {
            let body = "<Error><Code>AccessDenied</Code><Message>Request has expired</Message></Error>";
            (StatusCode::FORBIDDEN, [(header::CONTENT_TYPE, "application/xml")], body).into_response()
        }
    }
}

/// The answers to commands that had an id, by what the id is unique within.
#[derive(Debug, Default)]
pub(super) struct Remembered(Mutex<BTreeMap<(String, String), Memory>>);

/// When a command came first, and its answer once it succeeded.
type Memory = (Duration, Arc<AsyncMutex<Option<Value>>>);

impl Remembered {
    /// Does a command once: one with the same id within a minute gets the same answer, and nothing is done.
    async fn once(
        &self,
        desk: &Desk,
        scope: &str,
        body: &Map<String, Value>,
        doing: impl Future<Output = Answer>,
    ) -> Answer {
        let Some(id) = body.get("command_id").and_then(Value::as_str) else { return doing.await };
        let slot = self.slot(desk.clock.now(), (scope.to_owned(), id.to_owned()));
        let mut slot = slot.lock().await;
        if let Some(answer) = &*slot {
            return Ok(answer.clone());
        }
        let answer = doing.await?;
        *slot = Some(answer.clone());
        Ok(answer)
    }

    fn slot(&self, now: Duration, key: (String, String)) -> Arc<AsyncMutex<Option<Value>>> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.retain(|_, (since, _)| now < *since + REMEMBERED);
        Arc::clone(&known.entry(key).or_insert_with(|| (now, Arc::default())).1)
    }
}
