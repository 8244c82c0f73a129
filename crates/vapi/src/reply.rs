//! What a server replies. Vapi ignores every reply whose status is not 200, so these all go out with it.

use std::time::Duration;

use serde_json::{Map, Value, json};

use crate::{Assistant, Destination, Line, ToolCall};

/// A body that Vapi takes.
#[derive(Clone, Debug, PartialEq)]
#[must_use]
pub struct Reply(Value);

/// What became of a tool call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    succeeded: bool,
    text: Line,
}

/// A document of a knowledge base.
#[derive(Clone, Debug, PartialEq)]
pub struct Document {
    /// Its text.
    pub content: String,
    /// How well it fits the question, 0 to 1.
    pub similarity: f64,
}

impl Outcome {
    /// The tool did what it was asked for; `text` is for the model.
    #[must_use]
    pub fn succeeded(text: &str) -> Self {
        Self { succeeded: true, text: Line::of(text).or("Done.") }
    }

    /// It did not; `text` is for the model.
    #[must_use]
    pub fn failed(text: &str) -> Self {
        Self { succeeded: false, text: Line::of(text).or("The tool failed.") }
    }

    /// Whether it succeeded.
    #[must_use]
    pub fn is_success(&self) -> bool {
        self.succeeded
    }

    /// What the model is told.
    #[must_use]
    pub fn text(&self) -> &Line {
        &self.text
    }
}

impl Reply {
    /// Nothing, for messages that only inform.
    pub fn nothing() -> Self {
        Self(json!({}))
    }

    /// To `tool-calls`: one result for each call, in order. A call for which there is no outcome has failed.
    pub fn tool_results(calls: &[ToolCall], outcomes: impl IntoIterator<Item = Outcome>) -> Self {
        let mut outcomes = outcomes.into_iter();
        let results = calls.iter().map(|call| {
            let outcome = outcomes.next().unwrap_or_else(|| Outcome::failed("The tool did not answer."));
            let mut result = Map::new();
            result.insert("toolCallId".to_owned(), call.id.as_str().into());
            // The schema wants it, the documents leave it out.
            if !call.name.is_empty() {
                result.insert("name".to_owned(), call.name.as_str().into());
            }
            let key = if outcome.succeeded { "result" } else { "error" };
            result.insert(key.to_owned(), outcome.text.as_str().into());
            Value::Object(result)
        });
        Self(json!({ "results": results.collect::<Vec<_>>() }))
    }

    /// To the older `function-call`, which knows no failure.
    pub fn function_result(outcome: &Outcome) -> Self {
        Self(json!({ "result": outcome.text.as_str() }))
    }

    /// To `assistant-request`: this assistant answers, for this call only.
    pub fn assistant(assistant: &Assistant) -> Self {
        Self(json!({ "assistant": assistant.to_json() }))
    }

    /// To `assistant-request`: an assistant that is kept at Vapi answers. `None` for an empty id.
    #[must_use]
    pub fn assistant_id(id: &str) -> Option<Self> {
        (!id.is_empty()).then(|| Self(json!({ "assistantId": id })))
    }

    /// To `assistant-request` and `transfer-destination-request`: the call goes there.
    pub fn destination(destination: &Destination) -> Self {
        Self(json!({ "destination": destination.to_json() }))
    }

    /// To `assistant-request`: the call is not taken, and the caller is told so in these words. To
    /// `transfer-destination-request`: it is not handed over.
    pub fn error(words: &str) -> Self {
        Self(json!({ "error": Line::of(words).or("This is not possible at the moment.").as_str() }))
    }

    /// To `knowledge-base-request`: what is known. A similarity is brought between 0 and 1.
    pub fn documents(documents: &[Document]) -> Self {
        let documents = documents.iter().map(|document| {
            let similarity =
                if document.similarity.is_nan() { 0.0 } else { document.similarity.clamp(0.0, 1.0) };
            json!({ "content": document.content, "similarity": similarity })
        });
        Self(json!({ "documents": documents.collect::<Vec<_>>() }))
    }

    /// To `call.endpointing.request`: the caller is done after so long a silence.
    pub fn endpointing(timeout: Duration) -> Self {
        Self(json!({ "timeoutSeconds": timeout.as_secs_f64() }))
    }

    /// The body, on a single line.
    #[must_use]
    pub fn to_json(&self) -> String {
        self.0.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_call_is_answered_in_order_under_its_own_id() {
        let calls = ["b", "a\n", "c"].map(|id| ToolCall {
            id: id.into(),
            name: String::new(),
            arguments: "{}".into(),
        });
        let reply = Reply::tool_results(
            &calls,
            [Outcome::succeeded("{\n \"at\": 4\n}"), Outcome::failed("no\nroom")],
        );
        let expected = json!({ "results": [
            { "toolCallId": "b", "result": "{ \"at\": 4 }" },
            { "toolCallId": "a\n", "error": "no room" },
            { "toolCallId": "c", "error": "The tool did not answer." },
        ] });
        assert_eq!(sent(&reply), expected);
        assert_eq!(Reply::tool_results(&[], []).to_json(), r#"{"results":[]}"#);
    }

    #[test]
    fn no_text_is_empty_because_vapi_takes_that_for_none() {
        assert_eq!(Outcome::succeeded(" \n").text().as_str(), "Done.");
        assert_eq!(Outcome::failed("").text().as_str(), "The tool failed.");
        assert_eq!(Reply::error("\n").to_json(), r#"{"error":"This is not possible at the moment."}"#);
        assert_eq!(Reply::assistant_id(""), None);
    }

    #[test]
    fn the_other_replies_have_the_documented_form() {
        let to = Destination::new("+34910000001").unwrap();
        for (reply, json) in [
            (Reply::nothing(), json!({})),
            (
                Reply::destination(&to),
                json!({ "destination": { "type": "number", "number": "+34910000001" } }),
            ),
            (Reply::documents(&[]), json!({ "documents": [] })),
            (
                Reply::documents(&[Document { content: "30 days".into(), similarity: 1.5 }]),
                json!({ "documents": [{ "content": "30 days", "similarity": 1.0 }] }),
            ),
            (Reply::endpointing(Duration::from_millis(500)), json!({ "timeoutSeconds": 0.5 })),
            (Reply::function_result(&Outcome::succeeded("found")), json!({ "result": "found" })),
            (Reply::assistant_id("asst_1").unwrap(), json!({ "assistantId": "asst_1" })),
        ] {
            assert_eq!(sent(&reply), json);
        }
    }

    fn sent(reply: &Reply) -> Value {
        serde_json::from_str(&reply.to_json()).unwrap()
    }
}
