//! What Telnyx carries for us from a command to the webhooks that follow it.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use serde::{Deserialize, Serialize};

use crate::OutOfLimits;

/// The longest state that is read or written, in bytes of base64. Ours has about 70; nobody else's needs to be looked at.
pub const CLIENT_STATE_BYTES_MAX: usize = 1024;

/// Our state: which of our calls a leg belongs to.
///
/// It is not a proof of anything, only a name: what it names must be looked up as whoever the webhook's number belongs
/// to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClientState {
    call: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    leg: Option<String>,
}

impl ClientState {
    /// The state of the first leg of the call with this id of ours.
    ///
    /// # Errors
    /// For an empty or overlong id.
    pub fn of_call(call: impl Into<String>) -> Result<Self, OutOfLimits> {
        Self { call: call.into(), leg: None }.checked()
    }

    /// The state of a leg that is dialled from that call; `leg` says what it is for.
    ///
    /// # Errors
    /// For an empty or overlong id or word.
    pub fn of_leg(call: impl Into<String>, leg: impl Into<String>) -> Result<Self, OutOfLimits> {
        Self { call: call.into(), leg: Some(leg.into()) }.checked()
    }

    /// Our state in a webhook's `client_state`. `None` for any other: what we did not write, or wrote in another form,
    /// is not ours.
    #[must_use]
    pub fn read(text: &str) -> Option<Self> {
        let state: Self = serde_json::from_slice(&decode_state(text)?).ok()?;
        state.checked().ok()
    }

    /// The id of our call.
    #[must_use]
    pub fn call(&self) -> &str {
        &self.call
    }

    /// What the leg is for; `None` for the call's first leg.
    #[must_use]
    pub fn leg(&self) -> Option<&str> {
        self.leg.as_deref()
    }

    /// The form that Telnyx takes.
    #[must_use]
    pub fn encoded(&self) -> String {
        // A struct of texts is always JSON.
        encode_state(&serde_json::to_string(self).unwrap_or_default())
    }

    fn checked(self) -> Result<Self, OutOfLimits> {
        const TEXT_BYTES_MAX: usize = 128;
        let fits =
            |text: &str| (1..=TEXT_BYTES_MAX).contains(&text.len()) && !text.contains(char::is_control);
        if fits(&self.call) && self.leg.as_deref().is_none_or(fits) {
            Ok(self)
        } else {
            Err(OutOfLimits { field: "client_state", needs: "1 to 128 bytes of text" })
        }
    }
}

/// A state in the base64 that Telnyx wants.
#[must_use]
pub fn encode_state(state: &str) -> String {
    STANDARD.encode(state)
}

/// The bytes of anybody's state, or `None` where it is longer than [`CLIENT_STATE_BYTES_MAX`] or not base64. Padding
/// may be missing.
#[must_use]
pub fn decode_state(text: &str) -> Option<Vec<u8>> {
    if text.len() > CLIENT_STATE_BYTES_MAX {
        return None;
    }
    STANDARD_NO_PAD.decode(text.trim_end_matches('=')).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;

    /// The published vectors, every entry.
    #[test]
    fn every_client_state_vector_holds() {
        let entries: Vec<Value> =
            serde_json::from_str(include_str!("../tests/vectors/telnyx_client_state.json")).unwrap();
        assert_eq!(entries.len(), 2);
        println!("telnyx_client_state: {} vectors", entries.len());
        for entry in &entries {
            let (state, encoded) = (
                entry["inputs"]["state_utf8"].as_str().unwrap(),
                entry["expected"]["client_state"].as_str().unwrap(),
            );
            assert_eq!(encode_state(state), encoded, "{}", entry["id"]);
            assert_eq!(decode_state(encoded).unwrap(), state.as_bytes(), "{}", entry["id"]);
            assert_eq!(ClientState::read(encoded), None, "{}", entry["id"]);
        }
    }

    #[test]
    fn our_state_comes_back_as_it_went() {
        let first = ClientState::of_call("0198a1b2-c3").unwrap();
        assert_eq!(first.encoded(), encode_state(r#"{"call":"0198a1b2-c3"}"#));
        let further = ClientState::of_leg("0198a1b2-c3", "forward").unwrap();
        for state in [first, further] {
            assert_eq!(ClientState::read(&state.encoded()), Some(state.clone()));
            assert!(state.encoded().len() < CLIENT_STATE_BYTES_MAX);
        }
    }

    #[test]
    fn a_state_of_tomorrow_is_read_and_a_foreign_one_is_not() {
        let read = |state: &str| ClientState::read(&encode_state(state));
        assert_eq!(read(r#"{"call":"c","since":4}"#).unwrap().call(), "c");
        for foreign in [
            "",
            "hello",
            "{}",
            "[]",
            r#"{"call":1}"#,
            r#"{"call":""}"#,
            r#"{"call":"a\nb"}"#,
            r#"{"call":"c","leg":""}"#,
        ] {
            assert_eq!(read(foreign), None, "{foreign}");
        }
        assert_eq!(ClientState::read("not base64!"), None);
        assert_eq!(read(&format!(r#"{{"call":"c","x":"{}"}}"#, "y".repeat(1024))), None);
    }

    #[test]
    fn a_state_that_could_not_be_read_is_not_written() {
        assert!(ClientState::of_call("").is_err());
        assert!(ClientState::of_call("c".repeat(129)).is_err());
        assert!(ClientState::of_leg("c", "").is_err());
    }

    proptest! {
        #[test]
        fn no_text_panics(text in any::<String>(), state in any::<String>()) {
            let _ = (ClientState::read(&text), ClientState::read(&encode_state(&state)));
        }
    }
}
