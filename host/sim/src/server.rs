//! A small HTTP server whose connections can be cut from outside, as a vendor's outage cuts them.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use hyper::service::{Service as _, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::Instant;

use crate::faults::Faults;

/// How long a client may take to send a request's head.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);

/// What a simulator has counted since it started.
#[derive(Debug, Default)]
pub struct Counters {
    requests: AtomicU64,
    refused: AtomicU64,
    live: AtomicU64,
    work: AtomicU64,
}

impl Counters {
    /// Requests, WebSocket handshakes among them.
    pub fn requests(&self) -> u64 {
        self.requests.load(Ordering::Relaxed)
    }

    /// Requests refused: by a fault, for a wrong key or a mistake in them.
    pub fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }

    /// WebSockets and streams that are open.
    pub fn live(&self) -> u64 {
        self.live.load(Ordering::Relaxed)
    }

    /// Results delivered: words recognised, answers begun, audio chunks sent.
    pub fn work(&self) -> u64 {
        self.work.load(Ordering::Relaxed)
    }

    pub(crate) fn count_work(&self) {
        self.work.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts a stream as open until the guard is dropped.
    pub(crate) fn open(self: &Arc<Self>) -> Open {
        self.live.fetch_add(1, Ordering::Relaxed);
        Open(Arc::clone(self))
    }
}

/// An open stream.
#[derive(Debug)]
pub(crate) struct Open(Arc<Counters>);

impl Drop for Open {
    fn drop(&mut self) {
        self.0.live.fetch_sub(1, Ordering::Relaxed);
    }
}

/// What every handler of a simulator has at hand.
#[derive(Debug)]
pub(crate) struct House {
    pub(crate) counters: Arc<Counters>,
    faults: Arc<Mutex<Faults>>,
    stop: watch::Receiver<bool>,
    cuts: watch::Receiver<u64>,
    /// How many cuts there had been when this stream began.
    cuts_before: u64,
}

/// Each stream has a clone of its own.
impl Clone for House {
    fn clone(&self) -> Self {
        Self {
            counters: Arc::clone(&self.counters),
            faults: Arc::clone(&self.faults),
            stop: self.stop.clone(),
            cuts: self.cuts.clone(),
            cuts_before: *self.cuts.borrow(),
        }
    }
}

impl House {
    /// The faults in force at this moment.
    pub(crate) fn faults(&self) -> Faults {
        self.faults.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Resolves when the simulator is stopped or killed, or this stream is dropped.
    pub(crate) async fn stopped(&mut self) {
        let before = self.cuts_before;
        // An error means that the handle is gone, and with it the simulator.
        tokio::select! {
            _ended = self.stop.wait_for(|stop| *stop) => {}
            _ended = self.cuts.wait_for(|cuts| *cuts != before) => {}
        }
    }

    async fn closed(&mut self) {
        let _ended = self.stop.wait_for(|stop| *stop).await;
    }
}

/// A running simulator. It stops when this is dropped.
#[derive(Debug)]
pub struct Handle {
    addr: SocketAddr,
    counters: Arc<Counters>,
    faults: Arc<Mutex<Faults>>,
    stop: Arc<watch::Sender<bool>>,
    cut: watch::Sender<u64>,
    task: JoinHandle<()>,
}

impl Handle {
    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Its HTTP address, without a path.
    pub fn http_url(&self) -> String {
        format!("http://{}", self.addr)
    }

    /// Its WebSocket address, without a path.
    pub fn ws_url(&self) -> String {
        format!("ws://{}", self.addr)
    }

    /// What it has counted.
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// Puts `faults` in force for the requests that follow.
    pub fn set_faults(&self, faults: Faults) {
        *self.faults.lock().unwrap_or_else(PoisonError::into_inner) = faults;
    }

    /// Drops every stream that is open, without a word, and goes on serving.
    pub fn drop_streams(&self) {
        self.cut.send_modify(|cuts| *cuts += 1);
    }

    /// Drops every connection without a word and refuses new ones, as a crash does.
    pub fn kill(&self) {
        self.stop.send_replace(true);
    }

    /// Stops it, and waits until its port is free.
    pub async fn shutdown(mut self) {
        self.kill();
        // The task ends by itself or was aborted: either way it is over.
        let _over = (&mut self.task).await;
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.stop.send_replace(true);
    }
}

/// Serves what `routes` makes on a free port of this machine, or on `addr`.
pub(crate) async fn start(
    addr: Option<SocketAddr>,
    faults: Faults,
    routes: impl FnOnce(House) -> Router,
) -> std::io::Result<Handle> {
    let listener = TcpListener::bind(addr.unwrap_or_else(|| SocketAddr::from(([127, 0, 0, 1], 0)))).await?;
    let addr = listener.local_addr()?;
    let (stop, stopping) = watch::channel(false);
    let stop = Arc::new(stop);
    let (cut, cuts) = watch::channel(0);
    let counters = Arc::new(Counters::default());
    let kill_after = faults.kill_after;
    let faults = Arc::new(Mutex::new(faults));
    let house = House {
        counters: Arc::clone(&counters),
        faults: Arc::clone(&faults),
        stop: stopping,
        cuts,
        cuts_before: 0,
    };
    let router = routes(house.clone()).layer(axum::middleware::from_fn_with_state(house.clone(), admit));
    let task = tokio::spawn(accept(listener, router, house, Arc::clone(&stop), kill_after));
    Ok(Handle { addr, counters, faults, stop, cut, task })
}

async fn accept(
    listener: TcpListener,
    router: Router,
    mut house: House,
    stop: Arc<watch::Sender<bool>>,
    kill_after: Option<Duration>,
) {
    let mut connections = JoinSet::new();
    let killed = tokio::time::sleep(kill_after.unwrap_or(Duration::MAX));
    tokio::pin!(killed);
    loop {
        tokio::select! {
            () = house.closed() => return,
            () = &mut killed => {
                stop.send_replace(true);
                return;
            }
            accepted = listener.accept() => if let Ok((stream, _)) = accepted {
                connections.spawn(serve(stream, router.clone()));
            },
            Some(_over) = connections.join_next() => {}
        }
    }
}

async fn serve(stream: TcpStream, router: Router) {
    // Small frames must not wait for each other.
    let _best_effort = stream.set_nodelay(true);
    let routes = TowerToHyperService::new(router);
    let service = service_fn(move |request| {
        let answer = routes.call(request);
        async move {
            let response = match answer.await {
                Ok(response) => response,
                Err(never) => match never {},
            };
            match response.extensions().get::<Broken>() {
                // An error here ends the connection without another byte.
                Some(Broken) => Err(std::io::Error::from(std::io::ErrorKind::ConnectionAborted)),
                None => Ok(response),
            }
        }
    });
    let connection = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades();
    // A connection that breaks is the client's doing, or a fault that was asked for.
    let _broken = connection.await;
}

/// Applies the faults that concern a whole request.
async fn admit(State(house): State<House>, request: Request, next: Next) -> Response {
    house.counters.requests.fetch_add(1, Ordering::Relaxed);
    let faults = house.faults();
    let response = match faults.refuse.and_then(|status| StatusCode::from_u16(status).ok()) {
        Some(status) => (status, "refused by a fault\n").into_response(),
        None => next.run(request).await,
    };
    if response.status().is_client_error() || response.status().is_server_error() {
        house.counters.refused.fetch_add(1, Ordering::Relaxed);
    }
    response
}

/// When the faults of one stream strike.
#[derive(Clone, Debug)]
pub(crate) struct Schedule {
    began: Instant,
    faults: Faults,
}

impl Schedule {
    pub(crate) fn new(faults: Faults) -> Self {
        Self { began: Instant::now(), faults }
    }

    /// Whether nothing may be said any more.
    pub(crate) fn stalled(&self) -> bool {
        self.faults.stall_after.is_some_and(|after| self.began.elapsed() >= after)
    }

    /// How long the first answer is held back.
    pub(crate) fn first_byte_delay(&self) -> Duration {
        self.faults.first_byte_delay
    }

    /// Resolves when the stream is to break.
    pub(crate) fn broken(&self) -> impl Future<Output = ()> + Send + use<> {
        let at = self.faults.close_after.map(|after| self.began + after);
        async move {
            match at {
                Some(at) => tokio::time::sleep_until(at).await,
                None => std::future::pending().await,
            }
        }
    }
}

/// An answer that is never sent: its connection breaks instead.
#[derive(Clone, Copy, Debug)]
struct Broken;

/// Breaks the connection of a request instead of answering it.
pub(crate) fn broken() -> Response {
    let mut response = StatusCode::INTERNAL_SERVER_ERROR.into_response();
    response.extensions_mut().insert(Broken);
    response
}

/// A JSON answer.
pub(crate) fn json(status: StatusCode, body: &serde_json::Value) -> Response {
    (status, [(axum::http::header::CONTENT_TYPE, "application/json")], body.to_string()).into_response()
}
