//! Building replies.

use serde::Serialize;

use crate::{Answer, Failure, Reply};

impl Reply {
    /// Done; `content` is for the model.
    pub fn text(content: impl Into<String>) -> Self {
        Self::Done(Answer { content: content.into(), speech: None, data: None, follow_up: None })
    }

    /// Done; `content` is for the model, as JSON.
    ///
    /// # Errors
    /// Where `content` has no JSON, such as a map whose keys are no strings.
    pub fn json(content: &impl Serialize) -> Result<Self, Failure> {
        Ok(Self::text(to_json(content)?))
    }

    /// Not done: the caller is to be asked `question` first. Ask only where
    /// `context.confirmed` is false.
    pub fn confirm(question: impl Into<String>) -> Self {
        Self::Confirm(question.into())
    }

    /// The caller hears `speech`, word for word, instead of what the model would
    /// make of the content. A question stays as it is.
    #[must_use]
    pub fn speak(self, speech: impl Into<String>) -> Self {
        self.map(|answer| Answer { speech: Some(speech.into()), ..answer })
    }

    /// Keeps `data` with the phone call's log, as JSON. A question stays as it is.
    ///
    /// # Errors
    /// Where `data` has no JSON.
    pub fn keep(self, data: &impl Serialize) -> Result<Self, Failure> {
        let data = to_json(data)?;
        Ok(self.map(|answer| Answer { data: Some(data), ..answer }))
    }

    /// Advises the model to call `tool` next. A question stays as it is.
    #[must_use]
    pub fn follow_up(self, tool: impl Into<String>) -> Self {
        self.map(|answer| Answer { follow_up: Some(tool.into()), ..answer })
    }

    /// What the model gets; nothing where the caller is to be asked.
    pub fn content(&self) -> Option<&str> {
        match self {
            Self::Done(answer) => Some(&answer.content),
            Self::Confirm(_) => None,
        }
    }

    fn map(self, change: impl FnOnce(Answer) -> Answer) -> Self {
        match self {
            Self::Done(answer) => Self::Done(change(answer)),
            Self::Confirm(question) => Self::Confirm(question),
        }
    }
}

fn to_json(value: &impl Serialize) -> Result<String, Failure> {
    serde_json::to_string(value).map_err(|error| Failure::Other(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_gathers_what_is_said_of_it() {
        let reply = Reply::json(&["a"]).unwrap().speak("Done.").follow_up("leads").keep(&7).unwrap();
        let answer = Answer {
            content: r#"["a"]"#.into(),
            speech: Some("Done.".into()),
            data: Some("7".into()),
            follow_up: Some("leads".into()),
        };
        assert_eq!(reply, Reply::Done(answer));
        assert_eq!(reply.content(), Some(r#"["a"]"#));
    }

    #[test]
    fn a_question_is_nothing_but_a_question() {
        let question = Reply::confirm("Shall I?");
        assert_eq!(question.clone().speak("No.").follow_up("leads").keep(&7).unwrap(), question);
        assert_eq!(question.content(), None);
    }

    #[test]
    fn what_has_no_json_is_a_failure() {
        let map = std::collections::BTreeMap::from([((1, 2), 3)]);
        assert!(matches!(Reply::json(&map), Err(Failure::Other(_))));
    }
}
