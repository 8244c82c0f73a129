//! The application: loaded once, then asked for answers.

mod load;

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::uri::Authority;
use http::{HeaderValue, Request, Response, StatusCode, header};
use http_body::Body;
use http_body_util::BodyExt;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use wasmtime_wasi_http::{Error as WasiError, WasiBody};

use crate::body::{self, Bounded, BoxBody, BoxError, Overflow};
use crate::error::LoadError;
use crate::handler::{Caller, Failure, Handler};
use crate::headers::{self, Arrival};
use crate::manifest::StaticResponse;
use crate::outbound::Application;
use crate::routes::{Router, WELL_KNOWN_PREFIX};
use crate::settings::{Limits, Origin, Scheme, Settings};

/// Who asks, when a component asks another.
const CHAINED_CLIENT: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 0);

/// A loaded application. Cheap to clone.
#[derive(Clone)]
pub struct Edge(Arc<Inner>);

/// A route of the application, for banners.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct RouteInfo {
    /// The route as the manifest writes it; `None` if only other components reach it.
    pub route: Option<String>,
    /// The component that answers; `None` for a static response.
    pub component: Option<String>,
}

pub(crate) struct Inner {
    name: String,
    version: Option<String>,
    routes: Vec<RouteInfo>,
    router: Router<Destination>,
    handlers: BTreeMap<String, Handler>,
    limits: Limits,
    places: Arc<Semaphore>,
    waiting: AtomicUsize,
}

#[derive(Debug)]
enum Destination {
    Component(String),
    Static(StaticResponse),
}

impl Edge {
    /// Reads the manifest, composes, compiles and links its components, and opens its stores.
    ///
    /// # Errors
    ///
    /// If anything in the manifest is wrong, missing or unsupported; the error says what and where.
    pub async fn load(settings: Settings) -> Result<Self, LoadError> {
        let application = Application::default();
        let inner = Arc::new(load::load(settings, &application).await?);
        application.set(&inner);
        Ok(Self(inner))
    }

    /// The routes in the order of the manifest.
    pub fn routes(&self) -> Vec<RouteInfo> {
        self.0.routes.clone()
    }

    /// Answers a request. Errors become plain responses: 400, 404, 413, 500, 503 or 504.
    pub async fn handle<B>(&self, request: Request<B>, origin: Origin) -> Response<BoxBody>
    where
        B: Body<Data = Bytes> + Send + 'static,
        B::Error: Into<BoxError>,
    {
        let authority = request.uri().authority().cloned();
        let (mut parts, body) = request.into_parts();
        let overflow = Overflow::default();
        let limits = &self.0.limits;
        if let Some(well_known) = parts.uri.path().strip_prefix(WELL_KNOWN_PREFIX) {
            return self.0.well_known(well_known);
        }
        if body.size_hint().lower() > limits.max_body {
            return too_large(limits.max_body);
        }
        let authority = match headers::authority(&parts) {
            Ok(authority) => authority,
            Err(refused) => {
                tracing::debug!(client = %origin.client_addr, ?authority, %refused, "request refused");
                return plain(StatusCode::BAD_REQUEST, &refused.to_string());
            }
        };
        parts.headers.remove(header::HOST);
        let body =
            Bounded::new(body, limits.max_body, limits.body_read_timeout, overflow.clone()).boxed_unsync();
        let request = Request::from_parts(parts, body);
        let response = self.0.route(request, authority, Caller::new(origin, 0)).await;
        match overflow.happened() {
            true => too_large(limits.max_body),
            false => response,
        }
    }

    /// The longest that a request in progress can still take: to the head of its response, and from there to its end.
    pub(crate) fn drain_time(&self) -> Duration {
        self.0.limits.request_deadline * 2 + Duration::from_secs(1)
    }
}

impl Inner {
    fn well_known(&self, name: &str) -> Response<BoxBody> {
        match name {
            "health" => Response::new(body::full("OK")),
            "info" => {
                let info = match &self.version {
                    Some(version) => serde_json::json!({ "name": self.name, "version": version }),
                    None => serde_json::json!({ "name": self.name }),
                };
                let mut response = Response::new(body::full(info.to_string()));
                response
                    .headers_mut()
                    .insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
                response
            }
            _ => plain(StatusCode::NOT_FOUND, "not found"),
        }
    }

    /// Answers a request by the public routes.
    async fn route(
        &self,
        request: Request<WasiBody>,
        authority: Authority,
        caller: Caller,
    ) -> Response<BoxBody> {
        let path = request.uri().path().to_owned();
        let Some(matched) = self.router.find(&path) else {
            tracing::debug!(path, "no route");
            return plain(StatusCode::NOT_FOUND, "not found");
        };
        match matched.target {
            Destination::Static(response) => {
                let mut answer = Response::new(body::full(response.body.clone()));
                *answer.status_mut() = response.status;
                *answer.headers_mut() = response.headers.clone();
                answer
            }
            Destination::Component(component) => {
                let Origin { scheme, client_addr, .. } = caller.origin;
                let arrival = Arrival::routed(&matched, scheme, authority, client_addr);
                let (mut parts, body) = request.into_parts();
                headers::prepare(&mut parts, &arrival);
                self.ask(component, Request::from_parts(parts, body), caller).await
            }
        }
    }

    /// Has a component answer a request that is prepared for it.
    async fn ask(&self, component: &str, request: Request<WasiBody>, caller: Caller) -> Response<BoxBody> {
        let Some(handler) = self.handlers.get(component) else {
            return plain(StatusCode::NOT_FOUND, "not found");
        };
        // A request of a component runs in the place of the request that the component answers.
        let place = if caller.depth == 0 {
            match self.place().await {
                Some(place) => Some(place),
                None => {
                    tracing::warn!(component, "too many requests at one time");
                    return overloaded();
                }
            }
        } else {
            None
        };
        let cut_off = caller.cut_off.clone();
        match handler.handle(caller, request).await {
            Ok(response) => response.map(|body| body::of_guest(body, place, cut_off)),
            Err(failure) => {
                tracing::error!(component, %failure, "request failed");
                match failure {
                    Failure::Deadline => {
                        plain(StatusCode::GATEWAY_TIMEOUT, "the component did not answer in time")
                    }
                    Failure::Full => overloaded(),
                    Failure::Guest(_) => plain(StatusCode::INTERNAL_SERVER_ERROR, "the component failed"),
                }
            }
        }
    }

    /// A place among the requests in progress, after some waiting at worst.
    async fn place(&self) -> Option<OwnedSemaphorePermit> {
        if let Ok(place) = self.places.clone().try_acquire_owned() {
            return Some(place);
        }
        let waiting = Waiting::enter(&self.waiting, self.limits.max_queued_requests)?;
        let place = tokio::time::timeout(self.limits.queue_wait, self.places.clone().acquire_owned()).await;
        drop(waiting);
        place.ok()?.ok()
    }

    /// A request of one component to another, by `http://<component>.spin.internal`.
    pub(crate) async fn chain(
        &self,
        component: &str,
        request: Request<WasiBody>,
        depth: u8,
    ) -> Result<Response<WasiBody>, WasiError> {
        if !self.handlers.contains_key(component) {
            tracing::warn!(component, "a component asked for one that has no trigger");
            return Err(WasiError::DestinationNotFound);
        }
        let (mut parts, body) = request.into_parts();
        let authority = parts.uri.authority().cloned().ok_or(WasiError::HttpRequestUriInvalid)?;
        let path = parts.uri.path().to_owned();
        let arrival = Arrival {
            scheme: Scheme::Http,
            authority,
            client_addr: CHAINED_CLIENT,
            pattern: "/...",
            path_info: &path,
            parameters: &[],
        };
        headers::prepare(&mut parts, &arrival);
        parts.headers.remove(header::HOST);
        let origin = Origin { client_addr: CHAINED_CLIENT, local_addr: CHAINED_CLIENT, scheme: Scheme::Http };
        let response =
            self.ask(component, Request::from_parts(parts, body), Caller::new(origin, depth)).await;
        Ok(response.map(back_to_guest))
    }

    /// A request of a component to its own application.
    pub(crate) async fn own(
        &self,
        mut request: Request<WasiBody>,
        origin: Origin,
        depth: u8,
    ) -> Result<Response<WasiBody>, WasiError> {
        let authority = Authority::try_from(origin.local_addr.to_string())
            .map_err(|_| WasiError::HttpRequestUriInvalid)?;
        if let Some(well_known) = request.uri().path().strip_prefix(WELL_KNOWN_PREFIX) {
            return Ok(self.well_known(well_known).map(back_to_guest));
        }
        request.headers_mut().remove(header::HOST);
        let origin = Origin { client_addr: origin.local_addr, ..origin };
        // Boxed because a route may lead to a component, which may ask its application again.
        let response = Box::pin(self.route(request, authority, Caller::new(origin, depth))).await;
        Ok(response.map(back_to_guest))
    }
}

fn back_to_guest(body: BoxBody) -> WasiBody {
    body.map_err(|error| match error.downcast::<WasiError>() {
        Ok(error) => *error,
        Err(error) => WasiError::InternalError(Some(error.to_string())),
    })
    .boxed_unsync()
}

/// Counts a waiting request, unless too many are waiting.
struct Waiting<'a>(&'a AtomicUsize);

impl<'a> Waiting<'a> {
    fn enter(count: &'a AtomicUsize, max: usize) -> Option<Self> {
        let entered = Self(count);
        (count.fetch_add(1, Ordering::AcqRel) < max).then_some(entered)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

fn plain(status: StatusCode, text: &str) -> Response<BoxBody> {
    let mut response = Response::new(body::full(format!("{text}\n")));
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    response
}

fn too_large(max: u64) -> Response<BoxBody> {
    plain(StatusCode::PAYLOAD_TOO_LARGE, &format!("the request's body may have {max} bytes"))
}

fn overloaded() -> Response<BoxBody> {
    let mut response = plain(StatusCode::SERVICE_UNAVAILABLE, "too many requests at one time");
    response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
    response
}
