//! The protocol's vectors, through this crate.
#![cfg(test)]

use serde_json::{Value, json};
use vapi::{Message, Outcome, Reply, ServerMessage, ToolCall};

#[test]
fn tool_calls_are_read_as_the_vectors_say() {
    let vectors = read("vapi_tool_calls", include_str!("vectors/vapi_tool_calls.json"), 2);
    for vector in &vectors {
        let Message::ToolCalls { calls, .. } = parse(&vector["inputs"]["body"]) else { panic!("{vector}") };
        assert_eq!(
            json!(calls.iter().map(as_vector).collect::<Vec<_>>()),
            vector["expected"]["calls"],
            "{vector}"
        );
    }
}

#[test]
fn replies_are_written_as_the_vectors_say() {
    let vectors = read("vapi_reply", include_str!("vectors/vapi_reply.json"), 3);
    for vector in &vectors {
        let inputs = &vector["inputs"];
        let reply = match inputs["kind"].as_str().unwrap() {
            "tool_results" => {
                let results = inputs["results"].as_array().unwrap();
                // The vectors leave out the name, which a call has.
                let calls = results.iter().map(|result| ToolCall {
                    id: result["id"].as_str().unwrap().into(),
                    name: String::new(),
                    arguments: "{}".into(),
                });
                let outcomes = results.iter().map(|result| match result["ok"].as_str() {
                    Some(text) => Outcome::succeeded(text),
                    None => Outcome::failed(result["error"].as_str().unwrap()),
                });
                Reply::tool_results(&calls.collect::<Vec<_>>(), outcomes)
            }
            "assistant_id" => Reply::assistant_id(inputs["assistantId"].as_str().unwrap()).unwrap(),
            kind => panic!("the vectors have a new kind of reply: {kind}"),
        };
        assert_eq!(sent(&reply), vector["expected"]["json"], "{vector}");
        assert_eq!(vector["expected"]["http_status"], 200, "a reply has no status of its own");
    }
}

#[test]
fn the_older_function_call_is_read_and_answered_as_the_vectors_say() {
    let vectors =
        read("vapi_function_call_legacy", include_str!("vectors/vapi_function_call_legacy.json"), 1);
    for vector in &vectors {
        let Message::FunctionCall { call, .. } = parse(&vector["inputs"]["body"]) else { panic!("{vector}") };
        let expected = &vector["expected"];
        assert_eq!(as_vector(&call)["name"], expected["name"]);
        assert_eq!(as_vector(&call)["arguments"], expected["arguments"]);
        let reply = Reply::function_result(&Outcome::succeeded(vector["inputs"]["result"].as_str().unwrap()));
        assert_eq!(sent(&reply), expected["reply_json"]);
    }
}

/// The `count` vectors of a scheme; says how many ran.
fn read(scheme: &str, text: &str, count: usize) -> Vec<Value> {
    let vectors: Vec<Value> = serde_json::from_str(text).unwrap();
    assert_eq!(vectors.len(), count);
    assert!(vectors.iter().all(|vector| vector["scheme"] == scheme));
    println!("{scheme}: {count} vectors");
    vectors
}

fn parse(body: &Value) -> Message {
    ServerMessage::parse(body.to_string().as_bytes()).unwrap().message
}

fn sent(reply: &Reply) -> Value {
    serde_json::from_str(&reply.to_json()).unwrap()
}

fn as_vector(call: &ToolCall) -> Value {
    let arguments: Value = serde_json::from_str(&call.arguments).unwrap();
    json!({ "id": call.id, "name": call.name, "arguments": arguments })
}
