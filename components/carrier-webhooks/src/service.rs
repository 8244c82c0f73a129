//! From a request to its answer.

use std::error::Error;
use std::future::Future;

use http::{Method, Response, StatusCode};
use serde_json::json;
use store::{Db, DbError, Store, Timestamp};

use crate::bindings::voicehive::platform::call_routing::{self, Answer, Call, Table};
use crate::bindings::voicehive::platform::webhook_verification::{
    Refusal, Request, Scheme, TwilioKeys, UrlSource, Verified,
};
use crate::decision::{Places, VOICE_PATH};
use crate::refusal::Refused;
use crate::{decision, message, status, voice};

pub use crate::message::{Body, Incoming};
pub use crate::settings::{Fault as SettingsFault, Settings};

/// What surrounds the service: the imported capabilities, the database, the configuration and the log.
pub trait Platform {
    /// The database.
    type Db: Db;

    /// Opens the database. Not called before a request is proven.
    fn open_store(&self) -> impl Future<Output = Result<Store<Self::Db>, DbError>>;

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
    let response = match request.path() {
        VOICE_PATH => voice_webhook(platform, request, now).await,
        STATUS_PATH => status_webhook(platform, request, now).await,
        _ => refuse(platform, request, &Refused::new(StatusCode::NOT_FOUND, "not-found", "no such webhook"))
            .written(),
    };
    message::with_request_id(response, &request.request_id)
}

/// The path of the status callback.
const STATUS_PATH: &str = "/webhooks/twilio/status";

async fn voice_webhook<P: Platform>(platform: &P, request: &Incoming, now: Timestamp) -> Response<String> {
    let proven = match prove(platform, request) {
        Ok(proven) => proven,
        Err(refused) => return refuse(platform, request, &refused).spoken(),
    };
    match voice::answer(platform, request, &proven, now).await {
        Ok(document) => message::twiml(StatusCode::OK, &document),
        Err(voice::Fault::Form(fault)) => {
            let refused = Refused::new(StatusCode::BAD_REQUEST, "malformed-form", fault.to_string());
            refuse(platform, request, &refused).spoken()
        }
        // Any other status would make the carrier play its own, harsher words.
        Err(fault) => {
            log(platform, request, "error", fault.code(), &chain(&fault));
            message::twiml(StatusCode::OK, &decision::apology())
        }
    }
}

async fn status_webhook<P: Platform>(platform: &P, request: &Incoming, now: Timestamp) -> Response<String> {
    let proven = match prove(platform, request) {
        Ok(proven) => proven,
        Err(refused) => return refuse(platform, request, &refused).written(),
    };
    match status::take(platform, &proven, now).await {
        Ok(taken) => {
            log(platform, request, "info", taken.code(), "status callback");
            let mut response = Response::new(String::new());
            *response.status_mut() = StatusCode::NO_CONTENT;
            response
        }
        Err(status::Fault::Form(fault)) => {
            let refused = Refused::new(StatusCode::BAD_REQUEST, "malformed-form", fault.to_string());
            refuse(platform, request, &refused).written()
        }
        Err(fault) => {
            log(platform, request, "error", "status-not-stored", &chain(&fault));
            let status = StatusCode::SERVICE_UNAVAILABLE;
            Refused::new(status, "status-not-stored", "the report was not stored; send it again").written()
        }
    }
}

/// A request whose origin is certain.
pub(crate) struct Proven<'a> {
    /// The configuration.
    pub(crate) settings: &'a Settings,
    /// The base of this service, as the carrier calls it.
    pub(crate) public_url: String,
    /// The base of the media sockets.
    pub(crate) media_url: String,
    /// The form.
    pub(crate) form: Vec<(String, String)>,
}

impl Proven<'_> {
    /// Where the call's further requests go.
    pub(crate) fn places(&self) -> Places<'_> {
        Places { public_url: &self.public_url, media_url: &self.media_url }
    }
}

fn prove<'a, P: Platform>(platform: &'a P, request: &Incoming) -> Result<Proven<'a>, Refused> {
    if request.method != Method::POST {
        return Err(Refused::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "method-not-allowed",
            "webhooks are POSTed",
        ));
    }
    let body = match &request.body {
        Body::Whole(bytes) => bytes.clone(),
        Body::TooLarge => {
            let limit = format!("a webhook has at most {} bytes", message::BODY_BYTES_MAX);
            return Err(Refused::new(StatusCode::PAYLOAD_TOO_LARGE, "body-too-large", limit));
        }
        Body::Broken => {
            return Err(Refused::new(StatusCode::BAD_REQUEST, "broken-body", "the body ended early"));
        }
    };
    let settings = platform.settings().map_err(|fault| {
        Refused::new(StatusCode::INTERNAL_SERVER_ERROR, "misconfigured", fault.to_string())
    })?;
    let source = UrlSource {
        public_base_url: settings.public_url.clone(),
        trust_forwarded: settings.trust_forwarded,
        encrypted: request.is_encrypted(),
    };
    let url = platform
        .public_url(&request.target, &request.headers, &source)
        .map_err(|fault| Refused::new(StatusCode::BAD_REQUEST, "unknown-public-url", fault))?;
    // What precedes the target is where we are, configured or not.
    let public_url = url.strip_suffix(request.target.as_str()).unwrap_or(&url).to_owned();
    let signed = Request { method: "POST".to_owned(), url, headers: request.headers.clone(), body };
    let scheme = Scheme::Twilio(TwilioKeys { auth_tokens: settings.twilio_auth_tokens.clone() });
    let verified = platform.verify(&signed, &scheme)?;
    let media_url = settings.media_base(&public_url);
    Ok(Proven { settings, public_url, media_url, form: verified.form })
}

fn refuse<'a, P: Platform>(platform: &P, request: &Incoming, refused: &'a Refused) -> &'a Refused {
    let level = if refused.status.is_server_error() { "error" } else { "warn" };
    log(platform, request, level, refused.code, &refused.message);
    refused
}

fn log<P: Platform>(platform: &P, request: &Incoming, level: &str, code: &str, message: &str) {
    let line = json!({
        "level": level,
        "target": "carrier-webhooks",
        "request_id": request.request_id,
        "path": request.path(),
        "code": code,
        "message": message,
    });
    platform.log(&line.to_string());
}

fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}
