//! What Telnyx answers to a request.

use std::fmt;

use serde::Deserialize;
use serde::de::Deserializer;
use serde_json::Value;

/// The code of "the call has already ended", a text like all of Telnyx's codes.
pub const ALREADY_ENDED: &str = "90018";

/// Errors of one answer that are kept. More say nothing new.
const FAULTS_MAX: usize = 8;

/// The longest text of an error that is kept, in characters.
const TEXT_CHARS_MAX: usize = 300;

/// A placed call, from the answer to [`Dial`](crate::Dial).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dialled {
    /// The leg's name in commands.
    pub call_control_id: String,
    /// The leg's name in records.
    pub call_leg_id: Option<String>,
    /// What all legs of the call share.
    pub call_session_id: Option<String>,
}

impl Dialled {
    /// The call in the body of a 2xx answer. `None` where it names none: whether there is one is unknown then.
    #[must_use]
    pub fn read(body: &[u8]) -> Option<Self> {
        #[derive(Deserialize)]
        struct Answer {
            data: Data,
        }
        #[derive(Deserialize)]
        struct Data {
            call_control_id: String,
            #[serde(default)]
            call_leg_id: Option<String>,
            #[serde(default)]
            call_session_id: Option<String>,
        }
        let Answer { data } = serde_json::from_slice(body).ok()?;
        let named = |id: &String| !id.is_empty();
        Some(Self {
            call_control_id: Some(data.call_control_id).filter(named)?,
            call_leg_id: data.call_leg_id.filter(named),
            call_session_id: data.call_session_id.filter(named),
        })
    }
}

/// One of the errors in an answer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Fault {
    /// Telnyx's code, such as `90018`.
    #[serde(deserialize_with = "loose")]
    pub code: Option<String>,
    /// What it is, in a few words.
    #[serde(deserialize_with = "loose")]
    pub title: Option<String>,
    /// What it is, in a sentence. It may repeat what was sent.
    #[serde(deserialize_with = "loose")]
    pub detail: Option<String>,
    source: Option<Source>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
struct Source {
    #[serde(deserialize_with = "loose")]
    pointer: Option<String>,
    #[serde(deserialize_with = "loose")]
    parameter: Option<String>,
}

impl Fault {
    /// Where in the request it is: a JSON pointer into the body, or the name of a parameter.
    #[must_use]
    pub fn place(&self) -> Option<&str> {
        let source = self.source.as_ref()?;
        source.pointer.as_deref().or(source.parameter.as_deref())
    }
}

/// An answer that is no success. Its text names code, title and place, never the detail, which may repeat a number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// The HTTP status.
    pub status: u16,
    /// What Telnyx says of it; empty where it says nothing that can be read.
    pub faults: Vec<Fault>,
}

impl Refused {
    /// Reads an answer with this status. Whatever the body is, there is something to say.
    #[must_use]
    pub fn read(status: u16, body: &[u8]) -> Self {
        #[derive(Deserialize)]
        struct Answer {
            #[serde(default)]
            errors: Vec<Value>,
        }
        let errors = serde_json::from_slice(body).map_or_else(|_| Vec::new(), |Answer { errors }| errors);
        let faults = errors.into_iter().filter_map(|error| serde_json::from_value(error).ok());
        Self { status, faults: faults.take(FAULTS_MAX).collect() }
    }

    /// Whether one of the errors has this code.
    #[must_use]
    pub fn has(&self, code: &str) -> bool {
        self.faults.iter().any(|fault| fault.code.as_deref() == Some(code))
    }

    /// Whether there is nothing left to command: the call is over. For [`Hangup`](crate::Hangup) that is success.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.status == 422 && self.has(ALREADY_ENDED)
    }

    /// Whether the same request may do better later: Telnyx was too busy, or failed itself. What it had then done is
    /// unknown, unless it was 429.
    #[must_use]
    pub fn may_pass_later(&self) -> bool {
        matches!(self.status, 408 | 425 | 429 | 500..=599)
    }
}

impl std::error::Error for Refused {}

impl fmt::Display for Refused {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Telnyx answered {}", self.status)?;
        for (index, fault) in self.faults.iter().enumerate() {
            formatter.write_str(if index == 0 { ": " } else { "; " })?;
            let words = [fault.code.as_deref(), fault.title.as_deref(), fault.place()];
            for (index, word) in words.into_iter().flatten().enumerate() {
                if index > 0 {
                    formatter.write_str(" ")?;
                }
                formatter.write_str(word)?;
            }
        }
        Ok(())
    }
}

/// A text, cut where it is overlong, or a number as its text; anything else is as if it were absent.
fn loose<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    Ok(match Value::deserialize(deserializer)? {
        Value::String(text) if !text.is_empty() => Some(text.chars().take(TEXT_CHARS_MAX).collect()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_placed_call_is_named() {
        let body =
            br#"{"data":{"call_control_id":"v3:a","call_leg_id":"l","call_session_id":"s","is_alive":false,
            "record_type":"call"}}"#;
        let dialled = Dialled {
            call_control_id: "v3:a".into(),
            call_leg_id: Some("l".into()),
            call_session_id: Some("s".into()),
        };
        assert_eq!(Dialled::read(body), Some(dialled));
        for odd in ["", "{}", r#"{"data":{}}"#, r#"{"data":{"call_control_id":""}}"#, "<html>"] {
            assert_eq!(Dialled::read(odd.as_bytes()), None, "{odd}");
        }
    }

    #[test]
    fn a_call_that_has_ended_is_no_fault_of_a_hangup() {
        let body = br#"{"errors":[{"code":"90018","title":"Call has already ended",
            "detail":"This call is no longer active and can't receive commands."}]}"#;
        let refused = Refused::read(422, body);
        assert!(refused.is_over() && !refused.may_pass_later());
        assert_eq!(refused.to_string(), "Telnyx answered 422: 90018 Call has already ended");
        assert!(!Refused::read(404, body).is_over());
        assert!(!Refused::read(422, br#"{"errors":[{"code":"10015"}]}"#).is_over());
    }

    #[test]
    fn the_text_names_the_place_and_not_what_was_sent() {
        let body = br#"{"errors":[
            {"code":10015,"title":"Bad Request","detail":"+15551230000 is bad","source":{"pointer":"/to"},"meta":{}},
            {"code":"10004","title":"Missing","source":{"parameter":"voice"}}]}"#;
        let refused = Refused::read(422, body);
        assert_eq!(refused.to_string(), "Telnyx answered 422: 10015 Bad Request /to; 10004 Missing voice");
        assert_eq!(refused.faults[0].detail.as_deref(), Some("+15551230000 is bad"));
    }

    #[test]
    fn an_answer_without_errors_has_its_status() {
        for body in ["", "Bad Gateway", "[]", r#"{"errors":{}}"#, r#"{"errors":[1,"x",null]}"#] {
            let refused = Refused::read(502, body.as_bytes());
            assert_eq!(
                (refused.to_string().as_str(), refused.may_pass_later()),
                ("Telnyx answered 502", true),
                "{body}"
            );
        }
        let many = format!(r#"{{"errors":[{}]}}"#, vec![r#"{"code":"1"}"#; 50].join(","));
        assert_eq!(Refused::read(400, many.as_bytes()).faults.len(), FAULTS_MAX);
        let long = format!(r#"{{"errors":[{{"title":"{}"}}]}}"#, "é".repeat(5000));
        assert_eq!(
            Refused::read(400, long.as_bytes()).faults[0].title.as_ref().unwrap().chars().count(),
            300
        );
    }

    proptest! {
        #[test]
        fn no_body_panics(status in any::<u16>(), body in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = (Refused::read(status, &body).to_string(), Dialled::read(&body));
        }
    }
}
