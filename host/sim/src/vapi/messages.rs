//! Messages as Vapi writes them, by the schemas `ServerMessage*` of its OpenAPI document.

use serde_json::{Value, json};

use super::clock::Clock;
use super::script::{Conversation, Shape, ToolUse};

/// What every message says of its call.
#[derive(Clone, Debug)]
pub(super) struct About {
    pub(super) call_id: String,
    pub(super) number: String,
    pub(super) created_at: String,
}

/// The body of a message: `fields` and what all messages have.
pub(super) fn body(about: &About, conversation: &Conversation, kind: &str, at: i64, fields: Value) -> String {
    let mut message = json!({
        "type": kind,
        "timestamp": at,
        "call": {
            "id": about.call_id,
            "orgId": "00000000-0000-4000-8000-000000000001",
            "type": if conversation.outbound { "outboundPhoneCall" } else { "inboundPhoneCall" },
            "createdAt": about.created_at,
            "updatedAt": about.created_at,
            "phoneCallProvider": "twilio",
            "phoneCallTransport": "pstn",
            "phoneNumberId": "00000000-0000-4000-8000-000000000002",
            "customer": { "number": conversation.customer },
        },
        "phoneNumber": {
            "id": "00000000-0000-4000-8000-000000000002",
            "provider": "twilio",
            "number": about.number,
        },
        "customer": { "number": conversation.customer },
    });
    if let (Some(message), Value::Object(fields)) = (message.as_object_mut(), fields) {
        message.extend(fields);
    }
    json!({ "message": message }).to_string()
}

/// Words in a call's messages.
pub(super) fn spoken(role: &str, words: &str, began: i64, clock: &Clock) -> Value {
    json!({
        "role": role,
        "message": words,
        "time": began,
        "endTime": clock.millis(),
        "secondsFromStart": clock.passed().as_secs_f64(),
    })
}

/// A tool call in a `tool-calls` message.
pub(super) fn tool_call(tool: &ToolUse, id: &str) -> Value {
    let ToolUse { name, arguments, shape, .. } = tool;
    match shape {
        Shape::Function => function_call(tool, id),
        Shape::Arguments => json!({ "id": id, "name": name, "arguments": arguments }),
        Shape::Parameters => json!({ "id": id, "name": name, "parameters": arguments }),
    }
}

/// A tool call of the SDK's shape, which a call's messages always have.
fn function_call(tool: &ToolUse, id: &str) -> Value {
    let function = json!({ "name": tool.name, "arguments": tool.arguments.to_string() });
    json!({ "id": id, "type": "function", "function": function })
}

/// The fields of a `tool-calls` message.
pub(super) fn tool_calls(tools: &[(String, ToolUse)], artifact: Value) -> Value {
    let calls: Vec<_> = tools.iter().map(|(id, tool)| tool_call(tool, id)).collect();
    let with_tools: Vec<_> = tools
        .iter()
        .map(|(id, tool)| {
            let function = json!({ "name": tool.name, "parameters": { "type": "object", "properties": {} } });
            let call = tool_call(tool, id);
            json!({ "type": "function", "name": tool.name, "function": function, "toolCall": call })
        })
        .collect();
    json!({ "toolCallList": calls, "toolCalls": calls, "toolWithToolCallList": with_tools, "artifact": artifact })
}

/// The tool calls in a call's messages.
pub(super) fn tools_called(tools: &[(String, ToolUse)], clock: &Clock) -> Value {
    json!({
        "role": "tool_calls",
        "message": "",
        "toolCalls": tools.iter().map(|(id, tool)| function_call(tool, id)).collect::<Vec<_>>(),
        "time": clock.millis(),
        "secondsFromStart": clock.passed().as_secs_f64(),
    })
}

/// A tool's result in a call's messages.
pub(super) fn tool_returned(id: &str, name: &str, text: &str, clock: &Clock) -> Value {
    json!({
        "role": "tool_call_result",
        "toolCallId": id,
        "name": name,
        "result": text,
        "time": clock.millis(),
        "secondsFromStart": clock.passed().as_secs_f64(),
    })
}

/// The fields of an `end-of-call-report`. `times` are those of the answer and the end, where there was an answer.
pub(super) fn end_of_call(
    about: &About,
    reason: &str,
    cost: f64,
    said: &[Value],
    times: Option<[String; 2]>,
) -> Value {
    let recording = format!("https://storage.example.test/{}.wav", about.call_id);
    let answered =
        said.windows(2).filter(|pair| matches!(pair, [one, two] if is(one, "user") && !is(two, "user")));
    let latencies: Vec<_> = answered
        .map(|_| {
            json!({
                "endpointingLatency": 300.0,
                "transcriberLatency": 95.5,
                "modelLatency": 410.25,
                "voiceLatency": 180.0,
                "turnLatency": 1_020.75,
            })
        })
        .collect();
    let mut fields = json!({
        "endedReason": reason,
        "cost": cost,
        "costs": [{ "type": "transport", "provider": "twilio", "minutes": 1.0, "cost": cost }],
        "analysis": { "summary": "A simulated call.", "successEvaluation": "true" },
        "artifact": {
            "recordingUrl": recording,
            "stereoRecordingUrl": recording,
            "recording": { "stereoUrl": recording, "mono": { "combinedUrl": recording } },
            "messages": said,
            "transcript": transcript(said),
            "performanceMetrics": { "turnLatencies": latencies, "turnLatencyAverage": 1_020.75 },
        },
        "summary": "A simulated call.",
        "transcript": transcript(said),
    });
    if let (Some(fields), Some([began, ended])) = (fields.as_object_mut(), times) {
        fields.insert("startedAt".to_owned(), began.into());
        fields.insert("endedAt".to_owned(), ended.into());
    }
    fields
}

fn transcript(said: &[Value]) -> String {
    said.iter()
        .filter_map(|message| {
            let words = message.get("message")?.as_str()?;
            match message.get("role")?.as_str()? {
                "bot" => Some(format!("AI: {words}\n")),
                "user" => Some(format!("User: {words}\n")),
                _ => None,
            }
        })
        .collect()
}

fn is(message: &Value, role: &str) -> bool {
    message.get("role").is_some_and(|given| given == role)
}
