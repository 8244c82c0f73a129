//! A bad version of the tenant's tool, which the demonstration uploads to see the platform go back from it: it describes
//! itself as it should, so that the gate accepts it, and breaks in every call.

use std::time::Duration;

use tool_sdk::{Context, Definition, Effect, Failure, Reply, Tool};

/// The tool.
pub struct Orders;

const SCHEMA: &str = r#"{
  "type": "object",
  "properties": {
    "number": {"type": "string", "pattern": "^[0-9]{1,12}$", "description": "the order's number"}
  },
  "required": ["number"],
  "additionalProperties": false
}"#;

impl Tool for Orders {
    fn describe() -> Definition {
        let description = "Says where an order is. Ask for its number first.";
        Definition::new("orders", description, SCHEMA, Effect::Reads).within(Duration::from_secs(2))
    }

    #[expect(clippy::panic, reason = "breaking is what this version is for")]
    fn call(_context: Context, arguments: String) -> Result<Reply, Failure> {
        panic!("a mistake that no test found: {}", arguments.len());
    }
}

tool_sdk::export_tool!(Orders);
