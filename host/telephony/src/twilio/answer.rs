//! What Twilio answers: success, or an error in one of two forms.

use serde::Deserialize;
use serde_json::Value;

use super::reason;
use crate::fault::{Refusal, code_only};
use crate::wire::{Answer, transient};
use crate::{Cause, Fault};

/// The body of a success, or what the failure means.
pub(super) fn body_of(answer: Answer) -> Result<Vec<u8>, Fault> {
    if (200..300).contains(&answer.status) {
        return Ok(answer.body);
    }
    let code = error_code(&answer.body);
    if code.as_deref() == Some(TOO_MANY_REQUESTS) {
        return Err(Fault::NotDone { cause: Cause::TooMany, retry_after: answer.retry_after });
    }
    if let Some(fault) = transient(answer.status, answer.retry_after) {
        return Err(fault);
    }
    let reason = reason(answer.status, code.as_deref());
    Err(Fault::Refused { refusal: Refusal { status: answer.status, code, reason } })
}

/// What a success's body holds. A success that cannot be read has happened all the same.
pub(super) fn parsed<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T, Fault> {
    serde_json::from_slice(body).map_err(|_| Fault::Unknown { cause: Cause::Unreadable })
}

/// The code of `{"code":21211,"message":..,"more_info":..,"status":400}`, and of the form of RFC 9457 that newer APIs
/// answer with, where it may be a text.
fn error_code(body: &[u8]) -> Option<String> {
    let body: Value = serde_json::from_slice(body).ok()?;
    match body.get("code")? {
        Value::Number(code) => Some(code.to_string()),
        Value::String(code) => code_only(code),
        _ => None,
    }
}

/// Twilio error 20429.
const TOO_MANY_REQUESTS: &str = "20429";

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use call_state::EndReason;
    use proptest::prelude::*;

    use super::*;

    fn fault(status: u16, retry_after: Option<u64>, body: &str) -> Fault {
        let retry_after = retry_after.map(Duration::from_secs);
        body_of(Answer { status, retry_after, body: body.as_bytes().to_vec() }).unwrap_err()
    }

    fn refused(status: u16, body: &str) -> (Option<String>, EndReason) {
        match fault(status, None, body) {
            Fault::Refused { refusal } => (refusal.code, refusal.reason),
            other => panic!("{other}"),
        }
    }

    #[test]
    fn both_forms_of_an_error_have_a_code() {
        let old = r#"{"code":21211,"message":"The 'To' number +3 is not valid.","more_info":"https://www.twilio.com/docs/errors/21211","status":400}"#;
        assert_eq!(refused(400, old), (Some("21211".to_owned()), EndReason::InvalidDestination));
        let new = r#"{"type":"https://www.twilio.com/docs/errors/21215","title":"Geo Permission","status":403,"code":21215,"detail":"x"}"#;
        assert_eq!(refused(403, new), (Some("21215".to_owned()), EndReason::CarrierRefused));
        let text = r#"{"type":"about:blank","title":"t","status":400,"code":"20001"}"#;
        assert_eq!(refused(400, text).0.as_deref(), Some("20001"));
    }

    #[test]
    fn without_a_code_the_status_decides() {
        for (status, reason) in [
            (400, EndReason::DialFailed),
            (401, EndReason::PlatformError),
            (402, EndReason::PaymentRequired),
            (403, EndReason::CarrierRefused),
            (404, EndReason::DialFailed),
            (301, EndReason::DialFailed),
        ] {
            for body in ["", "<html>", "[]", r#"{"code":null}"#, r#"{"message":"no"}"#] {
                assert_eq!(refused(status, body), (None, reason), "{status} {body}");
            }
        }
    }

    #[test]
    fn too_many_requests_are_known_by_status_or_code() {
        let wait = Some(Duration::from_secs(2));
        let expected = Fault::NotDone { cause: Cause::TooMany, retry_after: wait };
        assert_eq!(fault(429, Some(2), ""), expected);
        assert_eq!(fault(400, Some(2), r#"{"code":20429,"status":429}"#), expected);
    }

    #[test]
    fn a_server_error_says_nothing_of_what_happened() {
        let body = r#"{"code":20500,"message":"An internal server error has occurred","status":500}"#;
        assert_eq!(fault(500, None, body), Fault::Unknown { cause: Cause::Failed(500) });
    }

    proptest! {
        /// Nothing that a stranger on the way may answer panics, or is taken for a call's success or for certainty.
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

        #[test]
        fn no_code_panics(code in ".{0,40}", number in any::<f64>()) {
            let _ = fault(400, None, &serde_json::json!({ "code": code }).to_string());
            let _ = fault(400, None, &serde_json::json!({ "code": number }).to_string());
        }
    }
}
