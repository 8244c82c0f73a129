//! One port for both planes: media sockets here, all else to the edge.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, HttpBody as _};
use axum::extract::{ConnectInfo, Request, State};
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::{get, post};
use edge::{Edge, Origin, Scheme};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};

use crate::commands;
use crate::internal;
use crate::media;
use crate::platform::Platform;
use crate::problem;
use crate::tool_api;

/// How long a client may take to send a request's head.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);

/// How many connections are served at once; more wait in the kernel's backlog.
const MAX_CONNECTIONS: usize = 2048;

/// The largest body that is read. The components' own limits are lower.
const MAX_BODY_BYTES: usize = 128 << 10;

/// The largest of Vapi's, whose reports hold whole conversations.
const MAX_REPORT_BYTES: usize = 1 << 20;

/// What the bodies of all requests together may take, in KiB; more wait, within [`BODY_TIMEOUT`].
const BODIES_KIB: usize = 128 << 10;

/// How long a client may take to send a body. It is read before the request takes
/// a place among those in progress, or a few slow clients would take all places.
pub const BODY_TIMEOUT: Duration = Duration::from_secs(5);

/// How long to wait after the kernel refuses a connection, for example because
/// too many files are open.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// What the routes share.
#[derive(Clone)]
pub struct Shared {
    /// Everything that calls share.
    pub platform: Arc<Platform>,
    /// The address that this process listens on.
    pub listening: SocketAddr,
    /// The edge plane, where this process serves it.
    pub edge: Option<Edge>,
    /// Room for requests' bodies.
    bodies: Arc<Semaphore>,
}

impl Shared {
    /// For a process that listens there.
    pub fn new(platform: Arc<Platform>, listening: SocketAddr, edge: Option<Edge>) -> Self {
        Self { platform, listening, edge, bodies: Arc::new(Semaphore::new(BODIES_KIB)) }
    }
}

fn body_limit(path: &str) -> usize {
    if path.starts_with("/webhooks/") && path.ends_with("/vapi") { MAX_REPORT_BYTES } else { MAX_BODY_BYTES }
}

/// The routes of this process.
pub fn router(shared: Shared) -> Router {
    Router::new()
        .route("/media/{carrier}/{token}", get(media::accept))
        .route("/v1/live/{call}/commands", post(commands::command))
        .merge(internal::routes())
        .merge(tool_api::routes(shared.platform.tool_api.clone()))
        .method_not_allowed_fallback(problem::method_not_allowed)
        .fallback(to_edge)
        .layer(axum::middleware::from_fn(problem::identified))
        .with_state(shared)
}

/// Serves connections until `stop` turns true; connections that are open then
/// go on until they end by themselves.
pub async fn serve(listener: TcpListener, router: Router, mut stop: watch::Receiver<bool>) {
    let room = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    loop {
        let Ok(permit) = room.clone().acquire_owned().await else { return };
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = stop.wait_for(|stop| *stop) => return,
        };
        match accepted {
            Ok((stream, address)) => {
                let router = router.clone();
                tokio::spawn(async move {
                    connection(stream, address, router).await;
                    drop(permit);
                });
            }
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

async fn connection(stream: TcpStream, address: SocketAddr, router: Router) {
    // Frames are small and must not wait for more.
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "a connection is gone already");
        return;
    }
    let service = tower::service_fn(move |mut request: Request<hyper::body::Incoming>| {
        request.extensions_mut().insert(ConnectInfo(address));
        let router = router.clone();
        async move {
            use tower::ServiceExt as _;
            router.oneshot(request.map(Body::new)).await
        }
    });
    let served = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(service))
        .with_upgrades()
        .await;
    if let Err(error) = served {
        tracing::debug!(%error, "a connection broke");
    }
}

async fn to_edge(
    State(shared): State<Shared>,
    ConnectInfo(address): ConnectInfo<SocketAddr>,
    request: Request,
) -> Result<Response, Infallible> {
    let Some(edge) = shared.edge else {
        let detail = "this process serves media sockets only";
        return Ok(problem::response(StatusCode::NOT_FOUND, "not-found", detail));
    };
    let (head, body) = request.into_parts();
    let limit = body_limit(head.uri.path());
    let announced = body.size_hint().upper().and_then(|bytes| usize::try_from(bytes).ok());
    let kib = u32::try_from(announced.unwrap_or(limit).min(limit).div_ceil(1024)).unwrap_or(u32::MAX);
    let read = async {
        let room = shared.bodies.clone().acquire_many_owned(kib).await.ok()?;
        Some((axum::body::to_bytes(body, limit).await, room))
    };
    let (body, _room) = match tokio::time::timeout(BODY_TIMEOUT, read).await {
        Ok(Some((Ok(body), room))) => (Body::from(body), room),
        Ok(Some((Err(_), _))) => {
            let detail = format!("the body has more than {limit} bytes, or broke off");
            return Ok(problem::response(StatusCode::PAYLOAD_TOO_LARGE, "body-too-large", &detail));
        }
        Ok(None) | Err(_) => {
            let detail = "the body took too long: send it within five seconds";
            return Ok(problem::response(StatusCode::REQUEST_TIMEOUT, "body-too-slow", detail));
        }
    };
    let request = Request::from_parts(head, body);
    let origin = Origin { client_addr: address, local_addr: shared.listening, scheme: Scheme::Http };
    let response = edge.handle(request, origin).await;
    Ok(response.map(Body::new))
}
