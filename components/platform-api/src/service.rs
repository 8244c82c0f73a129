//! From a request to its answer.

use std::error::Error;
use std::future::Future;

use http::header::{AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE};
use http::request::Parts;
use http::{HeaderValue, Method, Response};
use serde::Serialize;
use serde_json::json;
use store::projections::Projection;
use store::{ApiKeyHash, Db, DbError, Store, TenantId};
use subtle::ConstantTimeEq as _;
use uuid::Uuid;

use crate::problem::Problem;
use crate::query::{Query, decode};
use crate::{calls, health, people, projected};

/// What surrounds the service: the database and the log.
pub trait Platform {
    /// The database.
    type Db: Db;

    /// Opens the database.
    fn open_store(&self) -> impl Future<Output = Result<Store<Self::Db>, DbError>>;

    /// Writes one line to the log.
    fn log(&self, line: &str);
}

/// Answers one request. Its body does not matter.
pub async fn handle<P: Platform>(platform: &P, request: &Parts) -> Response<String> {
    let given = request.headers.get(REQUEST_ID).and_then(|value| value.to_str().ok());
    let request_id = given.filter(|id| is_request_id(id)).map_or_else(new_request_id, str::to_owned);
    let mut response = match route(platform, request).await {
        Ok(body) => success(body),
        Err(problem) => {
            log(platform, request, &request_id, &problem);
            problem.response(&request_id)
        }
    };
    let headers = response.headers_mut();
    // Answers hold personal data, or are true for the moment only.
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Ok(value) = HeaderValue::from_str(&request_id) {
        headers.insert(REQUEST_ID, value);
    }
    response
}

const REQUEST_ID: &str = "x-request-id";

/// Longer ones are not looked up: no key that we give out is.
const API_KEY_BYTES_MAX: usize = 256;

async fn route<P: Platform>(platform: &P, request: &Parts) -> Result<String, Problem> {
    let path = request.uri.path();
    match path {
        "/health/live" => get(request).and_then(|()| health::live()),
        "/health" | "/health/ready" => {
            get(request)?;
            health::ready(platform).await
        }
        _ => match path.strip_prefix("/v1/") {
            Some(resource) => versioned(platform, request, resource).await,
            None => Err(Problem::NotFound),
        },
    }
}

/// Everything under `/v1/`. Who has no key learns nothing, not even what exists.
async fn versioned<P: Platform>(platform: &P, request: &Parts, path: &str) -> Result<String, Problem> {
    let key = bearer(request)?;
    let store = platform.open_store().await?;
    let tenant = authenticate(&store, key).await?;
    let segments: Vec<String> =
        path.split('/').map(decode).collect::<Option<_>>().ok_or(Problem::NotFound)?;
    let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
    let resource = Resource::at(&segments).ok_or(Problem::NotFound)?;
    get(request)?;
    let query = Query::parse(request.uri.query().unwrap_or_default())?;
    match resource {
        Resource::Calls => calls::list(&store, &tenant, query).await,
        Resource::Call(id) => {
            query.finish()?;
            calls::one(&store, &tenant, id).await
        }
        Resource::Kept(projection) => projected::list(&store, &tenant, projection, query).await,
        Resource::MemoriesOf(who) => people::memories(&store, &tenant, who, query).await,
    }
}

/// What can be asked for.
enum Resource<'a> {
    Calls,
    Call(&'a str),
    Kept(Projection),
    MemoriesOf(&'a str),
}

impl<'a> Resource<'a> {
    fn at(segments: &[&'a str]) -> Option<Self> {
        match segments {
            ["calls"] => Some(Self::Calls),
            ["calls", id] => Some(Self::Call(id)),
            ["appointments"] => Some(Self::Kept(Projection::Appointments)),
            ["leads"] => Some(Self::Kept(Projection::Leads)),
            ["notifications"] => Some(Self::Kept(Projection::Notifications)),
            ["customers", who, "memories"] => Some(Self::MemoriesOf(who)),
            _ => None,
        }
    }
}

fn get(request: &Parts) -> Result<(), Problem> {
    if request.method == Method::GET { Ok(()) } else { Err(Problem::MethodNotAllowed) }
}

fn bearer(request: &Parts) -> Result<&str, Problem> {
    let mut values = request.headers.get_all(AUTHORIZATION).iter();
    let (Some(value), None) = (values.next(), values.next()) else { return Err(Problem::Unauthorized) };
    let (scheme, key) =
        value.to_str().ok().and_then(|text| text.split_once(' ')).ok_or(Problem::Unauthorized)?;
    let usable = scheme.eq_ignore_ascii_case("bearer") && (1..=API_KEY_BYTES_MAX).contains(&key.len());
    if usable { Ok(key) } else { Err(Problem::Unauthorized) }
}

/// The look-up goes by the key's hash, whose timing tells nothing of the key; the comparison is in
/// constant time all the same, so that this does not rest on how a database compares.
async fn authenticate<D: Db>(store: &Store<D>, key: &str) -> Result<TenantId, Problem> {
    let hash = ApiKeyHash::of(key);
    let tenant = store.tenant_by_api_key(&hash).await?.ok_or(Problem::Unauthorized)?;
    let stored = tenant.api_key.ok_or(Problem::Unauthorized)?;
    if bool::from(stored.as_str().as_bytes().ct_eq(hash.as_str().as_bytes())) {
        Ok(tenant.id)
    } else {
        Err(Problem::Unauthorized)
    }
}

/// A body of JSON.
pub(crate) fn body(value: &impl Serialize) -> Result<String, Problem> {
    let unreadable = |error| store::StoreError::Unreadable(format!("a value is not JSON: {error}"));
    serde_json::to_string(value).map_err(|error| unreadable(error).into())
}

fn success(body: String) -> Response<String> {
    let mut response = Response::new(body);
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

fn new_request_id() -> String {
    Uuid::new_v4().to_string()
}

fn is_request_id(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    (1..=128).contains(&text.len()) && text.bytes().all(allowed)
}

fn log<P: Platform>(platform: &P, request: &Parts, request_id: &str, problem: &Problem) {
    let (code, status) = problem.code();
    let mut message = problem.to_string();
    let mut cause = problem.source();
    while let Some(error) = cause {
        message.push_str(": ");
        message.push_str(&error.to_string());
        cause = error.source();
    }
    // Below 500 the path may hold a telephone number, so it stays out.
    let level = if status.is_server_error() { "error" } else { "info" };
    let line = json!({
        "level": level,
        "target": "platform-api",
        "request_id": request_id,
        "method": request.method.as_str(),
        "status": status.as_u16(),
        "code": code,
        "message": message,
    });
    platform.log(&line.to_string());
}
