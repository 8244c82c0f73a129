//! Settings of tenants' tools.

use super::{ConfigError, Secret};
use crate::tool_secrets::SecretKeys;

/// The keys to the secrets of tools, checked.
pub(super) fn secrets_keys(texts: impl Iterator<Item = String>) -> Result<Vec<Secret>, ConfigError> {
    let keys: Vec<Secret> = texts.map(Secret::new).collect();
    match SecretKeys::new(&keys) {
        Ok(_) => Ok(keys),
        Err(error) => Err(ConfigError::Value { name: "TOOL_SECRETS_KEY", message: error.to_string() }),
    }
}
