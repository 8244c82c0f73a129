//! What the tool does.

use serde::{Deserialize, Serialize};

/// Where callbacks are noted: the platform's records, or a map in a test.
pub trait Records {
    /// Stores `value` under a key that must be free; whether it was.
    fn insert(&self, key: &str, value: &[u8]) -> Result<bool, StoreError>;
}

/// Why nothing could be stored.
#[derive(Debug, PartialEq, Eq)]
pub enum StoreError {
    /// There is no room left.
    Full,
    /// It may work later.
    Unavailable,
}

/// What became of a callback.
#[derive(Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It is noted.
    Noted,
    /// It was noted by an earlier attempt at the same call.
    NotedBefore,
}

/// When somebody can be reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum When {
    Morning,
    Afternoon,
}

/// What the caller wants.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct Request {
    topic: String,
    when: When,
    phone: String,
}

/// What the model passes.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Arguments {
    topic: String,
    when: When,
    phone: Option<String>,
}

/// A callback as it is stored.
#[derive(Serialize)]
struct Note<'a> {
    #[serde(flatten)]
    request: &'a Request,
    /// Milliseconds since the Unix epoch.
    noted_at: u64,
}

impl Request {
    /// Reads the model's arguments; `caller` is the number they call from, empty where it is withheld. The error is
    /// for the model.
    pub fn read(arguments: &str, caller: &str) -> Result<Self, String> {
        let arguments: Arguments =
            serde_json::from_str(arguments).map_err(|error| format!("the arguments do not fit: {error}"))?;
        let topic = arguments.topic.trim().to_owned();
        if topic.is_empty() {
            return Err("`topic` is empty: ask what it is about".into());
        }
        let phone = arguments.phone.unwrap_or_else(|| caller.to_owned());
        if phone.is_empty() {
            return Err("the caller's number is withheld: ask for one and pass it as `phone`".into());
        }
        Ok(Self { topic, when: arguments.when, phone })
    }

    /// What the caller is asked before anything is noted.
    pub fn question(&self) -> String {
        format!("Shall we call you back in the {}?", self.time())
    }

    /// What the caller is told, word for word.
    pub fn promise(&self) -> String {
        format!("We will call you back in the {}.", self.time())
    }

    /// What the model is told.
    pub fn summary(&self) -> String {
        format!("Noted: a callback in the {} about {}.", self.time(), self.topic)
    }

    fn time(&self) -> &'static str {
        match self.when {
            When::Morning => "morning",
            When::Afternoon => "afternoon",
        }
    }
}

/// Notes `request` once for each `idempotency_key`, however often the call is tried.
pub fn note(
    records: &impl Records,
    request: &Request,
    idempotency_key: &str,
    now_ms: u64,
) -> Result<Outcome, StoreError> {
    let note = serde_json::to_vec(&Note { request, noted_at: now_ms }).map_err(|_| StoreError::Unavailable)?;
    let free = records.insert(&format!("callbacks/{idempotency_key}"), &note)?;
    Ok(if free { Outcome::Noted } else { Outcome::NotedBefore })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::RefCell;
    use std::collections::BTreeMap;

    #[derive(Default)]
    struct Notebook(RefCell<BTreeMap<String, String>>);

    impl Records for Notebook {
        fn insert(&self, key: &str, value: &[u8]) -> Result<bool, StoreError> {
            let mut notes = self.0.borrow_mut();
            if notes.contains_key(key) {
                return Ok(false);
            }
            notes.insert(key.to_owned(), String::from_utf8(value.to_vec()).unwrap());
            Ok(true)
        }
    }

    fn request() -> Request {
        Request::read(r#"{"topic": " my invoice ", "when": "morning"}"#, "+12025550143").unwrap()
    }

    #[test]
    fn a_callback_is_noted_once_for_each_call() {
        let notebook = Notebook::default();
        assert_eq!(note(&notebook, &request(), "key-1", 5), Ok(Outcome::Noted));
        assert_eq!(note(&notebook, &request(), "key-1", 6), Ok(Outcome::NotedBefore));
        let notes = notebook.0.borrow();
        assert_eq!(notes.len(), 1);
        assert!(notes["callbacks/key-1"].contains(r#""phone":"+12025550143""#));
    }

    #[test]
    fn the_caller_is_asked_before_and_told_after() {
        assert_eq!(request().question(), "Shall we call you back in the morning?");
        assert_eq!(request().promise(), "We will call you back in the morning.");
    }

    #[test]
    fn what_does_not_fit_is_told_to_the_model() {
        let refused = |arguments, caller| Request::read(arguments, caller).unwrap_err();
        assert!(refused(r#"{"topic": "x", "when": "night"}"#, "+1").contains("do not fit"));
        assert!(refused(r#"{"topic": " ", "when": "morning"}"#, "+1").contains("`topic` is empty"));
        assert!(refused(r#"{"topic": "x", "when": "morning"}"#, "").contains("withheld"));
    }
}
