//! The built-in tool that leaves a message for somebody: staff, or the caller.
//!
//! It queues; the platform delivers.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::json;
use tool_sdk::records::Records;
use tool_sdk::{Context, Definition, Effect, Failure, Reply, Tool};

/// The tool.
pub struct Notifications;

const SCHEMA: &str = r#"{
  "type": "object",
  "properties": {
    "to": {"type": "string", "enum": ["staff", "caller"], "description": "staff: the people behind the agent; caller: a text message to the caller"},
    "text": {"type": "string", "minLength": 1, "maxLength": 1000, "description": "the message, complete in itself"},
    "urgent": {"type": "boolean", "description": "whether somebody should look at it at once"}
  },
  "required": ["to", "text"],
  "additionalProperties": false
}"#;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Arguments {
    to: Recipient,
    text: String,
    #[serde(default)]
    urgent: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Recipient {
    Staff,
    Caller,
}

/// One message that is to be delivered.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Notification {
    id: String,
    to: Recipient,
    phone: String,
    text: String,
    urgent: bool,
    status: String,
    call: String,
    created_at: u64,
}

impl Tool for Notifications {
    fn describe() -> Definition {
        Definition::new(
            "notifications",
            "Leaves a message for the staff, or sends the caller a text message. Use it when a human \
                          has to act, or when the caller asks for something in writing.",
            SCHEMA,
            Effect::Changes,
        )
        .within(Duration::from_secs(3))
    }

    fn call(context: Context, arguments: String) -> Result<Reply, Failure> {
        run(&tool_sdk::records::Host, &context, &arguments, tool_sdk::clock::now()).map(Reply::text)
    }
}

tool_sdk::export_tool!(Notifications);

/// Runs one call at `now`, in milliseconds since the Unix epoch.
///
/// # Errors
/// What the model is to be told instead.
pub fn run(records: &impl Records, context: &Context, arguments: &str, now: u64) -> Result<String, Failure> {
    let arguments: Arguments = serde_json::from_str(arguments)
        .map_err(|error| Failure::Invalid(format!("the arguments do not fit: {error}")))?;
    if arguments.text.trim().is_empty() {
        return Err(Failure::Invalid("`text` is empty; write the message".into()));
    }
    if arguments.to == Recipient::Caller && context.caller.is_empty() {
        return Err(Failure::Invalid("the caller's number is withheld, so nothing can be sent to it".into()));
    }
    let id = format!("N-{}", context.idempotency_key.get(..16).unwrap_or(&context.idempotency_key));
    let notification = Notification {
        id: id.clone(),
        to: arguments.to,
        phone: context.caller.clone(),
        text: arguments.text.trim().to_owned(),
        urgent: arguments.urgent,
        status: "queued".into(),
        call: context.call_id.clone(),
        created_at: now,
    };
    // A key that exists is an earlier attempt at the same message: it is queued.
    records.insert_json(&format!("notifications/{id}"), &notification)?;
    Ok(json!({"id": id, "status": "queued"}).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use tool_sdk::records::InMemory;

    #[test]
    fn the_same_message_is_queued_once() {
        let records = InMemory::default();
        for _ in 0..2 {
            run(&records, &context("+34600"), r#"{"to":"staff","text":"Call back"}"#, 1).unwrap();
        }
        assert_eq!(records.list("notifications/", None, 10).unwrap().len(), 1);
    }

    #[test]
    fn nothing_is_sent_to_a_withheld_number() {
        let refused = run(&InMemory::default(), &context(""), r#"{"to":"caller","text":"Hi"}"#, 1);
        assert!(matches!(refused, Err(Failure::Invalid(_))));
    }

    #[test]
    fn an_unknown_recipient_is_refused() {
        let refused = run(&InMemory::default(), &context(""), r#"{"to":"everyone","text":"Hi"}"#, 1);
        assert!(matches!(refused, Err(Failure::Invalid(why)) if why.contains("everyone")));
    }

    fn context(caller: &str) -> Context {
        Context {
            tenant: "t".into(),
            call_id: "c".into(),
            caller: caller.into(),
            idempotency_key: "0123456789abcdef0123".into(),
            time_zone: "UTC".into(),
            confirmed: false,
        }
    }
}
