//! What a platform refuses, in one line.

use std::time::Duration;

use serde_json::Value;

use super::text;

/// Why the platform did not do what was asked.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// The platform said why.
    #[error("{code}: {detail}{}", hint(.code, *.retry_after))]
    Problem {
        /// The stable code.
        code: String,
        /// A sentence.
        detail: String,
        /// When the platform has time again, where it said so.
        retry_after: Option<Duration>,
    },
    /// What answered is no platform of ours.
    #[error(
        "the answer is no platform's, but status {status} with {bytes} bytes (hint: `--url` must be where `voicehive up` or `voicehive media` serves)"
    )]
    Foreign {
        /// The status.
        status: u16,
        /// The size of the body.
        bytes: usize,
    },
}

impl Refused {
    /// Reads a problem document (RFC 9457).
    pub fn read(status: u16, body: &[u8], retry_after: Option<Duration>) -> Self {
        match serde_json::from_slice::<Value>(body) {
            Ok(document) if !text(&document, "code").is_empty() => Self::Problem {
                code: one_line(text(&document, "code")),
                detail: one_line(detail(&document)),
                retry_after,
            },
            _ => Self::Foreign { status, bytes: body.len() },
        }
    }
}

/// What to do where the detail, which is written for all clients, does not say it in the words of this one.
fn hint(code: &str, retry_after: Option<Duration>) -> String {
    let hint = match code {
        "unauthorized" => "set VOICEHIVE_API_KEY or `--api-key` to the tenant's key",
        "not-found" => "`voicehive tool list` shows what there is",
        "name-reserved" => "change the name that `describe` gives, and build again",
        "alias-moved" => "`voicehive tool list TOOL` shows what it names now",
        "nothing-earlier" => "push the version that calls are to get",
        "too-large" | "body-too-large" => "`--tier large` allows more",
        "stamp-missing" => "build with `voicehive tool build`",
        _ => "",
    };
    match (hint, retry_after) {
        ("", None) => String::new(),
        ("", Some(wait)) => format!(" (hint: again in {} s)", wait.as_secs()),
        (hint, _) => format!(" (hint: {hint})"),
    }
}

/// The sentence, without the code where it begins with that, as the gate's do.
fn detail(document: &Value) -> &str {
    let (code, detail) = (text(document, "code"), text(document, "detail"));
    detail.strip_prefix(code).and_then(|rest| rest.strip_prefix(": ")).unwrap_or(detail)
}

fn one_line(text: &str) -> String {
    text.replace(char::is_control, " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_is_one_line_with_a_hint() {
        let body = br#"{"code":"unauthorized","detail":"send a valid\nkey"}"#;
        let error = Refused::read(401, body, None).to_string();
        assert_eq!(
            error,
            "unauthorized: send a valid key (hint: set VOICEHIVE_API_KEY or `--api-key` to the tenant's key)"
        );
    }

    #[test]
    fn the_way_on_is_told() {
        let refused = Refused::read(413, br#"{"code":"too-large","detail":"it is"}"#, None);
        assert_eq!(refused.to_string(), "too-large: it is (hint: `--tier large` allows more)");
        let body = br#"{"code":"rate-limited","detail":"too many"}"#;
        let error = Refused::read(429, body, Some(Duration::from_secs(7))).to_string();
        assert_eq!(error, "rate-limited: too many (hint: again in 7 s)");
    }

    #[test]
    fn a_code_is_told_once() {
        let body = br#"{"code":"core-module","detail":"core-module: the file; build a component"}"#;
        assert_eq!(Refused::read(422, body, None).to_string(), "core-module: the file; build a component");
    }

    #[test]
    fn what_is_no_platform_is_told_from_one() {
        assert_eq!(Refused::read(404, b"<html>", None), Refused::Foreign { status: 404, bytes: 6 });
        assert_eq!(Refused::read(404, b"{}", None), Refused::Foreign { status: 404, bytes: 2 });
    }
}
