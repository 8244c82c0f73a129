//! Webhooks as Twilio sends them.

use sim::carrier::sign;
use url::form_urlencoded::Serializer;
use uuid::Uuid;

use super::program::{ACCOUNT_SID, AUTH_TOKEN, NUMBER};

/// Who calls.
pub const CALLER: &str = "+15551230000";

/// A call that no carrier has had yet.
pub fn new_call_sid() -> String {
    format!("CA{}", Uuid::new_v4().simple())
}

/// One webhook. Delivered twice, it is the same to the letter, as a carrier's second try is.
#[derive(Clone, Debug)]
pub struct Webhook {
    /// Path and query.
    pub target: String,
    fields: Vec<(String, String)>,
    auth_token: String,
}

impl Webhook {
    /// An incoming call rings.
    pub fn voice(call_sid: &str) -> Self {
        Self {
            target: "/webhooks/twilio/voice".to_owned(),
            fields: Vec::new(),
            auth_token: AUTH_TOKEN.to_owned(),
        }
        .with("AccountSid", ACCOUNT_SID)
        .with("ApiVersion", "2010-04-01")
        .with("CallSid", call_sid)
        .with("CallStatus", "ringing")
        .with("Called", NUMBER)
        .with("Caller", CALLER)
        .with("Direction", "inbound")
        .with("From", CALLER)
        .with("FromCity", "SAINT-\u{c9}TIENNE")
        .with("FromZip", "")
        .with("To", NUMBER)
    }

    /// A report on a call.
    pub fn status(call_sid: &str, status: &str, sequence: u32) -> Self {
        Self { target: "/webhooks/twilio/status".to_owned(), ..Self::voice(call_sid) }
            .with("CallStatus", status)
            .with("CallbackSource", "call-progress-events")
            .with("SequenceNumber", &sequence.to_string())
    }

    /// Adds a field or replaces it.
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.fields.retain(|(given, _)| given != name);
        self.fields.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The same with this query.
    pub fn with_query(mut self, query: &str) -> Self {
        self.target = format!("{}?{query}", self.target);
        self
    }

    /// The same, signed with another token.
    pub fn signed_with(mut self, auth_token: &str) -> Self {
        auth_token.clone_into(&mut self.auth_token);
        self
    }

    /// What is posted.
    pub fn body(&self) -> String {
        Serializer::new(String::new()).extend_pairs(&self.fields).finish()
    }

    /// The `X-Twilio-Signature` for a platform whose public base is `public_url`.
    pub fn signature(&self, public_url: &str) -> String {
        sign(&self.auth_token, &format!("{public_url}{}", self.target), &self.fields)
    }
}
