//! A chat completion as server-sent events.

use bytes::Bytes;
use futures::Stream;
use serde_json::{Value, json};

use super::Service;
use super::chat::Completion;
use crate::server::Schedule;

/// About the length of a token in English.
const TOKEN: usize = 4;

/// The lengths that obfuscation pads a chunk to, so that an eavesdropper cannot count letters.
const PADDING: &str = "aX3kQ9vTz1Lm7RwB";

/// All events of a stream, in order, ready for the wire.
pub(super) fn pieces(completion: &Completion, usage: bool, padded: bool) -> Vec<String> {
    let mut chunks = vec![delta(json!({ "role": "assistant", "content": "", "refusal": null }), None)];
    chunks.extend(tokens(&completion.reply.text).map(|token| delta(json!({ "content": token }), None)));
    for (index, call) in completion.reply.tool_calls.iter().enumerate() {
        let first = json!([{ "index": index, "id": call.id, "type": "function",
            "function": { "name": call.name, "arguments": "" } }]);
        chunks.push(delta(json!({ "tool_calls": first }), None));
        chunks.extend(tokens(&call.arguments).map(|token| {
            let more = json!([{ "index": index, "function": { "arguments": token } }]);
            delta(json!({ "tool_calls": more }), None)
        }));
    }
    chunks.push(delta(json!({}), Some(completion.finish_reason())));
    let mut events: Vec<String> = chunks
        .into_iter()
        .enumerate()
        .map(|(number, choice)| {
            let mut chunk = head(completion);
            if let Some(fields) = chunk.as_object_mut() {
                fields.insert("choices".into(), json!([choice]));
                if usage {
                    fields.insert("usage".into(), Value::Null);
                }
                if padded {
                    let length = 1 + (number * 7) % PADDING.len();
                    fields.insert("obfuscation".into(), PADDING.get(..length).into());
                }
            }
            event(&chunk)
        })
        .collect();
    if usage {
        let mut chunk = head(completion);
        if let Some(fields) = chunk.as_object_mut() {
            fields.insert("choices".into(), json!([]));
            fields.insert("usage".into(), completion.usage());
        }
        events.push(event(&chunk));
    }
    events.push("data: [DONE]\n\n".into());
    events
}

/// Plays the events at the model's speed, and the faults that were asked for.
pub(super) fn play(
    events: Vec<String>,
    service: Service,
    schedule: Schedule,
) -> impl Stream<Item = std::io::Result<Bytes>> + Send {
    let open = service.house.counters.open();
    let first = service.config.first_token + schedule.first_byte_delay();
    let interval = service.config.token_interval;
    let broken = Box::pin(schedule.broken());
    let start = (events.into_iter(), broken, schedule, first, open, false);
    futures::stream::unfold(start, move |(mut events, mut broken, schedule, wait, open, cut)| {
        let stopped = service.house.clone();
        async move {
            if cut {
                return None;
            }
            let event = events.next()?;
            let mut stopped = stopped;
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                () = &mut broken => {
                    let error = std::io::Error::from(std::io::ErrorKind::ConnectionReset);
                    return Some((Err(error), (events, broken, schedule, wait, open, true)));
                }
                () = stopped.stopped() => return None,
            }
            if schedule.stalled() {
                // Silence until the client gives up or the stream is to break.
                (&mut broken).await;
            }
            Some((Ok(Bytes::from(event)), (events, broken, schedule, interval, open, false)))
        }
    })
}

fn head(completion: &Completion) -> Value {
    json!({
        "id": completion.id,
        "object": "chat.completion.chunk",
        "created": completion.created,
        "model": completion.model,
        "service_tier": "default",
        "system_fingerprint": "fp_simulated",
    })
}

fn delta(delta: Value, finish_reason: Option<&str>) -> Value {
    json!({ "index": 0, "delta": delta, "logprobs": null, "finish_reason": finish_reason })
}

fn event(chunk: &Value) -> String {
    format!("data: {chunk}\n\n")
}

/// Cuts text as a tokeniser would: short pieces, a space at the head of a word.
fn tokens(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let end = rest
            .char_indices()
            .skip(1)
            .find(|(index, character)| *index >= TOKEN || *character == ' ')
            .map_or(rest.len(), |(index, _)| index);
        let (token, later) = rest.split_at(end);
        rest = later;
        Some(token)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_short_and_join_to_the_text() {
        let text = "Tuesday at 15:00, d'accord? \u{e9}\u{e9}\u{e9}\u{e9}\u{e9}";
        let tokens: Vec<&str> = tokens(text).collect();
        assert_eq!(tokens.concat(), text);
        assert!(tokens.len() > 8);
    }
}
