//! Whether every setting has a file that shows what it does.

use std::collections::BTreeSet;

use serde_json::Value;
use turn::AgentConfig;

use crate::scenario::{Rule, Scenario};

/// The settings that no file of the rule changes, by their paths.
pub fn without_a_file<'a>(scenarios: impl Iterator<Item = &'a Scenario>) -> Result<BTreeSet<String>, String> {
    let mut left = BTreeSet::new();
    leaves("", &json(&AgentConfig::default())?, &mut left);
    for scenario in scenarios.filter(|scenario| scenario.rule == Rule::Settings) {
        let mut changed = BTreeSet::new();
        leaves("", &json(&scenario.agent)?, &mut changed);
        left.retain(|setting| !changed.contains(setting));
    }
    Ok(left)
}

fn json(config: &impl serde::Serialize) -> Result<Value, String> {
    serde_json::to_value(config).map_err(|error| error.to_string())
}

fn leaves(path: &str, value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(fields) => {
            fields.iter().for_each(|(key, value)| leaves(&format!("{path}.{key}"), value, found));
        }
        _ => {
            found.insert(path.trim_start_matches('.').to_owned());
        }
    }
}
