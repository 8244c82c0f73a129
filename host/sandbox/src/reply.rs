//! What a tool answers, and whether it keeps to what `wit/tool` says of it.

use crate::bindings::tool::exports::voicehive::tool::tool as wit;
use crate::finished::RunError;

/// How a call of a tool went well.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// It is done.
    Done(Answer),
    /// Nothing was done; the caller is to be asked this first.
    Confirm(String),
}

/// What came of a call of a tool.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answer {
    /// For the model: JSON or plain text.
    pub content: String,
    /// Said to the caller word for word.
    pub speech: Option<String>,
    /// JSON that is kept with the call's log for the tenant.
    pub data: Option<String>,
    /// The name of a tool that the model is advised to call next.
    pub follow_up: Option<String>,
}

/// Why a tool refused, in its own words.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Failure {
    /// What kind of refusal: `invalid`, `not-found`, `conflict`, `unavailable` or `other`.
    pub kind: &'static str,
    /// What the model is told.
    pub message: String,
}

/// The most bytes of [`Answer::speech`].
const MAX_SPEECH: usize = 1 << 10;
/// The most bytes of [`Answer::data`].
const MAX_DATA: usize = 16 << 10;
/// The most bytes of a question.
const MAX_QUESTION: usize = 512;
/// The most bytes of a tool's name.
const MAX_NAME: usize = 64;

impl Reply {
    /// Done, and the model is told `content`.
    pub fn text(content: impl Into<String>) -> Self {
        Self::Done(Answer { content: content.into(), ..Answer::default() })
    }
}

/// The reply or failure of the tool, if each part is as large as it may be, and what it must be.
/// `content` is how many bytes content or failure may have.
pub(crate) fn checked(
    result: Result<wit::Reply, wit::Failure>,
    content: usize,
) -> Result<Result<Reply, Failure>, RunError> {
    match result {
        Ok(reply) => {
            let reply = Reply::from(reply);
            check(&reply, content)?;
            Ok(Ok(reply))
        }
        Err(failure) => {
            let failure = Failure::from(failure);
            bounded("failure", &failure.message, content)?;
            Ok(Err(failure))
        }
    }
}

fn check(reply: &Reply, content: usize) -> Result<(), RunError> {
    let answer = match reply {
        Reply::Done(answer) => answer,
        Reply::Confirm(question) if question.trim().is_empty() => {
            return Err(RunError::BadReply("the question of `confirm` is empty".into()));
        }
        Reply::Confirm(question) => return bounded("confirm", question, MAX_QUESTION),
    };
    bounded("content", &answer.content, content)?;
    if let Some(speech) = &answer.speech {
        bounded("speech", speech, MAX_SPEECH)?;
    }
    if let Some(data) = &answer.data {
        bounded("data", data, MAX_DATA)?;
        // Whoever reads it later stops where this parser does, at 128 levels.
        serde_json::from_str::<serde_json::Value>(data)
            .map_err(|error| RunError::BadReply(format!("`data` is not JSON: {error}")))?;
    }
    match &answer.follow_up {
        Some(name) if !is_name(name) => {
            Err(RunError::BadReply("`follow-up` is not a tool's name, 1 to 64 of a-z A-Z 0-9 _ -".into()))
        }
        _ => Ok(()),
    }
}

fn bounded(part: &'static str, text: &str, limit: usize) -> Result<(), RunError> {
    match text.len() <= limit {
        true => Ok(()),
        false => Err(RunError::ResultTooLarge { part, size: text.len(), limit }),
    }
}

/// Whether `text` can be a tool's name.
pub(crate) fn is_name(text: &str) -> bool {
    (1..=MAX_NAME).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte))
}

impl From<wit::Reply> for Reply {
    fn from(reply: wit::Reply) -> Self {
        match reply {
            wit::Reply::Done(answer) => Self::Done(Answer {
                content: answer.content,
                speech: answer.speech,
                data: answer.data,
                follow_up: answer.follow_up,
            }),
            wit::Reply::Confirm(question) => Self::Confirm(question),
        }
    }
}

impl From<wit::Failure> for Failure {
    fn from(failure: wit::Failure) -> Self {
        let (kind, message) = match failure {
            wit::Failure::Invalid(message) => ("invalid", message),
            wit::Failure::NotFound(message) => ("not-found", message),
            wit::Failure::Conflict(message) => ("conflict", message),
            wit::Failure::Unavailable(message) => ("unavailable", message),
            wit::Failure::Other(message) => ("other", message),
        };
        Self { kind, message }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn done(change: impl FnOnce(&mut wit::Answer)) -> Result<(), RunError> {
        let mut answer = wit::Answer { content: String::new(), speech: None, data: None, follow_up: None };
        change(&mut answer);
        checked(Ok(wit::Reply::Done(answer)), 10).map(drop)
    }

    fn too_large(part: &'static str, size: usize, limit: usize) -> Result<(), RunError> {
        Err(RunError::ResultTooLarge { part, size, limit })
    }

    #[test]
    fn each_part_has_its_own_bound() {
        assert_eq!(done(|answer| answer.content = "c".repeat(10)), Ok(()));
        assert_eq!(done(|answer| answer.content = "c".repeat(11)), too_large("content", 11, 10));
        assert_eq!(done(|answer| answer.speech = Some("s".repeat(1024))), Ok(()));
        assert_eq!(done(|answer| answer.speech = Some("s".repeat(1025))), too_large("speech", 1025, 1024));
        assert_eq!(done(|answer| answer.data = Some(" ".repeat(20_000))), too_large("data", 20_000, 16_384));
        let confirm = |bytes| checked(Ok(wit::Reply::Confirm("q".repeat(bytes))), 10).map(drop);
        assert_eq!(confirm(512), Ok(()));
        assert_eq!(confirm(513), too_large("confirm", 513, 512));
        let failure = checked(Err(wit::Failure::Other("f".repeat(11))), 10).map(drop);
        assert_eq!(failure, too_large("failure", 11, 10));
    }

    #[test]
    fn what_is_not_what_it_must_be_is_refused() {
        let deep = "[".repeat(200) + &"]".repeat(200);
        for data in ["", "{", "{} {}", "nul", deep.as_str()] {
            assert!(matches!(done(|answer| answer.data = Some(data.into())), Err(RunError::BadReply(_))));
        }
        assert_eq!(done(|answer| answer.data = Some(r#"{"a":[1,null]}"#.into())), Ok(()));
        for name in ["", "a b", "é", &"n".repeat(65)] {
            let named = done(|answer| answer.follow_up = Some(name.into()));
            assert!(matches!(named, Err(RunError::BadReply(_))), "{name}");
        }
        assert_eq!(done(|answer| answer.follow_up = Some("send_invoice-2".into())), Ok(()));
        let empty = checked(Ok(wit::Reply::Confirm(" \n".into())), 10);
        assert!(matches!(empty, Err(RunError::BadReply(_))));
    }
}
