//! What holds for every input.
#![cfg(test)]

use proptest::prelude::*;
use serde_json::{Map, Value, json};
use vapi::{Message, Outcome, Reply, ServerMessage, ToolCall};

/// Words that messages are made of, so that random documents come near to real ones.
const KEYS: [&str; 28] = [
    "message",
    "type",
    "call",
    "id",
    "name",
    "function",
    "functionCall",
    "arguments",
    "parameters",
    "toolCall",
    "toolCallList",
    "toolCalls",
    "toolWithToolCallList",
    "artifact",
    "messages",
    "role",
    "time",
    "endTime",
    "performanceMetrics",
    "turnLatencies",
    "modelLatency",
    "turnLatency",
    "customer",
    "phoneNumber",
    "number",
    "timestamp",
    "status",
    "transcript",
];

const TEXTS: [&str; 18] = [
    "assistant-request",
    "tool-calls",
    "function-call",
    "status-update",
    "end-of-call-report",
    "speech-update",
    "transcript[transcriptType=\"final\"]",
    "phone-call-control",
    "user",
    "bot",
    "system",
    "inboundPhoneCall",
    "outboundPhoneCall",
    "AI: a\nUser: b",
    "",
    "{\"a\":1}",
    "{",
    "1e999",
];

fn document() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        proptest::sample::select(TEXTS.as_slice()).prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 96, 8, |inner| {
        let entry = (proptest::sample::select(KEYS.as_slice()), inner.clone());
        prop_oneof![
            proptest::collection::vec(inner, 0..8).prop_map(Value::from),
            proptest::collection::vec(entry, 0..8).prop_map(|entries| {
                let entries = entries.into_iter().map(|(key, value)| (key.to_owned(), value));
                Value::Object(entries.collect::<Map<_, _>>())
            }),
        ]
    })
}

proptest! {
    #[test]
    fn no_bytes_panic(body in proptest::collection::vec(any::<u8>(), 0..2048)) {
        let _ = ServerMessage::parse(&body);
    }

    #[test]
    fn no_document_panics_and_all_that_is_read_is_answered(
        kind in proptest::sample::select(TEXTS.as_slice()),
        mut message in document(),
    ) {
        if let Some(message) = message.as_object_mut() {
            message.insert("type".into(), kind.into());
        }
        let body = json!({ "message": message }).to_string();
        if let Ok(read) = ServerMessage::parse(body.as_bytes()) {
            let calls = match read.message {
                Message::ToolCalls { calls, .. } => calls,
                Message::FunctionCall { call, .. } => vec![call],
                Message::EndOfCallReport { turns, .. } => {
                    let numbers: Vec<u32> = turns.iter().map(|turn| turn.number).collect();
                    prop_assert!(numbers.is_sorted_by(|one, next| one < next), "{numbers:?}");
                    let latencies = turns.iter().filter_map(|turn| turn.latency);
                    for latency in latencies {
                        let parts = latency.endpointing + latency.transcriber + latency.model + latency.voice;
                        prop_assert!(parts <= latency.total);
                    }
                    Vec::new()
                }
                _ => Vec::new(),
            };
            answered_exactly(&calls, &Reply::tool_results(&calls, []))?;
        }
    }

    #[test]
    fn a_truncated_body_is_refused_and_never_read_as_something_else(message in document(), cut in 0.0..1.0_f64) {
        let body = json!({ "message": message }).to_string();
        let end = (body.len() as f64 * cut) as usize;
        prop_assert!(ServerMessage::parse(&body.as_bytes()[..end]).is_err());
    }

    #[test]
    fn results_are_single_lines_under_the_exact_ids(
        runs in proptest::collection::vec((any::<String>(), any::<String>(), "(\\PC|[\r\n\t\u{85}\u{2028}]){0,40}", any::<bool>()), 0..12),
        answered in 0..12_usize,
    ) {
        let calls: Vec<ToolCall> =
            runs.iter().map(|(id, name, ..)| ToolCall { id: id.clone(), name: name.clone(), arguments: "{}".into() }).collect();
        let outcomes = runs.iter().take(answered).map(|(.., text, succeeded)| {
            if *succeeded { Outcome::succeeded(text) } else { Outcome::failed(text) }
        });
        answered_exactly(&calls, &Reply::tool_results(&calls, outcomes))?;
    }

    #[test]
    fn every_other_text_is_a_single_line_too(text in any::<String>()) {
        for reply in [Reply::error(&text), Reply::function_result(&Outcome::succeeded(&text))] {
            let json = reply.to_json();
            prop_assert!(!json.contains(['\n', '\r']));
            let json: Value = serde_json::from_str(&json).unwrap();
            for text in json.as_object().unwrap().values() {
                prop_assert!(is_line(text.as_str().unwrap()), "{json}");
            }
        }
    }
}

fn answered_exactly(calls: &[ToolCall], reply: &Reply) -> Result<(), TestCaseError> {
    let json = reply.to_json();
    prop_assert!(!json.contains(['\n', '\r']));
    let json: Value = serde_json::from_str(&json).unwrap();
    let results = json["results"].as_array().unwrap();
    let ids: Vec<_> = results.iter().map(|result| result["toolCallId"].as_str().unwrap()).collect();
    let asked: Vec<_> = calls.iter().map(|call| call.id.as_str()).collect();
    prop_assert_eq!(ids, asked);
    for result in results {
        let texts = [result.get("result"), result.get("error")].into_iter().flatten();
        let texts: Vec<_> = texts.map(|text| text.as_str().unwrap()).collect();
        prop_assert!(texts.len() == 1 && is_line(texts[0]), "{}", result);
    }
    Ok(())
}

fn is_line(text: &str) -> bool {
    !text.is_empty() && !text.contains(['\n', '\r', '\u{b}', '\u{c}', '\u{85}', '\u{2028}', '\u{2029}'])
}
