//! What Vapi takes of a reply, and what it does not.

use serde_json::Value;

use super::report::{Answer, Exchange, Handover};

/// A reply as it is taken; or, beside what is assumed in its place, why it is not.
pub(super) type Judged<T> = Result<T, String>;

/// The reply to `assistant-request`. An error comes before a destination, and that before an assistant.
pub(super) fn answer(exchange: &Exchange) -> Judged<Answer> {
    let reply = taken(exchange)?;
    let given = |key: &str| reply.get(key).filter(|value| !value.is_null());
    if let Some(error) = given("error") {
        let words = error.as_str().filter(|words| !words.is_empty());
        return words
            .map(|words| Answer::Refused(words.into()))
            .ok_or("the error is no text to speak".into());
    }
    if let Some(destination) = given("destination") {
        return address(destination).map(Answer::Destination);
    }
    if let Some(id) = given("assistantId") {
        return id.as_str().map(|id| Answer::Saved(id.into())).ok_or("`assistantId` is no text".into());
    }
    let assistant = given("assistant").ok_or("the reply has neither assistant nor destination nor error")?;
    check_assistant(assistant)?;
    Ok(Answer::Assistant(assistant.clone()))
}

fn check_assistant(assistant: &Value) -> Judged<()> {
    let text =
        |value: Option<&Value>| value.and_then(Value::as_str).filter(|text| !text.is_empty()).is_some();
    if assistant.get("name").and_then(Value::as_str).is_some_and(|name| name.chars().count() > 40) {
        return Err("the assistant's name has more than 40 characters".into());
    }
    if assistant.get("firstMessage").is_some_and(|words| !words.is_string()) {
        return Err("`firstMessage` is no text".into());
    }
    let model = assistant.get("model").ok_or("the assistant has no model")?;
    if !text(model.get("provider")) || !text(model.get("model")) {
        return Err("the model has no provider or no name".into());
    }
    let messages = model.get("messages").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    if !messages
        .iter()
        .all(|message| text(message.get("role")) && message.get("content").is_some_and(Value::is_string))
    {
        return Err("a message of the model has no role or no content".into());
    }
    for tool in tools(assistant) {
        let function = tool.get("function").ok_or("a tool has no function")?;
        let name = function.get("name").and_then(Value::as_str).unwrap_or_default();
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
        if !(1..=64).contains(&name.len()) || !name.bytes().all(allowed) {
            return Err(format!("`{name}` is no name of a function"));
        }
        let object = function.get("parameters").and_then(|schema| schema.get("type"));
        if object.is_none_or(|kind| kind != "object") {
            return Err(format!("the parameters of `{name}` are not the schema of an object"));
        }
    }
    Ok(())
}

/// The tools of an assistant.
pub(super) fn tools(assistant: &Value) -> &[Value] {
    let tools = assistant.get("model").and_then(|model| model.get("tools")).and_then(Value::as_array);
    tools.map_or(&[], Vec::as_slice)
}

/// What the model is told of a call with this id.
pub(super) fn tool_result(exchange: &Exchange, id: &str) -> Judged<Result<String, String>> {
    let reply = taken(exchange)?;
    let results = reply.get("results").and_then(Value::as_array).ok_or("the reply has no list `results`")?;
    let mut own = results.iter().filter(|result| result.get("toolCallId").is_some_and(|given| given == id));
    let result = own.next().ok_or_else(|| format!("there is no result for the call `{id}`"))?;
    if own.next().is_some() {
        return Err(format!("there are two results for the call `{id}`"));
    }
    match (result.get("result"), result.get("error")) {
        (Some(text), None) => line(text, "result").map(Ok),
        (None, Some(text)) => line(text, "error").map(Err),
        _ => Err(format!("the call `{id}` has not exactly one of result and error")),
    }
}

/// What the model is told of the older call.
pub(super) fn function_result(exchange: &Exchange) -> Judged<String> {
    line(taken(exchange)?.get("result").ok_or("the reply has no `result`")?, "result")
}

/// Where a call is handed over to.
pub(super) fn handover(exchange: &Exchange) -> Judged<Handover> {
    let reply = taken(exchange)?;
    match (reply.get("error").and_then(Value::as_str), reply.get("destination")) {
        (Some(error), _) => Ok(Handover::Refused(error.into())),
        (None, Some(destination)) => address(destination).map(Handover::To),
        (None, None) => Err("the reply has neither destination nor error".into()),
    }
}

/// How many documents there are.
pub(super) fn documents(exchange: &Exchange) -> Judged<usize> {
    let documents =
        taken(exchange)?.get("documents").and_then(Value::as_array).ok_or("there is no list `documents`")?;
    let whole = |document: &Value| document.get("content").is_some() && document.get("similarity").is_some();
    if documents.iter().all(whole) {
        Ok(documents.len())
    } else {
        Err("a document lacks content or similarity".into())
    }
}

fn taken(exchange: &Exchange) -> Judged<&Value> {
    match (exchange.status, &exchange.body) {
        (None, _) => Err("there was no reply in time".into()),
        (Some(200), Some(body)) if body.is_object() => Ok(body),
        (Some(200), _) => Err("the reply is no JSON object".into()),
        (Some(status), _) => Err(format!("the reply is ignored because its status is {status}")),
    }
}

fn line(text: &Value, key: &str) -> Judged<String> {
    match text.as_str() {
        Some(text) if text.contains(['\n', '\r']) => Err(format!("`{key}` has a line break")),
        Some("") => Err(format!("`{key}` is empty")),
        Some(text) => Ok(text.into()),
        None => Err(format!("`{key}` is no text")),
    }
}

fn address(destination: &Value) -> Judged<String> {
    let text = |key: &str| destination.get(key).and_then(Value::as_str);
    match text("type") {
        Some("number") => text("number").filter(|number| number.starts_with('+')).map(str::to_owned),
        Some("sip") => text("sipUri").filter(|uri| uri.starts_with("sip")).map(str::to_owned),
        _ => None,
    }
    .ok_or_else(|| format!("{destination} is no destination"))
}
