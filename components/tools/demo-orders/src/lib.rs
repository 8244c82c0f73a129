//! A tenant's tool, which the demonstration uploads: where an order is.

use std::time::Duration;

use serde::Deserialize;
use tool_sdk::{Context, Definition, Effect, Failure, Reply, Tool};

/// The tool.
pub struct Orders;

/// JSON Schema of the arguments.
pub const SCHEMA: &str = r#"{
  "type": "object",
  "properties": {
    "number": {"type": "string", "pattern": "^[0-9]{1,12}$", "description": "the order's number"}
  },
  "required": ["number"],
  "additionalProperties": false
}"#;

/// The orders of a shop that is too small for a database.
const ORDERS: [(&str, &str); 2] = [
    ("4711", "Your order 4711 has left us and arrives on Friday."),
    ("4712", "Your order 4712 waits for a missing part."),
];

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Arguments {
    number: String,
}

impl Tool for Orders {
    fn describe() -> Definition {
        let description = "Says where an order is. Ask for its number first.";
        Definition::new("orders", description, SCHEMA, Effect::Reads).within(Duration::from_secs(2))
    }

    fn call(_context: Context, arguments: String) -> Result<Reply, Failure> {
        run(&arguments).map(Reply::text)
    }
}

tool_sdk::export_tool!(Orders);

/// Where an order is, in a sentence.
///
/// # Errors
/// What the model is to be told instead.
pub fn run(arguments: &str) -> Result<String, Failure> {
    let Arguments { number } = serde_json::from_str(arguments)
        .map_err(|error| Failure::Invalid(format!("the arguments do not fit: {error}")))?;
    let found = ORDERS.iter().find(|(known, _)| *known == number);
    let (_, sentence) = found.ok_or_else(|| Failure::NotFound(format!("there is no order {number}")))?;
    Ok((*sentence).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_is_found_by_its_number_only() {
        assert!(run(r#"{"number":"4711"}"#).unwrap().contains("Friday"));
        assert!(matches!(run(r#"{"number":"1"}"#), Err(Failure::NotFound(_))));
        assert!(matches!(run(r#"{"numbers":"4711"}"#), Err(Failure::Invalid(_))));
    }
}
