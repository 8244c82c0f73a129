//! What was decided on a call: the words of its log, the form in which it is stored, and what callers are told.

use crate::bindings::voicehive::platform::call_routing::{Decision, Reason, Voicemail};

/// Something failed that the caller cannot help.
pub(crate) const APOLOGY: &str =
    "We are sorry, something went wrong on our side. Please call again in a few minutes.";

/// Nobody has the number that was called.
pub(crate) const UNKNOWN_NUMBER: &str = "This number is not in service. Goodbye.";

/// The caller has left a message.
pub(crate) const THANKS: &str = "Thank you for your message. Goodbye.";

/// The caller calls more often than a person does.
pub(crate) const TOO_OFTEN: &str = "We have received too many calls from your number. Please wait a few minutes before you call again. Goodbye.";

/// The agent handed the caller over, and nobody took the call.
pub(crate) const NOBODY_ANSWERED: &str =
    "We are sorry, nobody can take your call at the moment. Please call again later. Goodbye.";

/// What is asked of a caller whom nobody can speak to, where the tenant's table has no words of its own.
const NOBODY_FREE: &str =
    "We are sorry, nobody can take your call at the moment. Please leave a message after the tone.";

/// The longest message where the tenant's table names none, in seconds.
const MESSAGE_SECONDS: u16 = 120;

/// How a message is taken where the tenant's table does not say.
pub(crate) fn plain_voicemail() -> Voicemail {
    Voicemail { greeting: NOBODY_FREE.to_owned(), max_seconds: MESSAGE_SECONDS }
}

/// The decision as it is stored with the call: the form of the table's own.
pub(crate) fn stored(decision: &Decision) -> Option<serde_json::Value> {
    serde_json::to_value(decision).ok()
}

/// The decision that was stored with a call.
pub(crate) fn of_stored(value: &serde_json::Value) -> Option<Decision> {
    serde_json::from_value(value.clone()).ok()
}

/// The word for a decision.
pub(crate) fn name(decision: &Decision) -> &'static str {
    match decision {
        Decision::Connect(_) => "connect",
        Decision::Forward(_) => "forward",
        Decision::Message(_) => "message",
        Decision::Voicemail(_) => "voicemail",
        Decision::Reject(_) => "reject",
    }
}

/// Why it was decided.
pub(crate) fn reason(reason: &Reason) -> String {
    match reason {
        Reason::Rule(id) => format!("rule {id}"),
        Reason::Blocked(pattern) => format!("blocked by {pattern}"),
        Reason::Fallback => "fallback".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bindings::voicehive::platform::call_routing::{Forwarding, Rejection};

    #[test]
    fn a_decision_survives_storage_in_the_words_of_the_table() {
        let forwarding = Forwarding { to: "+34910000001".into(), ring_seconds: 20 };
        for (decision, json) in [
            (Decision::Connect("a".into()), r#"{"connect":"a"}"#),
            (Decision::Forward(forwarding), r#"{"forward":{"ring_seconds":20,"to":"+34910000001"}}"#),
            (Decision::Message("Hi".into()), r#"{"message":"Hi"}"#),
            (Decision::Reject(Rejection::Declined), r#"{"reject":"declined"}"#),
        ] {
            let value = stored(&decision).unwrap();
            assert_eq!(value.to_string(), json);
            assert_eq!(of_stored(&value), Some(decision));
        }
        assert_eq!(of_stored(&serde_json::json!({ "later": 1 })), None);
    }
}
