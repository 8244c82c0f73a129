//! What became of appointments, read from the tool that keeps them.
//!
//! The tool is `appointments` or a tenant's own whose name holds "appointment"
//! or "booking", with an `action` of `book`, `move` or `cancel`. Its outcome is
//! JSON (`id` or `reference`, `start` or `starts_at`), found at any of the first
//! three levels; where it is not, its arguments are read.

use serde_json::Value;

use crate::{bindings::exports::voicehive::platform::memory::ToolUse, calendar, speech};

/// How far into an outcome is looked for a field.
const MAX_DEPTH: usize = 3;
/// The longest reference or time that is repeated as it stands, in bytes.
const MAX_FIELD: usize = 80;

const REFERENCE_FIELDS: &[&str] =
    &["reference", "id", "appointment_id", "appointmentId", "booking_id", "bookingId", "confirmation"];
const START_FIELDS: &[&str] =
    &["start", "starts_at", "startsAt", "start_time", "startTime", "datetime", "when", "time", "date"];

/// What was done to an appointment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Action {
    Book,
    Move,
    Cancel,
}

/// What became of one appointment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    action: Action,
    reference: Option<String>,
    start: Option<String>,
}

impl Change {
    /// The change as a sentence for a model: "Booked: Tuesday 24 November 2026
    /// at 15:00, reference X".
    pub fn text(&self) -> String {
        let verb = match self.action {
            Action::Book => "Booked",
            Action::Move => "Moved to",
            Action::Cancel => "Cancelled",
        };
        let parts: Vec<String> = self
            .start
            .iter()
            .cloned()
            .chain(self.reference.iter().map(|id| format!("reference {id}")))
            .collect();
        if parts.is_empty() {
            format!("{verb}: an appointment")
        } else {
            format!("{verb}: {}", parts.join(", "))
        }
    }
}

/// What became of the appointments of a call. Of one that was booked and then
/// moved or cancelled, only the last state is worth remembering.
pub fn changes(tools: &[ToolUse]) -> Vec<Change> {
    let mut changes: Vec<Change> = Vec::new();
    for change in tools.iter().filter_map(change) {
        if change.reference.is_some() {
            changes.retain(|earlier| earlier.reference != change.reference);
        }
        if !changes.contains(&change) {
            changes.push(change);
        }
    }
    changes
}

/// Whether `tool` keeps appointments.
pub fn keeps_appointments(tool: &str) -> bool {
    let tool = tool.to_lowercase();
    tool.contains("appointment") || tool.contains("booking")
}

fn change(tool_use: &ToolUse) -> Option<Change> {
    if !keeps_appointments(&tool_use.tool) {
        return None;
    }
    let arguments: Value = serde_json::from_str(&tool_use.arguments).ok()?;
    let action = match arguments.get("action")?.as_str()? {
        "book" | "create" => Action::Book,
        "move" | "reschedule" => Action::Move,
        "cancel" => Action::Cancel,
        _ => return None,
    };
    let outcome: Value = serde_json::from_str(&tool_use.outcome).unwrap_or(Value::Null);
    let field = |names: &[&str]| find(&outcome, names, MAX_DEPTH).or_else(|| find(&arguments, names, 1));
    Some(Change { action, reference: field(REFERENCE_FIELDS), start: field(START_FIELDS).map(spoken) })
}

fn spoken(start: String) -> String {
    calendar::spoken(&start).unwrap_or(start)
}

/// The first of `names` with a text or a whole number in it, outer levels first.
fn find(value: &Value, names: &[&str], depth: usize) -> Option<String> {
    let object = value.as_object().filter(|_| depth > 0)?;
    let here = names.iter().find_map(|name| match object.get(*name)? {
        Value::String(text) => {
            let text = speech::quotable(text, MAX_FIELD);
            (!text.is_empty()).then_some(text)
        }
        Value::Number(number) if number.is_u64() => Some(number.to_string()),
        _ => None,
    });
    here.or_else(|| {
        let mut inner: Vec<(&String, &Value)> = object.iter().collect();
        inner.sort_by_key(|(key, _)| *key);
        inner.into_iter().find_map(|(_, value)| find(value, names, depth - 1))
    })
}
