//! OpenAI's HTTP interface: chat completions, streamed or whole, and the speech interfaces.

mod chat;
mod check;
mod embedding;
mod form;
mod speech;
mod stream;

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::{StatusCode, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use axum::routing::{get, post};
use serde_json::json;

use crate::faults::Faults;
use crate::server::{Handle, House};

/// The name of the scripted model; any other is refused, as a model that does not exist.
pub const MODEL: &str = "simulated-receptionist";

/// The largest request: a minute of wide-band audio, in base64 or not.
const LARGEST_BODY: usize = 16 << 20;

/// How the simulated service behaves.
#[derive(Clone, Debug)]
pub struct Config {
    /// The key it accepts.
    pub key: String,
    /// From the request to the first token.
    pub first_token: Duration,
    /// Between tokens.
    pub token_interval: Duration,
    /// Where to listen; a free port of this machine where absent.
    pub addr: Option<SocketAddr>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            key: super::KEY.into(),
            first_token: Duration::from_millis(150),
            token_interval: Duration::from_millis(12),
            addr: None,
        }
    }
}

/// Starts it.
///
/// # Errors
/// Where the port cannot be had.
pub async fn start(config: Config, faults: Faults) -> io::Result<Handle> {
    crate::server::start(config.addr, faults, |house| {
        let service = Service { config, house };
        Router::new()
            .route("/v1/chat/completions", post(chat::complete))
            .route("/v1/models", get(models))
            .route("/v1/audio/speech", post(speech::speak))
            .route("/v1/audio/transcriptions", post(speech::transcribe))
            .route("/v1/embeddings", post(embedding::embed))
            .layer(DefaultBodyLimit::max(LARGEST_BODY))
            .layer(from_fn_with_state(service.clone(), authorise))
            .with_state(service)
    })
    .await
}

#[derive(Clone)]
struct Service {
    config: Config,
    house: House,
}

async fn authorise(State(service): State<Service>, request: Request, next: Next) -> Response {
    let given = request.headers().get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    match given.and_then(|given| given.strip_prefix("Bearer ")) {
        None => error(
            StatusCode::UNAUTHORIZED,
            "You didn't provide an API key in an Authorization header (Bearer).",
            None,
            None,
        ),
        Some(key) if key != service.config.key => {
            error(StatusCode::UNAUTHORIZED, "Incorrect API key provided.", None, Some("invalid_api_key"))
        }
        Some(_) => next.run(request).await,
    }
}

async fn models() -> Response {
    let body = json!({
        "object": "list",
        "data": [{ "id": MODEL, "object": "model", "created": 1_767_225_600, "owned_by": "simulator" }],
    });
    crate::server::json(StatusCode::OK, &body)
}

/// An error as OpenAI words it.
fn error(status: StatusCode, message: &str, param: Option<&str>, code: Option<&str>) -> Response {
    let kind = if status.is_server_error() { "server_error" } else { "invalid_request_error" };
    let body = json!({ "error": { "message": message, "type": kind, "param": param, "code": code } });
    crate::server::json(status, &body)
}
