//! What the model may ask for.

use jiff::civil::{Date, DateTime};
use serde::Deserialize;
use tool_sdk::Failure;

/// JSON Schema of the arguments.
pub(crate) const SCHEMA: &str = r#"{
  "type": "object",
  "properties": {
    "action": {"type": "string", "enum": ["list", "book", "move", "cancel"],
      "description": "list: free slots and the caller's own appointments; book: take a slot; move: change the caller's appointment to another slot; cancel: give it up"},
    "date": {"type": "string", "pattern": "^\\d{4}-\\d{2}-\\d{2}$", "description": "list: the day to look at; without it, the next days"},
    "start": {"type": "string", "pattern": "^\\d{4}-\\d{2}-\\d{2}T\\d{2}:\\d{2}(:00)?$", "description": "book, move: the slot, for example 2026-11-24T15:00"},
    "name": {"type": "string", "maxLength": 120, "description": "book: the caller's name, if known"},
    "notes": {"type": "string", "maxLength": 500, "description": "book: what it is about"},
    "id": {"type": "string", "maxLength": 32, "description": "move, cancel: the reference; without it, the caller's only appointment"}
  },
  "required": ["action"],
  "additionalProperties": false
}"#;

/// One request.
#[derive(Debug, PartialEq)]
pub(crate) enum Arguments {
    /// Free slots, on a day or the next days.
    List { date: Option<Date> },
    /// Take a slot.
    Book { start: DateTime, name: Option<String>, notes: Option<String> },
    /// Change to another slot.
    Move { id: Option<String>, start: DateTime },
    /// Give it up.
    Cancel { id: Option<String> },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    action: String,
    date: Option<String>,
    start: Option<String>,
    name: Option<String>,
    notes: Option<String>,
    id: Option<String>,
}

impl Arguments {
    pub(crate) fn parse(json: &str) -> Result<Self, Failure> {
        let raw: Raw = serde_json::from_str(json)
            .map_err(|error| Failure::Invalid(format!("the arguments do not fit: {error}")))?;
        match raw.action.as_str() {
            "list" => Ok(Self::List { date: raw.date.as_deref().map(date).transpose()? }),
            "book" => Ok(Self::Book { start: start(raw.start, "book")?, name: raw.name, notes: raw.notes }),
            "move" => Ok(Self::Move { id: raw.id, start: start(raw.start, "move")? }),
            "cancel" => Ok(Self::Cancel { id: raw.id }),
            other => Err(Failure::Invalid(format!("`{other}` is no action; use list, book, move or cancel"))),
        }
    }
}

fn date(text: &str) -> Result<Date, Failure> {
    text.parse().map_err(|_| Failure::Invalid(format!("`{text}` is no date; write it like 2026-11-24")))
}

fn start(text: Option<String>, action: &str) -> Result<DateTime, Failure> {
    let Some(text) = text else {
        return Err(Failure::Invalid(format!("`{action}` needs `start`, for example 2026-11-24T15:00")));
    };
    text.parse()
        .map_err(|_| Failure::Invalid(format!("`{text}` is no local time; write it like 2026-11-24T15:00")))
}
