//! Why a request is not served, as the client sees it. The codes are those of the rest of the API, and the gate's.

use std::time::Duration;

use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use gate::{Code, Refusal};
use serde_json::{Map, Value, json};
use store::{DbError, StoreError, ToolDigest, ToolError};

use super::access;
use crate::problem;
use crate::tool_secrets::SealError;
use crate::tools::Full;

/// Why a request is not served.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    #[error("send a valid API key as `Authorization: Bearer <key>`")]
    Unauthorized,
    #[error("there is no such resource")]
    NotFound,
    #[error("there is no such alias: write `live` or `canary`")]
    NoSuchAlias,
    #[error("too many requests; try again later")]
    RateLimited { scope: &'static str, count: u32, retry_after: Duration },
    #[error("{0}")]
    Parameter(String),
    #[error("the request is not valid: {0}")]
    Invalid(String),
    #[error("the body is not JSON: {0}")]
    MalformedJson(String),
    #[error("send the body as `Content-Type: {0}`")]
    MediaType(&'static str),
    #[error("send the body without a content encoding")]
    Encoding,
    #[error("the body ended early; send it again")]
    BrokenBody,
    #[error("the body has more than {0} bytes")]
    BodyTooLarge(usize),
    #[error("the component has more than {0} bytes; `tier=large` takes {larger}", larger = gate::Limits::LARGE.component_bytes)]
    LargerTier(usize),
    #[error("the body took longer than {} seconds", .0.as_secs())]
    BodyTooSlow(Duration),
    #[error("another upload of this account is under way; send this one when that is done")]
    UploadInProgress,
    #[error("uploads of this account have kept the gate busy for too long; send the next one later")]
    GateBudget { retry_after: Duration },
    #[error("{0}")]
    Gate(Refusal),
    #[error("the tool does not take these arguments: {0}")]
    Arguments(String),
    #[error("`{0}` is the name of a built-in tool; give yours another one")]
    NameReserved(String),
    #[error("these bytes are quarantined: nobody may run them")]
    Quarantined,
    #[error("the gate refused this version; upload one that it accepts")]
    BadVersion,
    #[error("an alias names this version; switch it to another first")]
    InUse,
    #[error("there is no room for more {0}; delete some first")]
    Quota(&'static str),
    #[error("the alias names another version by now; look at it again")]
    AliasMoved(Option<ToolDigest>),
    #[error("there is no version to go back to that may run; switch the alias to another one")]
    NothingEarlier,
    #[error("this service keeps no secrets: its operator has to set TOOL_SECRETS_KEY")]
    NoSecrets,
    #[error("the tools of this account have used up their processor time for now; run this one later")]
    OverBudget { retry_after: Duration },
    #[error("the service is busy; try again")]
    Busy,
    #[error("{0}; try again later")]
    NoRoom(Full),
    #[error("the service failed; quote the request id when you report it")]
    Internal,
}

/// How to mend a name that a built-in tool has.
const ANOTHER_NAME: &str = "give the tool another name";

/// How to mend bytes that nobody may run.
const OTHER_BYTES: &str = "upload another version, or ask the operator why this one is quarantined";

/// What is busy now is waited for already.
const BUSY_RETRY_AFTER: Duration = Duration::from_secs(1);

/// There is room again when some call is over.
const ROOM_RETRY_AFTER: Duration = Duration::from_secs(30);

/// A compiler that could not be started may be on a machine that is short of something.
const GATE_RETRY_AFTER: Duration = Duration::from_secs(10);

impl Refused {
    /// The stable word for it, and its status.
    pub fn code(&self) -> (&'static str, StatusCode) {
        match self {
            Self::Unauthorized => ("unauthorized", StatusCode::UNAUTHORIZED),
            Self::NotFound | Self::NoSuchAlias => ("not-found", StatusCode::NOT_FOUND),
            Self::RateLimited { .. } => ("rate-limited", StatusCode::TOO_MANY_REQUESTS),
            Self::Parameter(_) => ("invalid-parameter", StatusCode::UNPROCESSABLE_ENTITY),
            Self::Invalid(_) => ("invalid-request", StatusCode::UNPROCESSABLE_ENTITY),
            Self::MalformedJson(_) => ("malformed-json", StatusCode::BAD_REQUEST),
            Self::MediaType(_) => ("unsupported-media-type", StatusCode::UNSUPPORTED_MEDIA_TYPE),
            Self::Encoding => ("unsupported-encoding", StatusCode::UNSUPPORTED_MEDIA_TYPE),
            Self::BrokenBody => ("broken-body", StatusCode::BAD_REQUEST),
            Self::BodyTooLarge(_) | Self::LargerTier(_) => ("body-too-large", StatusCode::PAYLOAD_TOO_LARGE),
            Self::BodyTooSlow(_) => ("body-too-slow", StatusCode::REQUEST_TIMEOUT),
            Self::UploadInProgress => ("upload-in-progress", StatusCode::CONFLICT),
            Self::GateBudget { .. } => ("gate-budget", StatusCode::TOO_MANY_REQUESTS),
            Self::Gate(refusal) if refusal.code == Code::TooLarge => {
                (refusal.code.as_str(), StatusCode::PAYLOAD_TOO_LARGE)
            }
            // It is no verdict on the component.
            Self::Gate(refusal) if refusal.code.is_platform_fault() => {
                (refusal.code.as_str(), StatusCode::SERVICE_UNAVAILABLE)
            }
            Self::Gate(refusal) => (refusal.code.as_str(), StatusCode::UNPROCESSABLE_ENTITY),
            Self::Arguments(_) => ("invalid-arguments", StatusCode::UNPROCESSABLE_ENTITY),
            Self::NameReserved(_) => ("name-reserved", StatusCode::UNPROCESSABLE_ENTITY),
            Self::Quarantined => ("quarantined", StatusCode::CONFLICT),
            Self::BadVersion => ("version-refused", StatusCode::CONFLICT),
            Self::InUse => ("in-use", StatusCode::CONFLICT),
            Self::Quota(_) => ("quota-exceeded", StatusCode::CONFLICT),
            Self::AliasMoved(_) => ("alias-moved", StatusCode::CONFLICT),
            Self::NothingEarlier => ("nothing-earlier", StatusCode::CONFLICT),
            Self::NoSecrets => ("secrets-unavailable", StatusCode::SERVICE_UNAVAILABLE),
            Self::OverBudget { .. } => ("over-budget", StatusCode::TOO_MANY_REQUESTS),
            Self::Busy | Self::NoRoom(_) => ("busy", StatusCode::SERVICE_UNAVAILABLE),
            Self::Internal => ("internal", StatusCode::INTERNAL_SERVER_ERROR),
        }
    }

    /// What a program needs beside the code.
    fn more(&self) -> Map<String, Value> {
        let more = match self {
            Self::Gate(Refusal { item, mend, .. }) => json!({ "item": item, "mend": mend }),
            Self::NameReserved(name) => json!({ "item": name, "mend": ANOTHER_NAME }),
            Self::AliasMoved(version) => json!({ "version": version }),
            _ => Value::Null,
        };
        if let Value::Object(members) = more { members } else { Map::new() }
    }

    /// Where it is a verdict on a component that was uploaded: the offending item, if one is known, and what to change.
    pub fn verdict(&self) -> Option<(&str, &str)> {
        match self {
            Self::Gate(refusal) if refusal.code.is_platform_fault() => None,
            Self::Gate(refusal) => Some((refusal.item.as_str(), refusal.mend.as_str())),
            Self::NameReserved(name) => Some((name.as_str(), ANOTHER_NAME)),
            Self::Invalid(why) => Some(("", why.as_str())),
            Self::Quarantined => Some(("", OTHER_BYTES)),
            _ => None,
        }
    }

    fn headers(&self) -> Vec<(HeaderName, HeaderValue)> {
        let mut headers = vec![(header::CACHE_CONTROL, HeaderValue::from_static("no-store"))];
        match self {
            Self::Unauthorized => {
                headers.push((header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer")))
            }
            Self::MediaType(accepted) => headers.push((header::ACCEPT, HeaderValue::from_static(accepted))),
            Self::Encoding => headers.push((header::ACCEPT_ENCODING, HeaderValue::from_static("identity"))),
            Self::Busy => headers.push((header::RETRY_AFTER, whole_seconds(BUSY_RETRY_AFTER).into())),
            Self::NoRoom(_) => headers.push((header::RETRY_AFTER, whole_seconds(ROOM_RETRY_AFTER).into())),
            Self::GateBudget { retry_after } | Self::OverBudget { retry_after } => {
                headers.push((header::RETRY_AFTER, whole_seconds(*retry_after).into()));
            }
            Self::Gate(refusal) if refusal.code.is_platform_fault() => {
                headers.push((header::RETRY_AFTER, whole_seconds(GATE_RETRY_AFTER).into()));
            }
            Self::RateLimited { scope, count, retry_after } => {
                headers.push((header::RETRY_AFTER, whole_seconds(*retry_after).into()));
                headers.extend(access::exhausted(scope, *count, whole_seconds(*retry_after)));
            }
            _ => {}
        }
        headers
    }
}

/// The seconds that a client is to wait so that at least `wait` passes.
fn whole_seconds(wait: Duration) -> u64 {
    (wait.as_secs() + u64::from(wait.subsec_nanos() > 0)).max(1)
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let (code, status) = self.code();
        let mut response = problem::with_more(status, code, &self.to_string(), self.more());
        response.headers_mut().extend(self.headers());
        response
    }
}

impl From<StoreError> for Refused {
    fn from(error: StoreError) -> Self {
        if matches!(error, StoreError::Db(DbError::Busy)) {
            return Self::Busy;
        }
        tracing::error!(error = &error as &dyn std::error::Error, "a request about a tool cannot be served");
        Self::Internal
    }
}

impl From<ToolError> for Refused {
    fn from(error: ToolError) -> Self {
        match error {
            ToolError::Invalid(why) => Self::Invalid(why.to_owned()),
            ToolError::NoSuchTool | ToolError::NoSuchVersion => Self::NotFound,
            ToolError::Refused => Self::BadVersion,
            ToolError::Quarantined => Self::Quarantined,
            ToolError::InUse => Self::InUse,
            ToolError::QuotaExceeded(of) => Self::Quota(of),
            ToolError::Store(error) => error.into(),
            error => {
                tracing::error!(%error, "a request about a tool cannot be served");
                Self::Internal
            }
        }
    }
}

impl From<SealError> for Refused {
    fn from(error: SealError) -> Self {
        match error {
            SealError::NoKey => Self::NoSecrets,
            error => {
                tracing::error!(%error, "a tool's secret cannot be kept");
                Self::Internal
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_gate_refuses_is_told_with_its_own_code() {
        let refusal = |code| Refused::Gate(Refusal { code, item: "an item".into(), mend: "mend it".into() });
        assert_eq!(refusal(Code::Precompiled).code(), ("precompiled", StatusCode::UNPROCESSABLE_ENTITY));
        assert_eq!(refusal(Code::TooLarge).code(), ("too-large", StatusCode::PAYLOAD_TOO_LARGE));
        assert_eq!(refusal(Code::Precompiled).more()["mend"], "mend it");
        for (code, name) in [
            (Code::CompilerUnavailable, "compiler-unavailable"),
            (Code::HostUnavailable, "host-unavailable"),
            (Code::DigestMismatch, "digest-mismatch"),
        ] {
            let fault = refusal(code);
            assert_eq!(fault.code(), (name, StatusCode::SERVICE_UNAVAILABLE));
            assert_eq!(fault.into_response().headers()["retry-after"], "10");
        }
    }

    #[test]
    fn only_what_is_wrong_with_the_component_is_a_verdict_on_it() {
        let refusal = |code| Refused::Gate(Refusal { code, item: "an item".into(), mend: "mend it".into() });
        assert_eq!(refusal(Code::Precompiled).verdict(), Some(("an item", "mend it")));
        assert_eq!(Refused::NameReserved("leads".into()).verdict(), Some(("leads", ANOTHER_NAME)));
        assert_eq!(Refused::Invalid("no name".into()).verdict(), Some(("", "no name")));
        assert_eq!(Refused::Quarantined.verdict(), Some(("", OTHER_BYTES)));
        let spent = Refused::GateBudget { retry_after: Duration::from_secs(1) };
        for other in [refusal(Code::CompilerUnavailable), spent, Refused::Busy, Refused::Quota("tools")] {
            assert_eq!(other.verdict(), None, "{other}");
        }
    }

    #[test]
    fn a_client_that_may_come_again_is_told_when() {
        let limited =
            Refused::RateLimited { scope: "admin", count: 20, retry_after: Duration::from_millis(2001) };
        let headers = limited.into_response().headers().clone();
        assert_eq!(headers["retry-after"], "3");
        assert_eq!(headers["ratelimit"], "\"admin\";r=0;t=3");
        assert_eq!(headers["ratelimit-policy"], "\"admin\";q=20;w=60");
        assert_eq!(Refused::Busy.into_response().headers()["retry-after"], "1");
        let no_room = Refused::NoRoom(Full::Tenant);
        assert_eq!(no_room.code(), ("busy", StatusCode::SERVICE_UNAVAILABLE));
        assert!(no_room.to_string().contains("memory"), "{no_room}");
        assert_eq!(no_room.into_response().headers()["retry-after"], "30");
        let spent = Refused::GateBudget { retry_after: Duration::from_millis(359_001) };
        assert_eq!(spent.code(), ("gate-budget", StatusCode::TOO_MANY_REQUESTS));
        assert_eq!(spent.into_response().headers()["retry-after"], "360");
        let spent = Refused::OverBudget { retry_after: Duration::from_secs(60) };
        assert_eq!(spent.code(), ("over-budget", StatusCode::TOO_MANY_REQUESTS));
        assert_eq!(spent.into_response().headers()["retry-after"], "60");
    }

    #[test]
    fn what_would_have_been_taken_is_named() {
        let larger = Refused::LargerTier(4 << 20);
        assert_eq!(larger.code(), ("body-too-large", StatusCode::PAYLOAD_TOO_LARGE));
        assert_eq!(
            larger.to_string(),
            "the component has more than 4194304 bytes; `tier=large` takes 33554432"
        );
        assert_eq!(Refused::NoSuchAlias.code(), Refused::NotFound.code());
        assert!(Refused::NoSuchAlias.to_string().contains("`live` or `canary`"));
    }

    #[test]
    fn a_fault_of_ours_does_not_show() {
        let error = StoreError::Unreadable("the path of the database".into());
        assert!(!Refused::from(error).to_string().contains("path"));
        assert_eq!(Refused::from(StoreError::Db(DbError::Busy)).code().0, "busy");
    }
}
