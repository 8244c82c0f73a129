//! From a request to its answer.

use std::error::Error;
use std::future::Future;
use std::time::Duration;

use http::header::CACHE_CONTROL;
use http::{HeaderValue, Method, Request, Response, StatusCode};
use serde::Serialize;
use serde_json::json;
use store::{Db, DbError, Store, Timestamp};

use crate::bindings::voicehive::platform::call_routing::{self, Answer, Call, Table};
use crate::incoming::REQUEST_ID;
use crate::problem::Problem;
use crate::{routes, wake};

pub use crate::incoming::{Body, Incoming};
pub use crate::settings::{Fault as SettingsFault, Settings};

/// What surrounds the service: the database, the configuration, the imported capability, the host
/// and the log.
pub trait Platform {
    /// The database.
    type Db: Db;

    /// Opens the database.
    fn open_store(&self) -> impl Future<Output = Result<Store<Self::Db>, DbError>>;

    /// The configuration, or what is wrong with it.
    ///
    /// # Errors
    /// When it cannot be used.
    fn settings(&self) -> Result<&Settings, &SettingsFault>;

    /// `call-routing.route`.
    ///
    /// # Errors
    /// As the contract says.
    fn route(&self, call: &Call, table: &Table) -> Result<Answer, call_routing::Error>;

    /// Sends `request` to the host and waits for the status of its answer, at most [`WAKE_LIMIT`].
    ///
    /// # Errors
    /// When there is no answer in time; the text says why.
    fn wake_host(&self, request: Request<String>) -> impl Future<Output = Result<StatusCode, String>>;

    /// Writes one line to the log.
    fn log(&self, line: &str);
}

/// How long the host is waited for. It looks for work by itself every 250 ms, so little is lost
/// with it.
pub const WAKE_LIMIT: Duration = Duration::from_millis(500);

/// Answers one request.
pub async fn handle<P: Platform>(platform: &P, request: &Incoming, now: Timestamp) -> Response<String> {
    let mut response = match routes::serve(platform, request, now).await {
        Ok(answer) => {
            let response = answer.response();
            // What is only read changes nothing that anybody would look for in the log.
            if request.method() != Method::GET {
                log_line(
                    platform,
                    request,
                    "info",
                    Some(response.status()),
                    "done",
                    "the request was served",
                );
            }
            response
        }
        Err(problem) => {
            log_problem(platform, request, &problem);
            problem.response(request.request_id())
        }
    };
    let headers = response.headers_mut();
    // Answers hold personal data, or are true for the moment only.
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Ok(value) = HeaderValue::from_str(request.request_id()) {
        headers.insert(REQUEST_ID, value);
    }
    response
}

/// Tells the host that there is something to do. It will see by itself, so nothing is lost where
/// that fails.
pub(crate) async fn wake_host<P: Platform>(platform: &P, request: &Incoming) {
    let host = platform.settings().ok().and_then(|settings| settings.host.as_ref());
    let Some(waking) = host.and_then(|host| wake::request(host, request)) else { return };
    let fault = match platform.wake_host(waking).await {
        Ok(status) if status.is_success() => return,
        Ok(status) => format!("the host answered {}", status.as_u16()),
        Err(fault) => fault,
    };
    log(platform, request, "warn", "host-not-woken", &fault);
}

/// A body of JSON.
pub(crate) fn body(value: &impl Serialize) -> Result<String, Problem> {
    let unreadable = |error| store::StoreError::Unreadable(format!("a value is not JSON: {error}"));
    serde_json::to_string(value).map_err(|error| unreadable(error).into())
}

fn log_problem<P: Platform>(platform: &P, request: &Incoming, problem: &Problem) {
    let (code, status) = problem.code();
    let mut message = match problem {
        // Names of fields are the client's, and may be anything.
        Problem::Invalid(faults) => format!("{} parts of the body are not valid", faults.len()),
        _ => problem.to_string(),
    };
    let mut cause = problem.source();
    while let Some(error) = cause {
        message.push_str(": ");
        message.push_str(&error.to_string());
        cause = error.source();
    }
    let level = if status.is_server_error() { "error" } else { "info" };
    log_line(platform, request, level, Some(status), code, &message);
}

/// Writes a line on a request.
pub(crate) fn log<P: Platform>(platform: &P, request: &Incoming, level: &str, code: &str, message: &str) {
    log_line(platform, request, level, None, code, message);
}

/// The path is not logged: it may hold a telephone number.
fn log_line<P: Platform>(
    platform: &P,
    request: &Incoming,
    level: &str,
    status: Option<StatusCode>,
    code: &str,
    message: &str,
) {
    let trace = request.trace();
    let line = json!({
        "level": level,
        "target": "platform-api",
        "request_id": request.request_id(),
        "trace_id": trace.trace_id().to_string(),
        "span_id": trace.span_id().to_string(),
        "parent_id": trace.parent_id().map(|id| id.to_string()),
        "method": request.method().as_str(),
        "status": status.map(|status| status.as_u16()),
        "code": code,
        "message": message,
    });
    platform.log(&line.to_string());
}
