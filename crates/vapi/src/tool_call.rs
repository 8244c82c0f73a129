//! Tool calls, in the shapes of Vapi's official material.

use serde_json::Value;

use crate::reading::{list, text};

/// A tool that the model wants to be run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ToolCall {
    /// The model's id of it, by which it is answered.
    pub id: String,
    /// The tool; empty where it is not told.
    pub name: String,
    /// Its arguments as JSON, unless the model wrote something else.
    pub arguments: String,
}

/// The calls of a `tool-calls` message, each id once. What has no id cannot be answered and is left out.
///
/// `toolWithToolCallList` repeats the tools' definitions and is read only where the plain list is absent; `toolCalls` is
/// the plain list's name in old messages.
pub(crate) fn calls(message: &Value) -> Vec<ToolCall> {
    let plain = ["toolCallList", "toolCalls"].into_iter().map(|key| list(message, key));
    let plain = plain.map(|list| list.iter().filter_map(|item| read(item, &Value::Null)).collect());
    let wrapped = list(message, "toolWithToolCallList");
    let wrapped = wrapped.iter().filter_map(|item| read(item.get("toolCall")?, item)).collect();
    let found = plain.chain([wrapped]).find(|calls: &Vec<ToolCall>| !calls.is_empty()).unwrap_or_default();
    found.into_iter().fold(Vec::new(), |mut calls, call| {
        if !calls.iter().any(|known: &ToolCall| known.id == call.id) {
            calls.push(call);
        }
        calls
    })
}

/// The call of a `function-call` message, which tools have replaced. It has no id, and its reply names none, but the same
/// message sent twice must be the same call, so the id is made of what it says.
pub(crate) fn legacy(message: &Value) -> Option<ToolCall> {
    let function = message.get("functionCall")?;
    let name = text(function, "name")?;
    let arguments = arguments([function.get("parameters"), function.get("arguments")]);
    let sent_at = text(message, "timestamp").unwrap_or_default();
    let id = text(function, "id").unwrap_or_else(|| {
        let digest =
            [&sent_at, "/", &name, "/", &arguments].into_iter().flat_map(str::bytes).fold(FNV_OFFSET, fnv);
        format!("function-call-{digest:016x}")
    });
    Some(ToolCall { id, name, arguments })
}

/// One call: `{id, type, function: {name, arguments}}`, `{id, name, arguments}` or `{id, name, parameters}`. `tool` is
/// the definition around it, which may have the name instead.
fn read(call: &Value, tool: &Value) -> Option<ToolCall> {
    let function = call.get("function").unwrap_or(&Value::Null);
    let within = tool.get("function").unwrap_or(&Value::Null);
    let name = [function, call, within, tool].into_iter().find_map(|place| text(place, "name"));
    let given = [
        function.get("arguments"),
        call.get("arguments"),
        function.get("parameters"),
        call.get("parameters"),
    ];
    Some(ToolCall { id: text(call, "id")?, name: name.unwrap_or_default(), arguments: arguments(given) })
}

/// The first that is there, as JSON: a text is JSON already, and an empty one means no arguments.
fn arguments<const N: usize>(given: [Option<&Value>; N]) -> String {
    match given.into_iter().flatten().find(|value| !value.is_null()) {
        Some(Value::String(json)) if json.trim().is_empty() => "{}".to_owned(),
        Some(Value::String(json)) => json.clone(),
        Some(value) => value.to_string(),
        None => "{}".to_owned(),
    }
}

/// FNV-1a, 64 bits: nobody gains by a collision with a call of his own.
const FNV_OFFSET: u64 = 0xcbf2_9ce4_8422_2325;

fn fnv(digest: u64, byte: u8) -> u64 {
    (digest ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn all_three_shapes_are_the_same_call() {
        for item in [
            json!({ "id": "t", "type": "function", "function": { "name": "weather", "arguments": r#"{"place":"SF"}"# } }),
            json!({ "id": "t", "type": "function", "function": { "name": "weather", "arguments": { "place": "SF" } } }),
            json!({ "id": "t", "name": "weather", "arguments": { "place": "SF" } }),
            json!({ "id": "t", "name": "weather", "parameters": { "place": "SF" } }),
        ] {
            let call = weather("t");
            assert_eq!(calls(&json!({ "toolCallList": [item] })), std::slice::from_ref(&call), "{item}");
            let wrapped = json!({ "toolWithToolCallList": [{ "type": "function", "name": "weather", "toolCall": item }] });
            assert_eq!(calls(&wrapped), [call]);
        }
    }

    #[test]
    fn a_definition_around_a_call_gives_it_its_name() {
        for tool in
            [json!({ "name": "weather" }), json!({ "function": { "name": "weather", "parameters": {} } })]
        {
            let mut tool = tool;
            tool["toolCall"] = json!({ "id": "t", "parameters": { "place": "SF" } });
            assert_eq!(calls(&json!({ "toolWithToolCallList": [tool] })), [weather("t")]);
        }
    }

    #[test]
    fn the_plain_list_comes_first_and_an_id_is_answered_once() {
        let item = |id: &str| json!({ "id": id, "name": "weather", "arguments": { "place": "SF" } });
        let message = json!({
            "toolWithToolCallList": [{ "toolCall": item("other") }],
            "toolCallList": [item("b"), item("a"), item("b"), { "name": "no id" }, 7],
        });
        assert_eq!(calls(&message), [weather("b"), weather("a")]);
    }

    #[test]
    fn a_call_without_arguments_has_none_and_broken_ones_are_passed_on() {
        for (given, text) in
            [(json!(""), "{}"), (json!(null), "{}"), (json!("{bro"), "{bro"), (json!(7), "7")]
        {
            let call = calls(&json!({ "toolCallList": [{ "id": "t", "name": "n", "arguments": given }] }));
            assert_eq!(call[0].arguments, text);
        }
    }

    #[test]
    fn a_function_call_sent_twice_is_one_and_another_is_another() {
        let message = |at: u64, query: &str| {
            legacy(&json!({
                "timestamp": at,
                "functionCall": { "name": "lookup", "parameters": { "q": query } },
            }))
            .unwrap()
        };
        assert_eq!(
            (message(1, "x").name.as_str(), message(1, "x").arguments.as_str()),
            ("lookup", r#"{"q":"x"}"#)
        );
        assert_eq!(message(1, "x"), message(1, "x"));
        assert_ne!(message(1, "x").id, message(2, "x").id);
        assert_ne!(message(1, "x").id, message(1, "y").id);
    }

    fn weather(id: &str) -> ToolCall {
        ToolCall { id: id.into(), name: "weather".into(), arguments: r#"{"place":"SF"}"#.into() }
    }
}
