//! The tools on offer, and calls that fit their schemas.

use serde_json::{Map, Value};
use uuid::Uuid;

use super::ToolCall;
use super::read::{Definition, Request};

/// What can be asked of the diary.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Action {
    /// Free times, on a day or the next days.
    List {
        date: Option<String>,
    },
    Book {
        start: String,
        name: String,
    },
    Move {
        id: Option<String>,
        start: String,
    },
    Cancel {
        id: Option<String>,
    },
}

/// The tool that keeps appointments, where there is one.
pub(super) fn diary(request: &Request) -> Option<&Definition> {
    let about = |text: &str| text.to_lowercase().contains("appointment");
    request
        .tools
        .iter()
        .find(|tool| about(&tool.name))
        .or_else(|| request.tools.iter().find(|tool| about(&tool.description)))
}

/// A call of the tool that ends the call, where there is one.
pub(super) fn end_call(request: &Request) -> Option<ToolCall> {
    let tool = request.tools.iter().find(|tool| {
        let name = tool.name.to_lowercase();
        (name.contains("end") && name.contains("call")) || name.contains("hang")
    })?;
    let mut arguments = Map::new();
    for name in required(tool) {
        arguments.insert(name, "The caller said goodbye.".into());
    }
    Some(call(tool, arguments))
}

/// Asks the diary for `action`, with the fields by which its schema knows them.
pub(super) fn ask(tool: &Definition, action: Action) -> ToolCall {
    let mut arguments = Map::new();
    let mut put = |names: &[&str], value: String| {
        if let Some(name) = names.iter().find(|name| has(tool, name)) {
            arguments.insert((*name).to_owned(), value.into());
        }
    };
    let verb = match &action {
        Action::List { .. } => ["list", "search", "availability"],
        Action::Book { .. } => ["book", "create", "add"],
        Action::Move { .. } => ["move", "reschedule", "change"],
        Action::Cancel { .. } => ["cancel", "delete", "remove"],
    };
    put(&["action", "operation"], offered(tool, &verb));
    let starts = ["start", "starts_at", "start_time", "datetime", "time"];
    let ids = ["id", "reference", "appointment_id"];
    match action {
        Action::List { date } => date.into_iter().for_each(|date| put(&["date", "day"], date)),
        Action::Book { start, name } => {
            put(&starts, start);
            put(&["name", "customer_name", "caller_name"], name);
        }
        Action::Move { id, start } => {
            put(&starts, start);
            id.into_iter().for_each(|id| put(&ids, id));
        }
        Action::Cancel { id } => id.into_iter().for_each(|id| put(&ids, id)),
    }
    call(tool, arguments)
}

/// A call of `tool` with these arguments.
pub(super) fn call(tool: &Definition, arguments: Map<String, Value>) -> ToolCall {
    ToolCall {
        id: format!("call_{}", Uuid::new_v4().simple()),
        name: tool.name.clone(),
        arguments: Value::Object(arguments).to_string(),
    }
}

fn has(tool: &Definition, name: &str) -> bool {
    tool.parameters.get("properties").is_some_and(|properties| properties.get(name).is_some())
}

fn required(tool: &Definition) -> Vec<String> {
    let names = tool.parameters.get("required").and_then(Value::as_array);
    names.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
}

/// The first of `verbs` that the schema allows.
fn offered(tool: &Definition, verbs: &[&str]) -> String {
    let allowed: Vec<&str> = ["action", "operation"]
        .iter()
        .filter_map(|name| tool.parameters.pointer(&format!("/properties/{name}/enum"))?.as_array())
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    let verb = verbs.iter().find(|verb| allowed.contains(verb)).or(verbs.first());
    verb.map(|verb| (*verb).to_owned()).unwrap_or_default()
}
