//! One port for both planes: media sockets here, all else to the edge.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{ConnectInfo, Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
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

/// How long a client may take to send a request's head.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);

/// How many connections are served at once; more wait in the kernel's backlog.
const MAX_CONNECTIONS: usize = 2048;

/// The largest body that is read. The components' own limits are lower; this one
/// bounds what all connections together can make this process hold.
const MAX_BODY_BYTES: usize = 128 << 10;

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
}

/// The routes of this process.
pub fn router(shared: Shared) -> Router {
    Router::new()
        .route("/media/{carrier}/{token}", get(media::accept))
        .route("/v1/live/{call}/commands", post(commands::command))
        .merge(internal::routes())
        .fallback(to_edge)
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
        return Ok((StatusCode::NOT_FOUND, "this process serves media sockets only\n").into_response());
    };
    let (head, body) = request.into_parts();
    let body = match tokio::time::timeout(BODY_TIMEOUT, axum::body::to_bytes(body, MAX_BODY_BYTES)).await {
        Ok(Ok(body)) => Body::from(body),
        Ok(Err(_)) => return Ok((StatusCode::PAYLOAD_TOO_LARGE, "the body is too large\n").into_response()),
        Err(_) => return Ok((StatusCode::REQUEST_TIMEOUT, "the body took too long\n").into_response()),
    };
    let request = Request::from_parts(head, body);
    let origin = Origin { client_addr: address, local_addr: shared.listening, scheme: Scheme::Http };
    let response = edge.handle(request, origin).await;
    Ok(response.map(Body::new))
}
