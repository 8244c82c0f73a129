//! `POST /v1/chat/completions`.

use axum::body::Body;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{Service, check, error, stream};
use crate::server::Schedule;
use crate::vendors::model::{self, Reply, ToolCall};

pub(super) async fn complete(State(service): State<Service>, body: Bytes) -> Response {
    let request: Value = match serde_json::from_slice(&body) {
        Ok(request) => request,
        Err(mistake) => {
            let message = format!("We could not parse the JSON body of your request: {mistake}");
            return error(StatusCode::BAD_REQUEST, &message, None, None);
        }
    };
    if let Err(mistake) = check::check(&request) {
        let (status, code) = if mistake.param == "model" {
            (StatusCode::NOT_FOUND, Some("model_not_found"))
        } else {
            (StatusCode::BAD_REQUEST, None)
        };
        return error(status, &mistake.message, Some(&mistake.param), code);
    }
    let completion = Completion::new(&request);
    service.house.counters.count_work();
    let schedule = Schedule::new(service.house.faults());
    if request.get("stream").and_then(Value::as_bool) == Some(true) {
        let usage = request.pointer("/stream_options/include_usage").and_then(Value::as_bool) == Some(true);
        let padded =
            request.pointer("/stream_options/include_obfuscation").and_then(Value::as_bool) != Some(false);
        let pieces = stream::pieces(&completion, usage, padded);
        let body = Body::from_stream(stream::play(pieces, service, schedule));
        return ([(header::CONTENT_TYPE, "text/event-stream; charset=utf-8")], body).into_response();
    }
    tokio::time::sleep(service.config.first_token + schedule.first_byte_delay()).await;
    crate::server::json(StatusCode::OK, &completion.whole())
}

/// One answer of the model, with what every form of it repeats.
pub(super) struct Completion {
    pub(super) id: String,
    pub(super) created: i64,
    pub(super) model: String,
    pub(super) reply: Reply,
    prompt_tokens: usize,
}

impl Completion {
    fn new(request: &Value) -> Self {
        Self {
            id: format!("chatcmpl-{}", Uuid::new_v4().simple()),
            created: jiff::Timestamp::now().as_second(),
            model: request.get("model").and_then(Value::as_str).unwrap_or_default().to_owned(),
            reply: model::reply(&model::Request::read(request)),
            prompt_tokens: request.get("messages").map_or(0, |messages| messages.to_string().len() / 4),
        }
    }

    pub(super) fn finish_reason(&self) -> &'static str {
        if self.reply.tool_calls.is_empty() { "stop" } else { "tool_calls" }
    }

    pub(super) fn usage(&self) -> Value {
        let arguments: usize = self.reply.tool_calls.iter().map(|call| call.arguments.len()).sum();
        let completion = (self.reply.text.len() + arguments) / 4 + 1;
        json!({
            "prompt_tokens": self.prompt_tokens,
            "completion_tokens": completion,
            "total_tokens": self.prompt_tokens + completion,
            "prompt_tokens_details": { "cached_tokens": 0, "audio_tokens": 0 },
            "completion_tokens_details": { "reasoning_tokens": 0, "audio_tokens": 0 },
        })
    }

    fn whole(&self) -> Value {
        let calls: Vec<Value> = self.reply.tool_calls.iter().map(tool_call).collect();
        let mut message = json!({
            "role": "assistant",
            "content": (!self.reply.text.is_empty()).then_some(&self.reply.text),
            "refusal": null,
        });
        if let (false, Some(fields)) = (calls.is_empty(), message.as_object_mut()) {
            fields.insert("tool_calls".into(), calls.into());
        }
        json!({
            "id": self.id,
            "object": "chat.completion",
            "created": self.created,
            "model": self.model,
            "choices": [{ "index": 0, "message": message, "logprobs": null, "finish_reason": self.finish_reason() }],
            "usage": self.usage(),
            "service_tier": "default",
            "system_fingerprint": "fp_simulated",
        })
    }
}

fn tool_call(call: &ToolCall) -> Value {
    json!({ "id": call.id, "type": "function", "function": { "name": call.name, "arguments": call.arguments } })
}
