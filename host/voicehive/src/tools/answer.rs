//! What a run of a tool gave, as it is kept.

use serde::{Deserialize, Serialize};

/// A tool's answer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    /// For the model: JSON or plain text.
    pub content: String,
    /// To be said to the caller word for word.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub speech: Option<String>,
    /// For the tenant, with the call's log: JSON.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data: Option<String>,
    /// The tool that the model is advised to call next.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub follow_up: Option<String>,
}

impl Answer {
    /// What it takes up, in bytes.
    pub fn bytes(&self) -> usize {
        let optional = [&self.speech, &self.data, &self.follow_up];
        self.content.len() + optional.into_iter().flatten().map(String::len).sum::<usize>()
    }

    /// As it is stored with the claim of its run.
    pub fn to_stored(&self) -> String {
        serde_json::json!(self).to_string()
    }

    /// What was stored. A result that is no answer of this form is the words for the model.
    pub fn from_stored(stored: &str) -> Self {
        serde_json::from_str(stored)
            .unwrap_or_else(|_| Self { content: stored.to_owned(), ..Self::default() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_survives_storage() {
        for answer in [
            Answer { content: r#"{"free": true}"#.into(), ..Answer::default() },
            Answer {
                content: String::new(),
                speech: Some("You are \"booked\".".into()),
                data: Some("{\"id\":7}".into()),
                follow_up: Some("notifications".into()),
            },
        ] {
            assert_eq!(Answer::from_stored(&answer.to_stored()), answer);
        }
    }

    #[test]
    fn a_result_of_before_is_the_words_for_the_model() {
        for stored in [r#"{"status":"booked"}"#, "Done.", ""] {
            assert_eq!(Answer::from_stored(stored).content, stored);
        }
    }
}
