//! From a request to its answer.

use std::future::Future;
use std::time::Duration;

use http::{Response, StatusCode};
use store::{Db, DbError, Store, Timestamp};

use crate::bindings::voicehive::platform::call_routing::{self, Answer, Call, Table};
use crate::bindings::webhook_verification::{Refusal, Request, Scheme, UrlSource, Verified};
use crate::proof::{self, Proven};
use crate::refusal::Refused;
use crate::replay::{self, Seen};
use crate::routes::{self, Answers, Route};
use crate::{journal, message};

pub use crate::host::{ANSWER_BYTES_MAX, HostAnswer, HostFault};
pub use crate::message::{Body, Incoming};
pub use crate::settings::{Fault as SettingsFault, Settings};
pub use trace_context::Trace;

/// What surrounds the service: the imported capabilities, the database, the media host, the configuration and the log.
pub trait Platform {
    /// The database.
    type Db: Db;

    /// Opens the database. Not called before a request is proven, save for the keys of the tenant that it names.
    fn open_store(&self) -> impl Future<Output = Result<Store<Self::Db>, DbError>>;

    /// Posts JSON to an internal route of the media host, and waits no longer than `timeout` for all of its answer.
    fn ask_host(
        &self,
        path: &str,
        body: String,
        timeout: Duration,
    ) -> impl Future<Output = Result<HostAnswer, HostFault>>;

    /// Waits for so long.
    fn pause(&self, time: Duration) -> impl Future<Output = ()>;

    /// The configuration, or what is wrong with it.
    ///
    /// # Errors
    /// When it cannot be used.
    fn settings(&self) -> Result<&Settings, &SettingsFault>;

    /// `webhook-verification.public-url`.
    ///
    /// # Errors
    /// As the contract says.
    fn public_url(
        &self,
        target: &str,
        headers: &[(String, String)],
        source: &UrlSource,
    ) -> Result<String, String>;

    /// `webhook-verification.verify`.
    ///
    /// # Errors
    /// As the contract says.
    fn verify(&self, request: &Request, scheme: &Scheme) -> Result<Verified, Refusal>;

    /// `call-routing.route`.
    ///
    /// # Errors
    /// As the contract says.
    fn route(&self, call: &Call, table: &Table) -> Result<Answer, call_routing::Error>;

    /// Writes one line to the log.
    fn log(&self, line: &str);
}

/// Answers one request.
pub async fn handle<P: Platform>(platform: &P, request: &Incoming, now: Timestamp) -> Response<String> {
    let response = answer(platform, request, now).await;
    message::with_request_id(response, &request.request_id)
}

/// The largest body that is read of a request for `path`.
pub fn body_bytes_max(path: &str) -> usize {
    routes::body_bytes_max(path)
}

async fn answer<P: Platform>(platform: &P, request: &Incoming, now: Timestamp) -> Response<String> {
    let Some((tenant, route)) = routes::find::<P>(request.path()) else {
        let refused = Refused::new(StatusCode::NOT_FOUND, "not-found", "no such webhook");
        return refuse(platform, request, Answers::Receipt, &refused);
    };
    let handled = match proof::prove(platform, request, route.sender, tenant, now).await {
        Ok(proven) => once(platform, &route, &proven, now).await,
        Err(refused) => Err(refused),
    };
    handled.unwrap_or_else(|refused| refuse(platform, request, route.answers, &refused))
}

/// Handles a proven request, and no copy of it.
async fn once<P: Platform>(
    platform: &P,
    route: &Route<P>,
    proven: &Proven<'_>,
    now: Timestamp,
) -> Result<Response<String>, Refused> {
    let seen = match route.answers {
        Answers::Document | Answers::Reply => Seen::CannotTell,
        Answers::Receipt => replay::look(platform, proven, now).await?,
    };
    match seen {
        Seen::CannotTell => Ok((route.handler)(platform, proven, now).await),
        Seen::Before => {
            proven.log(platform, "info", "repeated-delivery", "a copy of a webhook that was handled");
            Ok(replay::noted())
        }
        Seen::First(delivery) => {
            let response = (route.handler)(platform, proven, now).await;
            delivery.settle(platform, proven, &response, now).await;
            Ok(response)
        }
    }
}

fn refuse<P: Platform>(
    platform: &P,
    request: &Incoming,
    answers: Answers,
    refused: &Refused,
) -> Response<String> {
    let level = if refused.status.is_server_error() { "error" } else { "warn" };
    journal::log(platform, request, level, refused.code, &refused.message);
    match answers {
        Answers::Document => refused.spoken(),
        Answers::Receipt | Answers::Reply => refused.written(&request.request_id),
    }
}
