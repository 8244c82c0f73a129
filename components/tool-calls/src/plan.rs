//! Checks a request and plans its run.

use std::time::Duration;

use sha2::{Digest, Sha256};

use crate::{
    arguments,
    bindings::exports::voicehive::platform::tool_calls::{Definition, Plan, Refusal, Request},
    schema,
};

/// How long a tool may run that does not say.
pub const DEFAULT_TIMEOUT: Duration = Duration::from_secs(10);
/// How long any tool may run: a caller waits no longer for anything.
pub const MAX_TIMEOUT: Duration = Duration::from_secs(30);

/// The longest name of a tool.
const MAX_NAME: usize = 64;

/// Plans the run that `request` asks for.
pub fn plan(request: &Request, definitions: &[Definition]) -> Result<Plan, Refusal> {
    let definition = find(&request.name, definitions)?;
    let arguments = arguments::parse(&request.arguments).map_err(Refusal::MalformedArguments)?;
    schema::check(definition, &arguments)?;
    let arguments = arguments::canonical(&arguments);
    Ok(Plan {
        idempotency_key: idempotency_key(request, &arguments),
        arguments,
        timeout_ms: timeout_ms(definition.timeout_ms),
        side_effect: definition.side_effect,
    })
}

fn find<'a>(name: &str, definitions: &'a [Definition]) -> Result<&'a Definition, Refusal> {
    let mut named = definitions.iter().filter(|definition| definition.name == name);
    let Some(definition) = named.next() else {
        return Err(Refusal::UnknownTool(definitions.iter().map(|known| known.name.clone()).collect()));
    };
    if named.next().is_some() {
        return Err(Refusal::InvalidDefinition(format!("two tools are named `{name}`; names must differ")));
    }
    if !is_name(name) {
        return Err(Refusal::InvalidDefinition(
            "the tool's name must be 1 to 64 of the characters a-z, A-Z, 0-9, _ and -".to_owned(),
        ));
    }
    Ok(definition)
}

/// Whether `text` can be a tool's name.
pub fn is_name(text: &str) -> bool {
    (1..=MAX_NAME).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'))
}

fn timeout_ms(wanted: u32) -> u32 {
    let limit = |timeout: Duration| u32::try_from(timeout.as_millis()).unwrap_or(u32::MAX);
    if wanted == 0 { limit(DEFAULT_TIMEOUT) } else { wanted.min(limit(MAX_TIMEOUT)) }
}

/// Hex SHA-256 over the call, the turn, the tool and the canonical arguments.
/// The model's id of the tool call is left out: it changes when a model is asked
/// again, and that must not act twice.
fn idempotency_key(request: &Request, canonical_arguments: &str) -> String {
    let mut hash = Sha256::new();
    // Each part after its length, so that no two lists of parts hash alike.
    for part in [
        request.call_id.as_bytes(),
        &request.turn.to_be_bytes(),
        request.name.as_bytes(),
        canonical_arguments.as_bytes(),
    ] {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}
