//! What a sender hears whose request is not proven.

use http::{Response, StatusCode};
use twiml::Say;

use crate::bindings::voicehive::platform::webhook_verification::Refusal;
use crate::message::{respond, twiml};

/// A request that will not be served, and what is logged of it.
pub(crate) struct Refused {
    /// The status to answer with.
    pub(crate) status: StatusCode,
    /// A stable word for the log.
    pub(crate) code: &'static str,
    /// What the sender did wrong, without any of its values.
    pub(crate) message: String,
}

impl Refused {
    /// A refusal with this status, code and message.
    pub(crate) fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into() }
    }

    /// The answer to a voice webhook: should a carrier play it all the same, a caller can live with it.
    pub(crate) fn spoken(&self) -> Response<String> {
        let document =
            twiml::Response::new().say(Say::new("This call cannot be answered. Goodbye.")).hangup();
        twiml(self.status, &document)
    }

    /// The answer to any other request.
    pub(crate) fn written(&self) -> Response<String> {
        respond(self.status, "text/plain; charset=utf-8", format!("{}: {}\n", self.code, self.message))
    }
}

impl From<Refusal> for Refused {
    fn from(refusal: Refusal) -> Self {
        let malformed = StatusCode::BAD_REQUEST;
        let forbidden = StatusCode::FORBIDDEN;
        match refusal {
            Refusal::NoKey => Self::new(
                StatusCode::INTERNAL_SERVER_ERROR,
                "no-key",
                "no auth token is configured, so no webhook can be verified: set `twilio_auth_tokens`",
            ),
            Refusal::MissingSignature => {
                Self::new(malformed, "missing-signature", "the request carries no signature")
            }
            Refusal::MalformedSignature => {
                Self::new(malformed, "malformed-signature", "the signature is not of the documented form")
            }
            Refusal::MalformedBody(fault) => Self::new(malformed, "malformed-body", fault),
            Refusal::UnsupportedContentType(_) => Self::new(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "unsupported-content-type",
                "the body must be application/x-www-form-urlencoded",
            ),
            Refusal::MissingBodyHash => {
                Self::new(forbidden, "missing-body-hash", "a JSON body needs the bodySHA256 parameter")
            }
            Refusal::BodyHashMismatch => {
                Self::new(forbidden, "body-hash-mismatch", "the body is not the one that was signed")
            }
            Refusal::SignatureMismatch => Self::new(
                forbidden,
                "signature-mismatch",
                "no configured auth token yields this signature for the public URL",
            ),
            Refusal::MissingHeader(name) => {
                Self::new(malformed, "missing-header", format!("the request has no {name} header"))
            }
            Refusal::MalformedHeader(name) => Self::new(
                malformed,
                "malformed-header",
                format!("the {name} header is not of the documented form"),
            ),
            Refusal::StaleTimestamp => Self::new(
                forbidden,
                "stale-timestamp",
                "the request was signed too long ago or too far ahead",
            ),
            Refusal::Misconfigured(fault) => {
                Self::new(StatusCode::INTERNAL_SERVER_ERROR, "misconfigured", fault)
            }
        }
    }
}
