//! What the real service refuses in a chat request.

use std::collections::BTreeSet;

use serde_json::Value;

/// A mistake: the message, and the parameter that it concerns.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Mistake {
    pub(super) message: String,
    pub(super) param: String,
}

/// Finds the first mistake of a request.
pub(super) fn check(request: &Value) -> Result<(), Mistake> {
    let Some(model) = request.get("model").and_then(Value::as_str) else {
        return Err(mistake("you must provide a model parameter", "model"));
    };
    if model != super::MODEL {
        return Err(mistake(
            &format!("The model `{model}` does not exist or you do not have access to it."),
            "model",
        ));
    }
    let messages = request.get("messages").and_then(Value::as_array).filter(|messages| !messages.is_empty());
    let Some(messages) = messages else {
        return Err(mistake("Missing required parameter: 'messages' must be a non-empty array.", "messages"));
    };
    check_messages(messages)?;
    for (index, tool) in request.get("tools").and_then(Value::as_array).into_iter().flatten().enumerate() {
        check_tool(index, tool)?;
    }
    if request.get("stream_options").is_some_and(|options| !options.is_null())
        && request.get("stream").and_then(Value::as_bool) != Some(true)
    {
        return Err(mistake(
            "The 'stream_options' parameter is only allowed when 'stream' is enabled.",
            "stream_options",
        ));
    }
    Ok(())
}

/// Each tool call must be answered, by tool messages right after it, before anything else is said.
fn check_messages(messages: &[Value]) -> Result<(), Mistake> {
    let mut unanswered = BTreeSet::new();
    for (index, message) in messages.iter().enumerate() {
        let param = format!("messages.[{index}]");
        let role = message.get("role").and_then(Value::as_str).unwrap_or_default();
        if role == "tool" {
            let id = message.get("tool_call_id").and_then(Value::as_str).unwrap_or_default();
            if !unanswered.remove(id) {
                let text =
                    "messages with role 'tool' must be a response to a preceding message with 'tool_calls'.";
                return Err(mistake(&format!("Invalid parameter: {text}"), &format!("{param}.role")));
            }
            continue;
        }
        if !unanswered.is_empty() {
            return Err(unanswered_calls(&unanswered, &param));
        }
        match role {
            "system" | "developer" | "user" => {
                if text(message).is_none() {
                    return Err(mistake(
                        "Invalid value for 'content': expected a string.",
                        &format!("{param}.content"),
                    ));
                }
            }
            "assistant" => {
                let calls = message.get("tool_calls").and_then(Value::as_array);
                unanswered = calls.into_iter().flatten().filter_map(call_id).collect();
                if calls.is_some_and(Vec::is_empty) {
                    return Err(mistake(
                        "Invalid 'messages': empty array of tool_calls.",
                        &format!("{param}.tool_calls"),
                    ));
                }
                if calls.is_none() && text(message).is_none() {
                    return Err(mistake(
                        "Invalid value for 'content': expected a string.",
                        &format!("{param}.content"),
                    ));
                }
            }
            other => {
                return Err(mistake(
                    &format!("Invalid value: '{other}' is no role."),
                    &format!("{param}.role"),
                ));
            }
        }
    }
    if unanswered.is_empty() { Ok(()) } else { Err(unanswered_calls(&unanswered, "messages")) }
}

fn unanswered_calls(ids: &BTreeSet<String>, param: &str) -> Mistake {
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    mistake(
        &format!(
            "An assistant message with 'tool_calls' must be followed by tool messages responding to each \
             'tool_call_id'. The following tool_call_ids did not have response messages: {}",
            ids.join(", ")
        ),
        param,
    )
}

fn check_tool(index: usize, tool: &Value) -> Result<(), Mistake> {
    let name = tool.pointer("/function/name").and_then(Value::as_str).unwrap_or_default();
    let fits = !name.is_empty()
        && name.len() <= 64
        && name.chars().all(|character| character.is_ascii_alphanumeric() || matches!(character, '_' | '-'));
    if tool.get("type").and_then(Value::as_str) != Some("function") || !fits {
        let message =
            format!("Invalid 'tools[{index}].function.name': use up to 64 of a-z, A-Z, 0-9, _ and -.");
        return Err(mistake(&message, &format!("tools[{index}].function.name")));
    }
    let parameters = tool.pointer("/function/parameters");
    if parameters.is_some_and(|parameters| parameters.get("type").and_then(Value::as_str) != Some("object")) {
        let message = format!(
            "Invalid schema for function '{name}': schema must be a JSON Schema of 'type: \"object\"'."
        );
        return Err(mistake(&message, &format!("tools[{index}].function.parameters")));
    }
    Ok(())
}

fn call_id(call: &Value) -> Option<String> {
    Some(call.get("id")?.as_str()?.to_owned())
}

/// The text of a message, which is a string or an array of parts.
pub(super) fn text(message: &Value) -> Option<String> {
    match message.get("content")? {
        Value::String(text) => Some(text.clone()),
        Value::Array(parts) => parts
            .iter()
            .map(|part| Some(part.get("text")?.as_str()?.to_owned()))
            .collect::<Option<Vec<_>>>()
            .map(|parts| parts.join("\n")),
        _ => None,
    }
}

fn mistake(message: &str, param: &str) -> Mistake {
    Mistake { message: message.into(), param: param.into() }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_tool_call_must_be_answered_at_once() {
        let call = json!({ "role": "assistant", "content": null, "tool_calls": [
            { "id": "c1", "type": "function", "function": { "name": "a", "arguments": "{}" } }] });
        let answer = json!({ "role": "tool", "tool_call_id": "c1", "content": "{}" });
        let user = json!({ "role": "user", "content": "and?" });
        let ask = |messages: &[&Value]| check(&json!({ "model": super::super::MODEL, "messages": messages }));
        assert_eq!(ask(&[&user, &call, &answer, &user]), Ok(()));
        assert!(ask(&[&user, &call, &user]).unwrap_err().message.contains("c1"));
        assert!(ask(&[&user, &call]).unwrap_err().message.contains("c1"));
        assert!(ask(&[&user, &answer]).unwrap_err().message.contains("'tool'"));
    }

    #[test]
    fn an_unknown_model_and_a_bad_tool_are_refused() {
        let user = json!([{ "role": "user", "content": "hello" }]);
        assert_eq!(check(&json!({ "model": "x", "messages": user })).unwrap_err().param, "model");
        let tools = json!([{ "type": "function", "function": { "name": "not good", "parameters": { "type": "object" } } }]);
        let request = json!({ "model": super::super::MODEL, "messages": user, "tools": tools });
        assert!(check(&request).unwrap_err().param.contains("name"));
    }
}
