//! The bytes of a streamed chat answer, as events. Pure.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use super::NAME;
use crate::{ChatEvent, Error, FinishReason, Kind, Stage, Usage, sse};

/// Tool calls of one answer.
const MAX_CALLS: usize = 32;

/// Bytes of one call's arguments.
const MAX_ARGUMENTS: usize = 64 * 1024;

/// Turns bytes, split anywhere, into the events of one answer.
#[derive(Debug, Default)]
pub struct ChatDecoder {
    sse: sse::Decoder,
    answer: Answer,
}

impl ChatDecoder {
    /// Creates a decoder at the start of an answer.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes bytes and appends the events that they complete. Tool calls come when the model has stopped, in order.
    pub fn push(&mut self, bytes: &[u8], events: &mut Vec<ChatEvent>) {
        let answer = &mut self.answer;
        if self.sse.push(bytes, |data| answer.data(data, events)).is_err() {
            self.fail(protocol("event_too_long"), events);
        }
    }

    /// Ends the answer: one that was not complete fails.
    pub fn finish(&mut self, events: &mut Vec<ChatEvent>) {
        let answer = &mut self.answer;
        if self.sse.finish(|data| answer.data(data, events)).is_err() {
            self.fail(protocol("event_too_long"), events);
        }
        // Some servers leave the end marker out; a reason to stop is as good.
        if self.answer.reason.is_some() {
            self.answer.complete(events);
        }
        let cut = Error::new(NAME, Stage::Receive, Kind::Unavailable).with_code("incomplete");
        self.fail(cut, events);
    }

    /// Ends the answer with `error`, unless it is over already.
    pub fn fail(&mut self, error: Error, events: &mut Vec<ChatEvent>) {
        self.answer.fail(error, events);
    }

    /// Whether the last event was given.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.answer.over
    }
}

#[derive(Debug, Default)]
struct Answer {
    calls: BTreeMap<u64, Call>,
    reason: Option<FinishReason>,
    usage: Option<Usage>,
    over: bool,
}

#[derive(Debug, Default)]
struct Call {
    id: String,
    name: String,
    arguments: String,
}

impl Answer {
    fn data(&mut self, data: &[u8], events: &mut Vec<ChatEvent>) {
        if self.over {
            return;
        }
        if data.starts_with(b"[DONE]") {
            if self.reason.is_some() {
                self.complete(events);
            } else {
                self.fail(protocol("no_finish_reason"), events);
            }
            return;
        }
        match serde_json::from_slice::<Chunk>(data) {
            Ok(chunk) => self.chunk(chunk, events),
            Err(_) => self.fail(protocol("malformed_chunk"), events),
        }
    }

    fn chunk(&mut self, chunk: Chunk, events: &mut Vec<ChatEvent>) {
        let groq = chunk.x_groq.unwrap_or_default();
        if let Some(error) = chunk.error.or(groq.error).filter(is_truthy) {
            self.fail(stream_error(&error), events);
            return;
        }
        self.usage = chunk.usage.or(groq.usage).or(self.usage);
        let Some(choice) = chunk.choices.unwrap_or_default().into_iter().find(|choice| choice.index == 0)
        else {
            return;
        };
        let delta = choice.delta.unwrap_or_default();
        for text in [delta.content, delta.refusal].into_iter().flatten().filter(|text| !text.is_empty()) {
            events.push(ChatEvent::Delta(text));
        }
        for call in delta.tool_calls.unwrap_or_default() {
            if let Err(error) = self.call(call) {
                self.fail(error, events);
                return;
            }
        }
        if let Some(reason) = choice.finish_reason.filter(|_| self.reason.is_none()) {
            self.reason = Some(FinishReason::from(reason));
            self.release_calls(events);
        }
    }

    fn call(&mut self, delta: CallDelta) -> Result<(), Error> {
        let last = self.calls.keys().next_back().copied();
        // Servers that send each call whole may leave the index out: an id then begins a new call.
        let index = delta.index.unwrap_or_else(|| match last {
            Some(last) if delta.id.is_some() => last + 1,
            other => other.unwrap_or(0),
        });
        if self.calls.len() >= MAX_CALLS && !self.calls.contains_key(&index) {
            return Err(protocol("too_many_tool_calls"));
        }
        let call = self.calls.entry(index).or_default();
        let function = delta.function.unwrap_or_default();
        if let Some(id) = delta.id.filter(|id| !id.is_empty()) {
            call.id = id;
        }
        if let Some(name) = function.name.filter(|name| !name.is_empty()) {
            call.name = name;
        }
        if let Some(piece) = function.arguments {
            if call.arguments.len() + piece.len() > MAX_ARGUMENTS {
                return Err(protocol("arguments_too_long"));
            }
            call.arguments.push_str(&piece);
        }
        Ok(())
    }

    fn release_calls(&mut self, events: &mut Vec<ChatEvent>) {
        for (_, call) in std::mem::take(&mut self.calls) {
            let arguments = if call.arguments.is_empty() { "{}".into() } else { call.arguments };
            events.push(ChatEvent::ToolCall { id: call.id, name: call.name, arguments });
        }
    }

    fn complete(&mut self, events: &mut Vec<ChatEvent>) {
        if let (false, Some(reason)) = (self.over, self.reason.take()) {
            // Calls that came after the reason to stop, against the protocol, are still calls.
            self.release_calls(events);
            events.push(ChatEvent::Finished { reason, usage: self.usage });
            self.over = true;
        }
    }

    fn fail(&mut self, error: Error, events: &mut Vec<ChatEvent>) {
        if !std::mem::replace(&mut self.over, true) {
            events.push(ChatEvent::Failed(error));
        }
    }
}

impl From<String> for FinishReason {
    fn from(reason: String) -> Self {
        match reason.as_str() {
            "stop" => Self::Stop,
            "length" => Self::Length,
            "tool_calls" => Self::ToolCalls,
            "content_filter" => Self::ContentFilter,
            _ => Self::Other(reason),
        }
    }
}

fn protocol(code: &str) -> Error {
    Error::new(NAME, Stage::Receive, Kind::Protocol).with_code(code)
}

fn is_truthy(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => false,
        Value::String(text) => !text.is_empty(),
        Value::Object(fields) => !fields.is_empty(),
        _ => true,
    }
}

fn stream_error(error: &Value) -> Error {
    let named = |name: &str| error.get(name).and_then(Value::as_str).unwrap_or_default();
    let (code, kind) = (named("code"), named("type"));
    let status = error.get("code").or_else(|| error.get("status")).and_then(Value::as_u64);
    let is = |text: &str| code.contains(text) || kind.contains(text);
    let kind = match () {
        () if status == Some(429) || is("rate_limit") => Kind::RateLimited { retry_after: None },
        () if matches!(status, Some(401..=403)) || is("auth") || is("quota") || is("api_key") => Kind::Auth,
        () if matches!(status, Some(400..=499)) || is("invalid_request") || is("context_length") => {
            Kind::Rejected
        }
        () => Kind::Unavailable,
    };
    let number = status.map(|status| status.to_string()).unwrap_or_default();
    Error::new(NAME, Stage::Receive, kind).with_code(&number).with_code(named("type")).with_code(code)
}

#[derive(Deserialize)]
struct Chunk {
    choices: Option<Vec<Choice>>,
    usage: Option<Usage>,
    error: Option<Value>,
    x_groq: Option<Groq>,
}

#[derive(Deserialize, Default)]
struct Groq {
    error: Option<Value>,
    usage: Option<Usage>,
}

#[derive(Deserialize)]
struct Choice {
    #[serde(default)]
    index: u64,
    delta: Option<Delta>,
    finish_reason: Option<String>,
}

#[derive(Deserialize, Default)]
struct Delta {
    content: Option<String>,
    refusal: Option<String>,
    tool_calls: Option<Vec<CallDelta>>,
}

#[derive(Deserialize)]
struct CallDelta {
    index: Option<u64>,
    id: Option<String>,
    function: Option<FunctionDelta>,
}

#[derive(Deserialize, Default)]
struct FunctionDelta {
    name: Option<String>,
    arguments: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn interleaved_calls_come_whole_in_order_and_before_the_end() {
        let events = decode(&[
            r#"{"choices":[{"delta":{"tool_calls":[{"index":1,"id":"b","function":{"name":"two","arguments":"{\"x\""}}]}}]}"#,
            r#"{"choices":[{"delta":{"tool_calls":[{"index":0,"id":"a","function":{"name":"one"}}]}}]}"#,
            r#"{"choices":[{"delta":{"tool_calls":[{"index":1,"function":{"arguments":":1}"}}]}}]}"#,
            r#"{"choices":[{"delta":{},"finish_reason":"tool_calls"}]}"#,
            "[DONE]",
        ]);
        let call = |id: &str, name: &str, arguments: &str| ChatEvent::ToolCall {
            id: id.into(),
            name: name.into(),
            arguments: arguments.into(),
        };
        let finished = ChatEvent::Finished { reason: FinishReason::ToolCalls, usage: None };
        assert_eq!(events, [call("a", "one", "{}"), call("b", "two", r#"{"x":1}"#), finished]);
    }

    #[test]
    fn whole_calls_without_an_index_are_told_apart_by_their_ids() {
        let events = decode(&[
            r#"{"choices":[{"delta":{"tool_calls":[{"id":"a","function":{"name":"one","arguments":"{}"}},{"id":"b","function":{"name":"two","arguments":"{}"}}]},"finish_reason":"tool_calls"}]}"#,
        ]);
        let names: Vec<&str> = events
            .iter()
            .filter_map(|event| match event {
                ChatEvent::ToolCall { name, .. } => Some(name.as_str()),
                _ => None,
            })
            .collect();
        assert_eq!(names, ["one", "two"]);
    }

    #[test]
    fn an_error_inside_the_stream_ends_it_without_quoting_it() {
        let cases = [
            (
                r#"{"error":{"message":"the caller said x","type":"server_error"}}"#,
                Kind::Unavailable,
                "server_error",
            ),
            (
                r#"{"error":{"message":"m","code":"rate_limit_exceeded"}}"#,
                Kind::RateLimited { retry_after: None },
                "rate_limit_exceeded",
            ),
            (r#"{"error":{"message":"m","code":400}}"#, Kind::Rejected, "400"),
            (r#"{"choices":[],"x_groq":{"id":"r","error":"over_capacity"}}"#, Kind::Unavailable, ""),
        ];
        for (data, kind, code) in cases {
            let events =
                decode(&[r#"{"choices":[{"delta":{"content":"Hel"}}],"error":null}"#, data, "[DONE]"]);
            let [ChatEvent::Delta(_), ChatEvent::Failed(error)] = events.as_slice() else {
                panic!("{events:?}")
            };
            assert_eq!((error.kind(), error.code().unwrap_or_default()), (&kind, code));
            assert!(!format!("{error:?}").contains("caller"));
        }
    }

    #[test]
    fn a_stream_that_is_cut_or_is_not_json_fails() {
        for data in [&[r#"{"choices":[{"delta":{"content":"cut"}}]}"#][..], &["[DONE]"], &["{oops"], &[]] {
            let events = decode(data);
            assert!(matches!(events.last(), Some(ChatEvent::Failed(_))), "{data:?}: {events:?}");
        }
    }

    #[test]
    fn a_stream_without_an_end_marker_but_with_a_reason_is_complete() {
        let events = decode(&[r#"{"choices":[{"delta":{"content":"Hi"},"finish_reason":"stop"}]}"#]);
        assert_eq!(events.last(), Some(&ChatEvent::Finished { reason: FinishReason::Stop, usage: None }));
    }

    #[test]
    fn endless_arguments_and_endless_calls_are_refused() {
        let long = format!(
            r#"{{"choices":[{{"delta":{{"tool_calls":[{{"index":0,"function":{{"arguments":"{}"}}}}]}}}}]}}"#,
            "x".repeat(MAX_ARGUMENTS / 2 + 1)
        );
        let events = decode(&[&long, &long]);
        assert!(
            matches!(events.as_slice(), [ChatEvent::Failed(error)] if error.code() == Some("arguments_too_long"))
        );

        let calls: Vec<String> = (0..=MAX_CALLS)
            .map(|index| format!(r#"{{"choices":[{{"delta":{{"tool_calls":[{{"index":{index}}}]}}}}]}}"#))
            .collect();
        let events = decode(&calls.iter().map(String::as_str).collect::<Vec<_>>());
        assert!(
            matches!(events.as_slice(), [ChatEvent::Failed(error)] if error.code() == Some("too_many_tool_calls"))
        );
    }

    fn decode(data: &[&str]) -> Vec<ChatEvent> {
        let mut decoder = ChatDecoder::new();
        let mut events = Vec::new();
        for data in data {
            decoder.push(format!("data: {data}\n\n").as_bytes(), &mut events);
        }
        decoder.finish(&mut events);
        assert!(decoder.is_over());
        events
    }
}
