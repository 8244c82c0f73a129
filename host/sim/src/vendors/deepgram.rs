//! Deepgram's streaming recognisers: `/v1/listen`, and Flux on `/v2/listen`.

mod flux;
mod intake;
mod query;
mod session;
mod transcript;

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::extract::ws::WebSocketUpgrade;
use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use uuid::Uuid;

use self::session::Engine;
use self::transcript::Recognition;
use crate::faults::Faults;
use crate::server::{Handle, House, Schedule};

/// How a simulated recogniser behaves.
#[derive(Clone, Debug)]
pub struct Config {
    /// The key it accepts.
    pub key: String,
    /// From the end of a word in the audio to its result. The real service needs 100 to 300 ms.
    pub latency: Duration,
    /// Where to listen; a free port of this machine where absent.
    pub addr: Option<SocketAddr>,
}

impl Default for Config {
    fn default() -> Self {
        Self { key: super::KEY.into(), latency: Duration::from_millis(60), addr: None }
    }
}

/// Starts both versions, on one address as at the real service.
///
/// # Errors
/// Where the port cannot be had.
pub async fn start(config: Config, faults: Faults) -> io::Result<Handle> {
    crate::server::start(config.addr, faults, |house| {
        Router::new()
            .route("/v1/listen", get(listen))
            .route("/v2/listen", get(listen_for_turns))
            .with_state(Service { config, house })
    })
    .await
}

#[derive(Clone)]
struct Service {
    config: Config,
    house: House,
}

type Upgrade = Result<WebSocketUpgrade, axum::extract::ws::rejection::WebSocketUpgradeRejection>;

async fn listen(
    State(service): State<Service>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    upgrade: Upgrade,
) -> Response {
    let make = |id| query::parse(&query.unwrap_or_default()).map(|options| Recognition::new(options, id));
    open(service, &headers, upgrade, make)
}

async fn listen_for_turns(
    State(service): State<Service>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    upgrade: Upgrade,
) -> Response {
    let make = |id| flux::parse(&query.unwrap_or_default()).map(|options| flux::Turns::new(options, id));
    open(service, &headers, upgrade, make)
}

/// Lets a client in that has the key and asks for what `make` can make.
fn open<E: Engine + 'static>(
    service: Service,
    headers: &HeaderMap,
    upgrade: Upgrade,
    make: impl FnOnce(Uuid) -> Result<E, String>,
) -> Response {
    let request_id = Uuid::new_v4();
    let given = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    if given != Some(format!("Token {}", service.config.key).as_str()) {
        return refusal(StatusCode::UNAUTHORIZED, "INVALID_AUTH", "Invalid credentials.", request_id);
    }
    let engine = match make(request_id) {
        Ok(engine) => engine,
        Err(message) => return refusal(StatusCode::BAD_REQUEST, "Bad Request", &message, request_id),
    };
    let upgrade = match upgrade {
        Ok(upgrade) => upgrade,
        Err(rejection) => return rejection.into_response(),
    };
    let mut response = upgrade.read_buffer_size(8 << 10).on_upgrade(move |socket| async move {
        let schedule = Schedule::new(service.house.faults());
        session::run(socket, engine, service.config.latency, schedule, service.house).await;
    });
    insert_id(&mut response, request_id);
    response
}

fn refusal(status: StatusCode, code: &str, message: &str, request_id: Uuid) -> Response {
    let body =
        serde_json::json!({ "err_code": code, "err_msg": message, "request_id": request_id.to_string() });
    let mut response = crate::server::json(status, &body);
    insert_id(&mut response, request_id);
    if let Ok(value) = HeaderValue::from_str(message) {
        response.headers_mut().insert("dg-error", value);
    }
    response
}

fn insert_id(response: &mut Response, request_id: Uuid) {
    if let Ok(value) = HeaderValue::from_str(&request_id.to_string()) {
        response.headers_mut().insert("dg-request-id", value);
    }
}
