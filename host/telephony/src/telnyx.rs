//! Telnyx's Call Control v2 over HTTP.
//!
//! What is said and answered is in the crate `telnyx`; here is how it gets there. A command is named by its
//! `command_id`: sent again within 60 s under the same name, it is ignored by whom it had reached before.

mod call;
mod recording;

use ::telnyx::{ALREADY_ENDED, API_BASE, Command, DIAL_PATH, Dial, Dialled, Hangup, Refused};
use ::telnyx::{OutOfLimits, action_path, with_command_id};
use call_state::EndReason;
use reqwest::RequestBuilder;
use serde_json::Value;
use url::Url;

pub use self::call::ActiveCall;
use crate::base::{Base, Misconfigured, Secret};
use crate::fault::{Refusal, code_only};
use crate::wire::{Answer, Wire, transient};
use crate::{Cause, Fault, Timeouts};

/// Where Telnyx's API is, and how it is asked, whoever's account it is about. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Api {
    wire: Wire,
    /// For addresses that a webhook brought.
    files: Wire,
    base: Base,
}

/// Telnyx's API with one key. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Rest {
    wire: Wire,
    files: Wire,
    base: Base,
    api_key: Secret,
    connection_id: String,
}

impl Api {
    /// The API; `base` stands in for `https://api.telnyx.com/v2`, for simulators; `/v2` is added to one without a path.
    ///
    /// # Errors
    /// Where the settings cannot be used.
    pub fn new(base: Option<Url>, timeouts: Timeouts) -> Result<Self, Misconfigured> {
        let mut base = match base {
            Some(base) => base,
            None => Url::parse(API_BASE).map_err(|_| Misconfigured::NotAnAddress)?,
        };
        if base.path() == "/" {
            base.set_path("/v2");
        }
        let (base, wire) = (Base::new(base)?, Wire::new(timeouts)?);
        // A simulator's files are as near as its API is.
        let files = if base.is_near() { wire.clone() } else { Wire::to_public_names(timeouts)? };
        Ok(Self { wire, files, base })
    }

    /// The API with a key, for the calls of one Call Control application (`connection_id`).
    ///
    /// # Errors
    /// Where they cannot be any.
    pub fn with(&self, api_key: Secret, connection_id: &str) -> Result<Rest, Misconfigured> {
        if connection_id.is_empty()
            || !connection_id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        {
            return Err(Misconfigured::Malformed("the connection id"));
        }
        Ok(Rest {
            wire: self.wire.clone(),
            files: self.files.clone(),
            base: self.base.clone(),
            api_key: api_key.checked("the API key")?,
            connection_id: connection_id.to_owned(),
        })
    }
}

impl Rest {
    /// The API with a key, as [`Api::new`] and [`Api::with`].
    ///
    /// # Errors
    /// Where the settings cannot be used.
    pub fn new(
        api_key: Secret,
        connection_id: &str,
        base: Option<Url>,
        timeouts: Timeouts,
    ) -> Result<Self, Misconfigured> {
        Api::new(base, timeouts)?.with(api_key, connection_id)
    }

    /// A call through this application, to be completed and given to [`Rest::place`].
    ///
    /// # Errors
    /// Where the numbers are none.
    pub fn dial(&self, from: &str, to: &str) -> Result<Dial, OutOfLimits> {
        Dial::new(&self.connection_id, from, to)
    }

    /// Places a call.
    ///
    /// # Errors
    /// As [`Fault`] says. After [`Fault::Unknown`], send the same again, with the same `command_id`, within 60 s: a call
    /// that was placed is not placed twice.
    pub async fn place(&self, dial: Dial) -> Result<Dialled, Fault> {
        let body = self.post(DIAL_PATH, &dial.into_body()).await?;
        // That the request was taken is certain, but nobody knows the call by its name.
        Dialled::read(&body).ok_or(Fault::Unknown { cause: Cause::Unreadable })
    }

    /// Gives a leg a command.
    ///
    /// # Errors
    /// As [`Fault`] says. Sent again with the same `command_id` within 60 s, it is carried out once.
    pub async fn command(
        &self,
        call_control_id: &str,
        command: Command,
        command_id: &str,
    ) -> Result<(), Fault> {
        let action = command.action().as_str();
        self.act(call_control_id, action, command.into_body(), command_id).await
    }

    /// Gives a leg a command that was written down before, by its action and body.
    ///
    /// # Errors
    /// As [`Rest::command`].
    pub async fn act(
        &self,
        call_control_id: &str,
        action: &str,
        body: Value,
        command_id: &str,
    ) -> Result<(), Fault> {
        let path = action_path(call_control_id, action).map_err(unfit)?;
        let sent = self.post(&path, &with_command_id(body, command_id)).await;
        match sent {
            Err(fault) if action == HANGUP && has_ended(&fault) => Ok(()),
            other => other.map(|_| ()),
        }
    }

    /// Ends a leg. One that has ended already is a success.
    ///
    /// # Errors
    /// As [`Rest::command`].
    pub async fn end(&self, call_control_id: &str, command_id: &str) -> Result<(), Fault> {
        self.command(call_control_id, Hangup::new().into(), command_id).await
    }

    async fn post(&self, path: &str, body: &Value) -> Result<Vec<u8>, Fault> {
        let request = self.wire.client().post(self.base.at(path)).json(body);
        body_of(self.wire.send(self.signed(request)).await?)
    }

    async fn get(&self, url: Url) -> Result<Vec<u8>, Fault> {
        body_of(self.wire.send(self.signed(self.wire.client().get(url))).await?)
    }

    fn signed(&self, request: RequestBuilder) -> RequestBuilder {
        request.bearer_auth(self.api_key.expose())
    }
}

/// The body of a success, or what the failure means.
fn body_of(answer: Answer) -> Result<Vec<u8>, Fault> {
    if (200..300).contains(&answer.status) {
        return Ok(answer.body);
    }
    if let Some(fault) = transient(answer.status, answer.retry_after) {
        return Err(fault);
    }
    let refused = Refused::read(answer.status, &answer.body);
    if refused.has(TOO_MANY_REQUESTS) {
        return Err(Fault::NotDone { cause: Cause::TooMany, retry_after: answer.retry_after });
    }
    let code = match refused.has(ALREADY_ENDED) {
        true => Some(ALREADY_ENDED.to_owned()),
        false => refused.faults.first().and_then(|fault| code_only(fault.code.as_deref()?)),
    };
    let at_number =
        refused.faults.iter().any(|fault| fault.place().is_some_and(|place| place.trim_matches('/') == "to"));
    let reason = reason(answer.status, code.as_deref(), at_number);
    Err(Fault::Refused { refusal: Refusal { status: answer.status, code, reason } })
}

/// Whether the leg is over: Telnyx says 422 with 90018, and 404 once it has forgotten the leg.
fn has_ended(fault: &Fault) -> bool {
    match fault {
        Fault::Refused { refusal } => {
            refusal.status == 404 || (refusal.status == 422 && refusal.code.as_deref() == Some(ALREADY_ENDED))
        }
        Fault::NotDone { .. } | Fault::Unknown { .. } => false,
    }
}

/// What a call ends with that was refused so. Source: Telnyx's list of API errors, and the codes of its SIP trunking,
/// which it uses for outbound calls too.
fn reason(status: u16, code: Option<&str>, at_number: bool) -> EndReason {
    match (status, code) {
        // Not a number, or not in the form of E.164.
        (_, Some("10002" | "10016")) => EndReason::InvalidDestination,
        // Limits of the account, its profile or its connection on calls at once.
        (_, Some("D1" | "D2" | "D3" | "D22")) => EndReason::ConcurrencyLimit,
        // Blocked for an unpaid bill.
        (402, _) | (_, Some("D19")) => EndReason::PaymentRequired,
        // Our key, which is absent, unknown or revoked.
        (401, _) => EndReason::PlatformError,
        (403, _) => EndReason::CarrierRefused,
        (400 | 422, _) if at_number => EndReason::InvalidDestination,
        _ => EndReason::DialFailed,
    }
}

/// A command that is not fit to be sent, because a webhook or a database held what it should not.
fn unfit(_: OutOfLimits) -> Fault {
    Fault::unfit("out_of_limits")
}

const HANGUP: &str = "hangup";

/// Telnyx error 10011.
const TOO_MANY_REQUESTS: &str = "10011";

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;

    fn fault(status: u16, body: &str) -> Fault {
        let retry_after = Some(Duration::from_secs(4)).filter(|_| status == 429);
        body_of(Answer { status, retry_after, body: body.as_bytes().to_vec() }).unwrap_err()
    }

    fn refused(status: u16, body: &str) -> (Option<String>, EndReason) {
        match fault(status, body) {
            Fault::Refused { refusal } => (refusal.code, refusal.reason),
            other => panic!("{other}"),
        }
    }

    #[test]
    fn a_refusal_says_whose_fault_it_was() {
        for (status, body, code, reason) in [
            (
                422,
                r#"{"errors":[{"code":"10016","source":{"pointer":"/to"}}]}"#,
                Some("10016"),
                EndReason::InvalidDestination,
            ),
            (
                422,
                r#"{"errors":[{"code":"10015","source":{"pointer":"/to"}}]}"#,
                Some("10015"),
                EndReason::InvalidDestination,
            ),
            (
                422,
                r#"{"errors":[{"code":"10015","source":{"pointer":"/from"}}]}"#,
                Some("10015"),
                EndReason::DialFailed,
            ),
            (403, r#"{"errors":[{"code":"D3"}]}"#, Some("D3"), EndReason::ConcurrencyLimit),
            (403, r#"{"errors":[{"code":"10010"}]}"#, Some("10010"), EndReason::CarrierRefused),
            (401, r#"{"errors":[{"code":"10009"}]}"#, Some("10009"), EndReason::PlatformError),
            (402, "", None, EndReason::PaymentRequired),
            (400, "<html>", None, EndReason::DialFailed),
        ] {
            assert_eq!(refused(status, body), (code.map(str::to_owned), reason), "{status} {body}");
        }
    }

    #[test]
    fn telnyx_says_when_to_come_back() {
        let wait = Some(Duration::from_secs(4));
        assert_eq!(
            fault(429, r#"{"errors":[{"code":"10011"}]}"#),
            Fault::NotDone { cause: Cause::TooMany, retry_after: wait }
        );
        assert_eq!(
            fault(500, r#"{"errors":[{"code":"10007"}]}"#),
            Fault::Unknown { cause: Cause::Failed(500) }
        );
    }

    #[test]
    fn only_a_leg_that_is_over_has_ended() {
        assert!(has_ended(&fault(422, r#"{"errors":[{"code":"1"},{"code":"90018"}]}"#)));
        assert!(has_ended(&fault(404, r#"{"errors":[{"code":"10005"}]}"#)));
        assert!(!has_ended(&fault(422, r#"{"errors":[{"code":"10015"}]}"#)));
        assert!(!has_ended(&fault(401, "")));
        assert!(!has_ended(&fault(500, "")));
    }

    proptest! {
        /// Nothing that a stranger on the way may answer panics, or is taken for a command's success or for certainty.
        #[test]
        fn no_failure_is_taken_for_success(
            status in (100u16..200).prop_union(300..1000), retry_after in prop::option::of(0u64..1000),
            body in prop::collection::vec(any::<u8>(), 0..200),
        ) {
            let retry_after = retry_after.map(Duration::from_secs);
            let fault = body_of(Answer { status, retry_after, body }).unwrap_err();
            if matches!(status, 500..=599) && retry_after.is_none() {
                prop_assert_eq!(fault, Fault::Unknown { cause: Cause::Failed(status) });
            }
        }
    }
}
