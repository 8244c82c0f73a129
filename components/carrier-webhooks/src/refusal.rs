//! What a sender hears whose request is not proven.

use http::{Response, StatusCode};
use twiml::Say;

use crate::bindings::webhook_verification::Refusal;
use crate::message::twiml;
use crate::problem;
use crate::proof::Sender;

/// The code where the operator has not said where media sockets are, and the request's own word is not proven.
pub(crate) const NO_PUBLIC_URL: &str = "no-public-url";

/// A request that will not be served, and what is logged of it.
pub(crate) struct Refused {
    /// The status to answer with.
    pub(crate) status: StatusCode,
    /// A stable word for the log.
    pub(crate) code: &'static str,
    /// What is wrong, without any of the sender's values.
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

    /// The answer to a machine. Whose fault is ours learns no more than that.
    pub(crate) fn written(&self, request_id: &str) -> Response<String> {
        let ours = self.status == StatusCode::INTERNAL_SERVER_ERROR || self.code == NO_PUBLIC_URL;
        let detail =
            if ours { "the service failed; quote the request id when you report it" } else { &self.message };
        problem::response(self.status, self.code, detail, request_id)
    }

    /// Why a request of this sender's is not proven.
    pub(crate) fn unproven(refusal: Refusal, sender: Sender) -> Self {
        let malformed = StatusCode::BAD_REQUEST;
        let forbidden = StatusCode::FORBIDDEN;
        match refusal {
            Refusal::NoKey => Self::new(
                StatusCode::INTERNAL_SERVER_ERROR,
                "no-key",
                format!("no key is configured, so no webhook can be verified: set {}", variables(sender)),
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
                "the sender signs no bodies of this content type",
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
                "no configured key yields this signature for the public URL",
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

fn variables(sender: Sender) -> &'static str {
    match sender {
        Sender::Twilio => "`twilio_auth_tokens`",
        Sender::Telnyx => "`telnyx_public_keys`",
        Sender::Vapi => "`vapi_secrets` or `vapi_hmac_secrets`",
    }
}
