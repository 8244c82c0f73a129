//! Twilio's REST API, version 2010-04-01.
//!
//! It has no idempotency: a call that was asked for twice is placed twice. Who did not get an answer to
//! [`Rest::place`] must look with [`Rest::placed_since`] before asking again.

mod answer;
mod call;
mod conference;
mod place;
mod recording;

use std::time::Duration;

use call_state::EndReason;
use reqwest::header;
use url::Url;

use self::answer::body_of;
pub use self::call::Call;
pub use self::conference::{Conference, Consultation, Participant};
pub use self::place::{Detection, Instructions, NewCall, Recording};
pub use self::recording::RecordingId;
use crate::base::{Base, Misconfigured, Secret};
use crate::wire::Wire;
use crate::{Fault, Timeouts};

/// Whose calls they are, and what proves it.
#[derive(Clone, Debug)]
pub struct Account {
    /// The account: `AC` and 32 hexadecimal digits.
    pub sid: String,
    /// The SID of an API key, where `secret` is its secret; `None` where `secret` is the account's auth token.
    pub api_key: Option<String>,
    /// The auth token, or the API key's secret.
    pub secret: Secret,
}

/// Where Twilio's API is, and how it is asked, whoever's account it is about. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Api {
    wire: Wire,
    base: Base,
}

impl Api {
    /// The API; `base` stands in for `https://api.twilio.com`, for regions and simulators.
    ///
    /// # Errors
    /// Where the settings cannot be used.
    pub fn new(base: Option<Url>, timeouts: Timeouts) -> Result<Self, Misconfigured> {
        let base = match base {
            Some(base) => base,
            None => Url::parse(PUBLIC_API).map_err(|_| Misconfigured::NotAnAddress)?,
        };
        Ok(Self { wire: Wire::new(timeouts)?, base: Base::new(base)? })
    }

    /// The API with an account's credentials.
    ///
    /// # Errors
    /// Where they cannot be any.
    pub fn with(&self, account: Account) -> Result<Rest, Misconfigured> {
        if !is_sid(&account.sid, "AC") {
            return Err(Misconfigured::Malformed("the account SID"));
        }
        if account.api_key.as_deref().is_some_and(|key| !is_sid(key, "SK")) {
            return Err(Misconfigured::Malformed("the API key SID"));
        }
        let account = Account { secret: account.secret.checked("the auth token")?, ..account };
        Ok(Rest { wire: self.wire.clone(), base: self.base.clone(), account })
    }
}

/// Twilio's API with one account's credentials. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Rest {
    wire: Wire,
    base: Base,
    account: Account,
}

impl Rest {
    /// The API of an account, as [`Api::new`] and [`Api::with`].
    ///
    /// # Errors
    /// Where the settings cannot be used.
    pub fn new(account: Account, base: Option<Url>, timeouts: Timeouts) -> Result<Self, Misconfigured> {
        Api::new(base, timeouts)?.with(account)
    }

    /// Ends a call, also one that waits or rings. One that has ended already is a success.
    ///
    /// # Errors
    /// As [`Fault`] says; asking again does no harm.
    pub async fn end(&self, call_sid: &str) -> Result<(), Fault> {
        match self.update(call_sid, &[("Status", "completed")]).await {
            Err(fault) if has_ended(&fault) => Ok(()),
            other => other,
        }
    }

    /// Lets a call go on with other instructions, at once: its media stream ends, and a `<Dial>` is broken off.
    ///
    /// # Errors
    /// As [`Fault`] says; refused where the call has ended. Asking again starts the instructions again.
    pub async fn redirect(&self, call_sid: &str, instructions: &Instructions) -> Result<(), Fault> {
        let mut form = Vec::new();
        instructions.write(&mut form)?;
        self.update(call_sid, &form).await
    }

    /// Presses keys on a call: `0` to `9`, `*`, `#`, and `w` for half a second of waiting. Twilio plays them as tones
    /// and then asks `go_on` for instructions, since a call's media stream does not outlive other instructions.
    ///
    /// # Errors
    /// As [`Rest::redirect`].
    pub async fn send_dtmf(&self, call_sid: &str, keys: &str, go_on: &str) -> Result<(), Fault> {
        if keys.is_empty()
            || keys.len() > MAX_KEYS
            || !keys.bytes().all(|key| b"0123456789*#w".contains(&key))
        {
            return Err(Fault::unfit("malformed_keys"));
        }
        let document = twiml::Response::new().play(twiml::Play::digits(keys)).redirect(go_on);
        self.redirect(call_sid, &Instructions::from(&document)).await
    }

    async fn update<V: AsRef<str>>(&self, call_sid: &str, form: &[(&str, V)]) -> Result<(), Fault> {
        checked(call_sid, "CA")?;
        self.post(&["Calls", &format!("{call_sid}.json")], form).await.map(|_| ())
    }

    /// The address of what is below the account.
    fn url(&self, path: &[&str]) -> Url {
        let account: [&str; 3] = ["2010-04-01", "Accounts", &self.account.sid];
        self.base.join(&[&account, path].concat())
    }

    async fn post<V: AsRef<str>>(&self, path: &[&str], form: &[(&str, V)]) -> Result<Vec<u8>, Fault> {
        let form = url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs(form.iter().map(|(name, value)| (name, value.as_ref())))
            .finish();
        let request = self.wire.client().post(self.url(path));
        let request = request.header(header::CONTENT_TYPE, "application/x-www-form-urlencoded").body(form);
        body_of(self.wire.send(self.signed(request)).await?)
    }

    async fn get(&self, url: Url) -> Result<Vec<u8>, Fault> {
        body_of(self.wire.send(self.signed(self.wire.client().get(url))).await?)
    }

    fn signed(&self, request: reqwest::RequestBuilder) -> reqwest::RequestBuilder {
        let user = self.account.api_key.as_ref().unwrap_or(&self.account.sid);
        request.basic_auth(user, Some(self.account.secret.expose()))
    }
}

/// Whether a fault of an update says that the call is over: Twilio error 20404 for a call that is not in progress any
/// more, 21220 for a state that does not permit the change; some answers have no code.
fn has_ended(fault: &Fault) -> bool {
    fault.is_refusal(404, &[Some("20404"), None]) || fault.is_refusal(400, &[Some("21220"), None])
}

/// Twilio's ids: two capital letters and 32 hexadecimal digits. Checked because they become part of a path, and those
/// of webhooks are written by others.
fn is_sid(text: &str, prefix: &str) -> bool {
    let digits = text.strip_prefix(prefix).unwrap_or_default();
    digits.len() == 32 && digits.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn checked<'a>(sid: &'a str, prefix: &str) -> Result<&'a str, Fault> {
    if is_sid(sid, prefix) { Ok(sid) } else { Err(Fault::unfit("malformed_sid")) }
}

/// Whole seconds, rounded up, as Twilio's forms take them.
fn seconds(duration: Duration) -> String {
    duration.as_millis().div_ceil(1000).to_string()
}

const PUBLIC_API: &str = "https://api.twilio.com";

/// Longest `SendDigits` and `digits` that Twilio documents for a call: 32.
const MAX_KEYS: usize = 32;

/// What a call ends with that was refused for this code. Source: Twilio's error dictionary,
/// <https://www.twilio.com/docs/api/errors>.
fn reason(status: u16, code: Option<&str>) -> EndReason {
    match (code, status) {
        // No number, none that Twilio can reach, or none at all.
        (Some("21201" | "21211" | "21214" | "21217" | "13223" | "13224"), _) => EndReason::InvalidDestination,
        // The called number is at a premium, abroad, in a country, or unverified on trial, which is not permitted.
        (Some("21202" | "21203" | "21215" | "21216" | "21219" | "13225" | "13227" | "32205"), _) => {
            EndReason::CarrierRefused
        }
        // The calling number is not the account's.
        (Some("21210" | "21212" | "21213"), _) => EndReason::CarrierRefused,
        (Some("10004"), _) => EndReason::ConcurrencyLimit,
        // The account is not active.
        (Some("10001" | "20005"), _) | (_, 402) => EndReason::PaymentRequired,
        // Our credentials.
        (_, 401) => EndReason::PlatformError,
        (_, 403) => EndReason::CarrierRefused,
        _ => EndReason::DialFailed,
    }
}
