//! Where requests go.

use std::fmt::Write as _;

use crate::OutOfLimits;

/// The base of Telnyx's API, without a final slash.
pub const API_BASE: &str = "https://api.telnyx.com/v2";

/// Below [`API_BASE`]: where calls are placed.
pub const DIAL_PATH: &str = "/calls";

/// The longest id that a path is built of; Telnyx's have about 64 bytes.
const ID_BYTES_MAX: usize = 512;

/// Below [`API_BASE`]: where `action` on a leg is ordered. Its id contains a colon and may contain anything: all but the
/// unreserved characters of RFC 3986 are percent-encoded, so an id is always one segment of the path.
///
/// # Errors
/// For an empty or overlong id, for one of dots only (which URL parsers take for another folder, encoded or not), and
/// for an action that is not of lower-case letters and underscores.
pub fn action_path(call_control_id: &str, action: &str) -> Result<String, OutOfLimits> {
    let only_dots = call_control_id.bytes().all(|byte| byte == b'.');
    if only_dots || call_control_id.len() > ID_BYTES_MAX {
        return Err(OutOfLimits { field: "call_control_id", needs: "1 to 512 bytes and not dots alone" });
    }
    let named = !action.is_empty() && action.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
    if !named {
        return Err(OutOfLimits { field: "action", needs: "lower-case letters and underscores" });
    }
    Ok(format!("{DIAL_PATH}/{}/actions/{action}", percent_encoded(call_control_id)))
}

fn percent_encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len() + 8);
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            encoded.push(char::from(byte));
        } else {
            // Writing to a text cannot fail.
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_id_is_one_segment_of_the_path() {
        for (id, path) in [
            ("v3:Mdz-_1~.x", "/calls/v3%3AMdz-_1~.x/actions/hangup"),
            ("a/../b?c#d%", "/calls/a%2F..%2Fb%3Fc%23d%25/actions/hangup"),
            ("é +", "/calls/%C3%A9%20%2B/actions/hangup"),
        ] {
            assert_eq!(action_path(id, "hangup").unwrap(), path);
        }
    }

    #[test]
    fn what_would_lead_elsewhere_is_refused() {
        for id in ["", ".", "..", &"x".repeat(513)] {
            assert_eq!(action_path(id, "hangup").unwrap_err().field, "call_control_id");
        }
        for action in ["", "../x", "Hangup", "hangup?", "hang up"] {
            assert_eq!(action_path("v3:a", action).unwrap_err().field, "action");
        }
    }

    proptest! {
        #[test]
        fn no_id_adds_a_segment_or_a_query(id in ".{1,40}") {
            if let Ok(path) = action_path(&id, "speak") {
                prop_assert_eq!(path.matches('/').count(), 4);
                prop_assert!(path.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"/%-._~".contains(&byte)));
            }
        }
    }
}
