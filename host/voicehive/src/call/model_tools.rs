//! What the model is told of tools, and the core of their nature.

use std::collections::BTreeMap;

use sandbox::{Definition, Effect};
use serde_json::json;
use speech::ToolDefinition;
use turn::{AgentConfig, ToolPolicy};

use crate::tools::ChosenTool;

/// The tools of an agent and those that the call core runs itself.
pub fn definitions(allowed: &BTreeMap<String, ChosenTool>, agent: &AgentConfig) -> Vec<ToolDefinition> {
    let mut definitions: Vec<ToolDefinition> =
        allowed.values().map(|chosen| definition(chosen.tool.definition())).collect();
    definitions.push(ToolDefinition {
        name: turn::END_CALL.into(),
        description: "Ends the call once your last words have been heard. Say goodbye first, then call it."
            .into(),
        parameters: json!({ "type": "object", "properties": {}, "additionalProperties": false }),
    });
    definitions.push(ToolDefinition {
        name: turn::PRESS_KEYS.into(),
        description: "Presses keys on the telephone, for menus that ask for them.".into(),
        parameters: json!({
            "type": "object",
            "properties": { "keys": { "type": "string", "pattern": "^[0-9*#A-D]{1,32}$" } },
            "required": ["keys"],
            "additionalProperties": false,
        }),
    });
    if agent.transfer_to.is_some() {
        definitions.push(ToolDefinition {
            name: turn::TRANSFER_CALL.into(),
            description:
                "Hands the caller over to a human once your last words have been heard. Say so first, \
                          then call it."
                    .into(),
            parameters: json!({ "type": "object", "properties": {}, "additionalProperties": false }),
        });
    }
    definitions
}

/// What the core must know of a tool.
pub fn policy(chosen: &ChosenTool) -> ToolPolicy {
    let definition = chosen.tool.definition();
    ToolPolicy {
        name: definition.name.clone(),
        cancel_on_interruption: definition.effect != Effect::Changes,
        // The tool's own limit ends it first, and says so.
        limit: Some(definition.timeout + LIMIT_MARGIN),
        filler: None,
    }
}

/// What planning and bookkeeping around a run may take.
const LIMIT_MARGIN: std::time::Duration = std::time::Duration::from_secs(2);

fn definition(definition: &Definition) -> ToolDefinition {
    ToolDefinition {
        name: definition.name.clone(),
        description: definition.description.clone(),
        parameters: definition.parameters.clone(),
    }
}
