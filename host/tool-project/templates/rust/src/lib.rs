//! Notes that a caller wants to be called back.
//!
//! Here is only what ties the logic in `callback` to the platform.

mod bindings {
    wit_bindgen::generate!({ path: "wit", world: "tool-component" });
}
mod callback;

use bindings::exports::voicehive::tool::tool::{
    Answer, Context, Definition, Effect, Failure, Guest, Reply,
};
use bindings::voicehive::tool::{clock, log, records};
use callback::{Outcome, Records, Request, StoreError};

/// What the model may ask for. It is given this schema, and its arguments are checked against it.
const SCHEMA: &str = r#"{
  "type": "object",
  "properties": {
    "topic": {"type": "string", "minLength": 1, "maxLength": 200, "description": "what it is about, in the caller's words: my invoice"},
    "when": {"type": "string", "enum": ["morning", "afternoon"], "description": "when the caller can be reached"},
    "phone": {"type": "string", "pattern": "^\\+[1-9][0-9]{4,14}$", "description": "E.164; only where it is not the number they call from"}
  },
  "required": ["topic", "when"],
  "additionalProperties": false
}"#;

/// The component.
pub struct Tool;

impl Guest for Tool {
    fn describe() -> Definition {
        Definition {
            name: "{{name}}".into(),
            description: "Notes that the caller wants to be called back. Use it when they ask for that, or when \
                nobody can help them now and they agree to it."
                .into(),
            parameters: SCHEMA.into(),
            effect: Effect::Changes,
            hosts: Vec::new(),
            timeout_ms: 2000,
        }
    }

    fn call(context: Context, arguments: String) -> Result<Reply, Failure> {
        // A panic ends the call; without this, nobody learns why.
        std::panic::set_hook(Box::new(|panic| log::write(log::Level::Error, &panic.to_string())));
        let request = Request::read(&arguments, &context.caller).map_err(Failure::Invalid)?;
        if !context.confirmed {
            return Ok(Reply::Confirm(request.question()));
        }
        let noted = callback::note(&Host, &request, &context.idempotency_key, clock::now());
        match noted {
            Ok(Outcome::Noted) => log::write(log::Level::Info, "noted a callback"),
            Ok(Outcome::NotedBefore) => log::write(log::Level::Info, "the same call came again"),
            Err(StoreError::Full) => return Err(Failure::Unavailable("no more can be noted today".into())),
            Err(StoreError::Unavailable) => {
                return Err(Failure::Unavailable("it cannot be noted at the moment".into()));
            }
        }
        Ok(Reply::Done(Answer {
            content: request.summary(),
            speech: Some(request.promise()),
            data: None,
            follow_up: None,
        }))
    }
}

/// The platform's records.
struct Host;

impl Records for Host {
    fn insert(&self, key: &str, value: &[u8]) -> Result<bool, StoreError> {
        match records::insert(key, value) {
            Ok(_) => Ok(true),
            Err(records::Error::Conflict) => Ok(false),
            Err(records::Error::QuotaExceeded) => Err(StoreError::Full),
            Err(_) => Err(StoreError::Unavailable),
        }
    }
}

// Tests run on this machine, where there is no platform to export to.
#[cfg(target_family = "wasm")]
bindings::export!(Tool with_types_in bindings);
