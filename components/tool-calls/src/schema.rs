//! The schema of a tool's arguments.
//!
//! It is compiled for every call, because an instance of this component serves
//! many tenants and keeps nothing of any.

use jsonschema::{PatternOptions, ValidationError, Validator, error::ValidationErrorKind};
use serde_json::Value;

use crate::{
    bindings::exports::voicehive::platform::tool_calls::{Definition, Refusal},
    problems,
};

/// The longest schema that is read, in bytes.
pub const MAX_SCHEMA: usize = 64 * 1024;
/// How large a compiled `pattern` may be, in bytes.
const MAX_PATTERN: usize = 1024 * 1024;

/// Checks `arguments` against the definition's schema.
pub fn check(definition: &Definition, arguments: &Value) -> Result<(), Refusal> {
    let schema = parse(&definition.parameters).map_err(Refusal::InvalidDefinition)?;
    let validator = compile(&schema).map_err(Refusal::InvalidDefinition)?;
    if validator.is_valid(arguments) {
        return Ok(());
    }
    let problems = problems::describe(validator.iter_errors(arguments), &schema);
    Err(Refusal::InvalidArguments(problems))
}

fn parse(parameters: &str) -> Result<Value, String> {
    if parameters.len() > MAX_SCHEMA {
        return Err(format!(
            "`parameters` are {} bytes long; at most {MAX_SCHEMA} are read",
            parameters.len()
        ));
    }
    let schema: Value =
        serde_json::from_str(parameters).map_err(|error| format!("`parameters` are not JSON: {error}"))?;
    if schema.is_object() { Ok(schema) } else { Err("`parameters` must be a JSON Schema object".to_owned()) }
}

/// Formats are asserted, since a tool's author who names one means it. Patterns
/// run on the engine that is linear in the text: schemas come from tenants, and
/// look-around would let one pattern take a call's time for ever.
fn compile(schema: &Value) -> Result<Validator, String> {
    jsonschema::options()
        .offline()
        .should_validate_formats(true)
        .with_pattern_options(PatternOptions::regex().size_limit(MAX_PATTERN).dfa_size_limit(MAX_PATTERN))
        .build(schema)
        .map_err(|error| refusal(&error))
}

fn refusal(error: &ValidationError<'_>) -> String {
    let path = error.instance_path().as_str();
    let place = if path.is_empty() { String::new() } else { format!(" at {}", problems::cut(path, 200)) };
    match error.kind() {
        ValidationErrorKind::Referencing(reference) => format!(
            "`parameters` hold a reference{place} that leads outside of them or nowhere ({}); nothing is \
             fetched, so put what it refers to under `$defs`",
            problems::cut(&reference.to_string(), 200)
        ),
        _ => format!(
            "`parameters` are no valid JSON Schema{place}: {}",
            problems::cut(&error.to_string(), 300)
        ),
    }
}
