//! ElevenLabs' streaming synthesiser, `/v1/text-to-speech/{voice}/multi-stream-input`.

mod context;
mod request;
mod session;

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::extract::ws::WebSocketUpgrade;
use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use serde_json::json;

use crate::faults::Faults;
use crate::server::{Handle, House, Schedule};

/// A voice of the simulated synthesiser: the middle one, to be told from the other synthesiser's.
pub const VOICE: &str = "simulated-middle";

/// How a simulated synthesiser behaves.
#[derive(Clone, Debug)]
pub struct Config {
    /// The key it accepts.
    pub key: String,
    /// From the text to the first audio. The vendor speaks of 75 ms in the model.
    pub first_byte: Duration,
    /// How many seconds of audio it makes in a second.
    pub speed: u32,
    /// Where to listen; a free port of this machine where absent.
    pub addr: Option<SocketAddr>,
}

impl Default for Config {
    fn default() -> Self {
        Self { key: super::KEY.into(), first_byte: Duration::from_millis(80), speed: 5, addr: None }
    }
}

/// Starts it.
///
/// # Errors
/// Where the port cannot be had.
pub async fn start(config: Config, faults: Faults) -> io::Result<Handle> {
    crate::server::start(config.addr, faults, |house| {
        Router::new()
            .route("/v1/text-to-speech/{voice}/multi-stream-input", get(websocket))
            .with_state(Service { config, house })
    })
    .await
}

#[derive(Clone)]
struct Service {
    config: Config,
    house: House,
}

async fn websocket(
    State(service): State<Service>,
    Path(voice): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    upgrade: Result<WebSocketUpgrade, axum::extract::ws::rejection::WebSocketUpgradeRejection>,
) -> Response {
    let key = headers.get("xi-api-key").and_then(|value| value.to_str().ok());
    if key != Some(service.config.key.as_str()) {
        return refusal(StatusCode::UNAUTHORIZED, "invalid_api_key", "Invalid API key");
    }
    let options = match request::options(&voice, query.as_deref().unwrap_or_default()) {
        Ok(options) => options,
        Err(message) => return refusal(StatusCode::BAD_REQUEST, "invalid_parameters", &message),
    };
    match upgrade {
        Err(rejection) => rejection.into_response(),
        Ok(upgrade) => upgrade.read_buffer_size(8 << 10).on_upgrade(move |socket| async move {
            let schedule = Schedule::new(service.house.faults());
            session::run(socket, options, service.config, schedule, service.house).await;
        }),
    }
}

fn refusal(status: StatusCode, name: &str, message: &str) -> Response {
    crate::server::json(status, &json!({ "detail": { "status": name, "message": message } }))
}
