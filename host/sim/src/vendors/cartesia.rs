//! Cartesia's streaming synthesiser, `/tts/websocket`.

mod context;
mod request;
mod session;

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::extract::ws::WebSocketUpgrade;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::faults::Faults;
use crate::server::{Handle, House, Schedule};

/// A voice of the simulated synthesiser: the high one.
pub const VOICE: &str = "simulated-high";

/// How a simulated synthesiser behaves.
#[derive(Clone, Debug)]
pub struct Config {
    /// The key it accepts.
    pub key: String,
    /// From the text to the first audio. The real service needs 40 to 90 ms.
    pub first_byte: Duration,
    /// How many seconds of audio it makes in a second.
    pub speed: u32,
    /// Where to listen; a free port of this machine where absent.
    pub addr: Option<SocketAddr>,
}

impl Default for Config {
    fn default() -> Self {
        Self { key: super::KEY.into(), first_byte: Duration::from_millis(60), speed: 5, addr: None }
    }
}

/// Starts it.
///
/// # Errors
/// Where the port cannot be had.
pub async fn start(config: Config, faults: Faults) -> io::Result<Handle> {
    crate::server::start(config.addr, faults, |house| {
        Router::new().route("/tts/websocket", get(websocket)).with_state(Service { config, house })
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
    headers: HeaderMap,
    upgrade: Result<WebSocketUpgrade, axum::extract::ws::rejection::WebSocketUpgradeRejection>,
) -> Response {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let bearer = text(header::AUTHORIZATION.as_str()).and_then(|value| value.strip_prefix("Bearer "));
    if text("x-api-key").or(bearer) != Some(service.config.key.as_str()) {
        let body = error(None, 401, "Unauthorized", "The API key is not valid.", "invalid_api_key");
        return crate::server::json(StatusCode::UNAUTHORIZED, &body);
    }
    if !text("cartesia-version").is_some_and(is_version) {
        let message = "The Cartesia-Version header must be a date from 2026 on, such as 2026-03-01.";
        let body = error(None, 400, "Bad Request", message, "invalid_version");
        return crate::server::json(StatusCode::BAD_REQUEST, &body);
    }
    match upgrade {
        Err(rejection) => rejection.into_response(),
        Ok(upgrade) => upgrade.read_buffer_size(8 << 10).on_upgrade(move |socket| async move {
            let schedule = Schedule::new(service.house.faults());
            session::run(socket, service.config, schedule, service.house).await;
        }),
    }
}

/// This simulator speaks the protocol as it is from version 2026 on.
fn is_version(version: &str) -> bool {
    version.parse::<jiff::civil::Date>().is_ok_and(|date| date.year() >= 2026)
}

fn error(context: Option<&str>, status: u16, title: &str, message: &str, code: &str) -> Value {
    let mut value = json!({
        "type": "error",
        "done": true,
        "status_code": status,
        "title": title,
        "message": message,
        "error_code": code,
        "doc_url": "https://docs.cartesia.ai/api-reference/errors",
        "request_id": Uuid::new_v4().to_string(),
    });
    if let (Some(context), Some(fields)) = (context, value.as_object_mut()) {
        fields.insert("context_id".into(), context.into());
    }
    value
}
