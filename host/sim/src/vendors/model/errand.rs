//! Tools that the receptionist knows nothing of but what the platform tells it: those of tenants.

use serde_json::{Map, Value};

use super::read::{Definition, Request, Turn};
use super::tool::call;
use super::{Reply, ToolCall};

/// Tools that the receptionist's other rules are for, or nobody's errand.
const NOT_ERRANDS: [&str; 6] =
    ["appointments", "leads", "notifications", "end_call", "transfer_call", "press_keys"];

/// Before the question of a tool that wants the caller's word first.
const ASK_FIRST: &str = "Ask the caller exactly this, and wait for the answer: ";
/// Before the reason of a tool that could not do it.
const COULD_NOT: &str = "The tool could not do it: ";
/// Members of a JSON result that are fit to be said.
const SPOKEN: [&str; 4] = ["text", "message", "status", "answer"];
/// Shorter words of a tool's name do not tell what it is for.
const TELLING_WORD: usize = 4;

const NOT_NOW: &str = "I am sorry, that is not possible at the moment. Is there anything else?";

/// The tool that these words of the caller ask for, if there is one, or what becomes of the question it asked before.
pub(super) fn answer(request: &Request, text: &str) -> Option<Reply> {
    if let Some(again) = asked_before(request) {
        return match agrees(text) {
            true => Some(Reply::call(again)),
            false => Some(Reply::say("Then I leave it. Is there anything else?")),
        };
    }
    let words = words(text);
    let wanted = |tool: &&Definition| {
        is_errand(&tool.name) && tool.name.split(['-', '_']).any(|part| names(part, &words))
    };
    let tool = request.tools.iter().find(wanted)?;
    Some(Reply::call(call(tool, arguments(tool, text))))
}

/// Says what came of a tool.
pub(super) fn report(tool: &str, result: &str) -> Option<Reply> {
    if !is_errand(tool) {
        return None;
    }
    if let Some((_, question)) = result.split_once(ASK_FIRST) {
        return Some(Reply::say(question.lines().next().unwrap_or_default()));
    }
    if let Some((_, reason)) = result.split_once(COULD_NOT) {
        return Some(Reply::say(format!("I am sorry: {reason}")));
    }
    if result.starts_with("The tool ") || result.starts_with("This tool ") {
        return Some(Reply::say(NOT_NOW));
    }
    let result = result.lines().next().unwrap_or_default();
    let said = match serde_json::from_str::<Value>(result) {
        Ok(Value::Object(members)) => {
            let member = SPOKEN.iter().find_map(|name| members.get(*name)?.as_str());
            member.unwrap_or("That is done.").to_owned()
        }
        _ => result.to_owned(),
    };
    Some(Reply::say(format!("{said} Is there anything else?")))
}

fn is_errand(tool: &str) -> bool {
    !NOT_ERRANDS.contains(&tool)
}

/// The call whose question the caller has just answered.
fn asked_before(request: &Request) -> Option<ToolCall> {
    let mut turns = request.turns.iter().rev();
    let Some(Turn::User(_)) = turns.next() else { return None };
    let asked = turns.find(|turn| !matches!(turn, Turn::Assistant(_)))?;
    let Turn::Ran { tool, arguments, result } = asked else { return None };
    let definition = request.tools.iter().find(|definition| definition.name == *tool)?;
    let waits = is_errand(tool) && result.contains(ASK_FIRST);
    waits.then(|| call(definition, arguments.as_object().cloned().unwrap_or_default()))
}

fn agrees(text: &str) -> bool {
    let words = words(text);
    ["yes", "sure", "please", "okay", "correct"].iter().any(|yes| words.iter().any(|word| word == yes))
        && !words.iter().any(|word| word == "no" || word == "not")
}

fn words(text: &str) -> Vec<String> {
    text.split(|character: char| !character.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_lowercase)
        .collect()
}

fn names(part: &str, words: &[String]) -> bool {
    let singular = |word: &str| word.strip_suffix('s').unwrap_or(word).to_owned();
    let part = singular(&part.to_lowercase());
    part.len() >= TELLING_WORD && words.iter().any(|word| singular(word) == part)
}

/// What the schema requires, from what the caller said.
fn arguments(tool: &Definition, text: &str) -> Map<String, Value> {
    let required = tool.parameters.get("required").and_then(Value::as_array);
    let names = required.into_iter().flatten().filter_map(Value::as_str);
    let argument = |name: &str| {
        let schema = tool.parameters.get("properties").and_then(|properties| properties.get(name));
        (name.to_owned(), value(name, schema.unwrap_or(&Value::Null), text))
    };
    names.map(argument).collect()
}

fn value(name: &str, schema: &Value, text: &str) -> Value {
    if let Some(choices) = schema.get("enum").and_then(Value::as_array) {
        let words = words(text);
        let said = |choice: &&Value| {
            choice.as_str().is_some_and(|choice| words.iter().any(|word| word == &choice.to_lowercase()))
        };
        return choices.iter().find(said).or(choices.first()).cloned().unwrap_or_default();
    }
    let number = number(text);
    match schema.get("type").and_then(Value::as_str) {
        Some("integer" | "number") => number.and_then(|number| number.parse::<u64>().ok()).into(),
        Some("boolean") => true.into(),
        _ if name.contains("number") || name.contains("id") => number.unwrap_or_default().into(),
        _ => text.trim().trim_end_matches(['.', '!', '?']).into(),
    }
}

/// The first number that the caller said.
fn number(text: &str) -> Option<String> {
    let start = text.find(|character: char| character.is_ascii_digit())?;
    Some(text.get(start..)?.chars().take_while(char::is_ascii_digit).collect())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn request(turns: &[Value]) -> Request {
        let mut messages = vec![json!({ "role": "system", "content": "You answer the phone." })];
        messages.extend_from_slice(turns);
        let parameters = json!({
            "type": "object",
            "properties": { "number": { "type": "string" }, "when": { "enum": ["morning", "evening"] } },
            "required": ["number", "when"],
        });
        let tool = |name: &str| {
            json!({ "type": "function", "function":
                { "name": name, "description": "", "parameters": parameters } })
        };
        let tools = json!([tool("leads"), tool("order-status"), tool("end_call")]);
        Request::read(&json!({ "messages": messages, "tools": tools }))
    }

    fn asked(reply: &Reply) -> (&str, Value) {
        let call = reply.tool_calls.first().expect("a tool call");
        (&call.name, serde_json::from_str(&call.arguments).unwrap())
    }

    fn user(text: &str) -> Value {
        json!({ "role": "user", "content": text })
    }

    #[test]
    fn a_tool_is_known_by_its_name_and_gets_what_its_schema_requires() {
        let text = "Where are my orders, number 4711, this evening?";
        let reply = answer(&request(&[user(text)]), text).unwrap();
        assert_eq!(asked(&reply), ("order-status", json!({ "number": "4711", "when": "evening" })));
        for text in ["I have leads for you.", "The end.", "What is the time?"] {
            assert_eq!(answer(&request(&[user(text)]), text), None, "{text}");
        }
    }

    #[test]
    fn a_tools_question_is_asked_and_only_a_yes_calls_it_again() {
        let question =
            format!("Nothing was done yet. {ASK_FIRST}Shall I send it?\nIf they agree, call again.");
        assert_eq!(report("order-status", &question).unwrap().text, "Shall I send it?");
        let arguments = json!({ "number": "4711", "when": "morning" });
        let before = [
            user("Send order 4711."),
            json!({ "role": "assistant", "tool_calls": [{ "id": "t1", "type": "function",
                "function": { "name": "order-status", "arguments": arguments.to_string() } }] }),
            json!({ "role": "tool", "tool_call_id": "t1", "content": question }),
            json!({ "role": "assistant", "content": "Shall I send it?" }),
        ];
        let after = |text: &str| {
            let turns: Vec<Value> = before.iter().cloned().chain([user(text)]).collect();
            answer(&request(&turns), text).unwrap()
        };
        assert_eq!(asked(&after("Yes, please.")), ("order-status", arguments.clone()));
        assert_eq!(after("No, thank you.").text, "Then I leave it. Is there anything else?");
    }

    #[test]
    fn what_came_of_it_is_said_and_never_made_up() {
        let said = |result: &str| report("order-status", result).unwrap().text;
        assert_eq!(said("It comes on Friday."), "It comes on Friday. Is there anything else?");
        assert_eq!(said(r#"{"status":"It is sent."}"#), "It is sent. Is there anything else?");
        assert_eq!(said("The tool could not do it: there is no order 1"), "I am sorry: there is no order 1");
        assert_eq!(said("The tool failed for a technical reason."), NOT_NOW);
        assert_eq!(report("appointments", "{}"), None);
    }
}
