//! A chat request as the receptionist reads it.

use serde_json::Value;

/// What the platform sent.
#[derive(Clone, Debug, Default)]
pub struct Request {
    pub(super) system: String,
    pub(super) turns: Vec<Turn>,
    pub(super) tools: Vec<Definition>,
}

/// One message after the system prompt.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Turn {
    User(String),
    Assistant(String),
    /// A tool was run.
    Ran {
        tool: String,
        arguments: Value,
        result: String,
    },
}

/// A tool on offer.
#[derive(Clone, Debug)]
pub(super) struct Definition {
    pub(super) name: String,
    pub(super) description: String,
    pub(super) parameters: Value,
}

impl Request {
    /// Reads the body of a chat request that was checked already.
    pub fn read(body: &Value) -> Self {
        let mut request = Self::default();
        let messages = body.get("messages").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        let mut calls: Vec<(String, String, Value)> = Vec::new();
        for message in messages {
            let content = text(message.get("content"));
            match message.get("role").and_then(Value::as_str) {
                Some("system" | "developer") => {
                    request.system.push_str(&content);
                    request.system.push('\n');
                }
                Some("user") => request.turns.push(Turn::User(content)),
                Some("assistant") => {
                    if !content.trim().is_empty() {
                        request.turns.push(Turn::Assistant(content));
                    }
                    calls.extend(tool_calls(message));
                }
                Some("tool") => {
                    let id = message.get("tool_call_id").and_then(Value::as_str).unwrap_or_default();
                    if let Some((_, tool, arguments)) = calls.iter().find(|(call, _, _)| call == id) {
                        request.turns.push(Turn::Ran {
                            tool: tool.clone(),
                            arguments: arguments.clone(),
                            result: content,
                        });
                    }
                }
                _ => {}
            }
        }
        request.tools = body
            .get("tools")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .filter_map(definition)
            .collect();
        request
    }

    /// What the caller said, first to last.
    pub(super) fn user_texts(&self) -> impl DoubleEndedIterator<Item = &str> {
        self.turns.iter().filter_map(|turn| match turn {
            Turn::User(text) => Some(text.as_str()),
            _ => None,
        })
    }
}

fn text(content: Option<&Value>) -> String {
    match content {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Array(parts)) => {
            parts.iter().filter_map(|part| part.get("text")?.as_str()).collect::<Vec<_>>().join("\n")
        }
        _ => String::new(),
    }
}

fn tool_calls(message: &Value) -> Vec<(String, String, Value)> {
    let calls = message.get("tool_calls").and_then(Value::as_array);
    calls
        .into_iter()
        .flatten()
        .filter_map(|call| {
            let arguments = call.pointer("/function/arguments")?.as_str()?;
            Some((
                call.get("id")?.as_str()?.to_owned(),
                call.pointer("/function/name")?.as_str()?.to_owned(),
                serde_json::from_str(arguments).unwrap_or(Value::Null),
            ))
        })
        .collect()
}

fn definition(tool: &Value) -> Option<Definition> {
    let function = tool.get("function")?;
    Some(Definition {
        name: function.get("name")?.as_str()?.to_owned(),
        description: function.get("description").and_then(Value::as_str).unwrap_or_default().to_owned(),
        parameters: function.get("parameters").cloned().unwrap_or(Value::Null),
    })
}
