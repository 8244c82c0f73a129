//! An example of a tenant's tool in Rust: where a caller's order is.
//!
//! It asks the shop's service over HTTP, with a key that it never sees. Here is only what ties the logic in [`order`] to
//! the platform.

pub mod order;

use std::time::Duration;

use tool_sdk::{Context, Definition, Effect, Failure, Reply, Tool, arguments, http, log, secrets};

/// The tool.
pub struct OrderStatus;

const SCHEMA: &str = r#"{
  "type": "object",
  "properties": {
    "number": {"type": "string", "pattern": "^[A-Z]{2}[0-9]{6}$", "description": "the order's number, as on its confirmation: AB123456"},
    "postcode": {"type": "string", "minLength": 3, "maxLength": 10, "description": "where it is sent to; shows that the caller may know"}
  },
  "required": ["number", "postcode"],
  "additionalProperties": false
}"#;

impl Tool for OrderStatus {
    fn describe() -> Definition {
        Definition::new(
            "order-status",
            "Says where an order is and when it arrives. Ask the caller for the order's number and the postcode that \
             it is sent to.",
            SCHEMA,
            Effect::Reads,
        )
        .host(order::HOST)
        .within(Duration::from_secs(4))
    }

    fn call(_context: Context, arguments: String) -> Result<Reply, Failure> {
        let asked = arguments::parse(&arguments)?;
        let reply = order::find(&http::Host, &secrets::Host, &asked);
        if let Err(failure) = &reply {
            log::write(log::Level::Warn, &format!("no answer about {}: {failure:?}", asked.number));
        }
        reply
    }
}

tool_sdk::export_tool!(OrderStatus);
