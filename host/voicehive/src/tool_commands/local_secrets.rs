//! Secrets for a run on a tool's author's machine, from a file of their own.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Context as _;
use egress::{Host, Secret};
use serde::Deserialize;

/// The most that is read of a file: more than 32 secrets of the longest.
const MAX_FILE_BYTES: u64 = 256 << 10;

/// A secret as the file has it, and as the API takes it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    host: String,
    value: String,
}

/// What the file looks like.
const HINT: &str = "hint: `{\"api-key\": {\"host\": \"api.example.com\", \"value\": \"..\"}}`";

/// The secrets of a file, by name. No error holds a value.
///
/// # Errors
/// Where there is no such file, or a secret in it is none.
pub fn load(path: &Path) -> anyhow::Result<Vec<Secret>> {
    let reading = || format!("reading {}", path.display());
    let size = std::fs::metadata(path).with_context(reading)?.len();
    anyhow::ensure!(size <= MAX_FILE_BYTES, "{} is too large", path.display());
    let text = std::fs::read_to_string(path).with_context(reading)?;
    read(&text).with_context(|| format!("{} holds no secrets", path.display()))
}

fn read(text: &str) -> anyhow::Result<Vec<Secret>> {
    // The parser's own words may repeat a value.
    let written: BTreeMap<String, Written> = serde_json::from_str(text)
        .map_err(|error| anyhow::anyhow!("line {}, column {} ({HINT})", error.line(), error.column()))?;
    let secrets = written.into_iter().map(|(name, Written { host, value })| {
        let host = Host::parse(&host).with_context(|| format!("the host of `{name}`"))?;
        Secret::new(&name, host, &value).with_context(|| format!("the secret `{name}`"))
    });
    secrets.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_read_as_the_api_takes_them() {
        let secrets = read(r#"{"api-key": {"host": "api.example.com", "value": "top-secret"}}"#).unwrap();
        assert_eq!(secrets.len(), 1);
        assert_eq!(
            (secrets[0].name(), secrets[0].host().to_string().as_str()),
            ("api-key", "api.example.com")
        );
    }

    #[test]
    fn an_error_says_where_and_never_what() {
        for text in [
            r#"{"api-key": "top-secret"}"#,
            r#"{"api-key": {"host": "api.example.com", "value": "top-secret", "top-secret": 1}}"#,
            r#"{"api-key": {"host": "127.0.0.1", "value": "top-secret"}}"#,
            r#"{"api-key": {"host": "api.example.com", "value": "top-secret\u0007"}}"#,
            r#"{"API key": {"host": "api.example.com", "value": "top-secret"}}"#,
        ] {
            let said = format!("{:#}", read(text).unwrap_err());
            assert!(!said.contains("top-secret"), "{said}");
            assert!(
                said.contains("line 1") || said.contains("`api-key`") || said.contains("`API key`"),
                "{said}"
            );
        }
    }
}
