//! Records that live in memory and, where a file is named, in that file between runs.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::path::Path;

use anyhow::Context as _;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use sandbox::{Record, RecordError};
use serde::{Deserialize, Serialize};

/// The most that is read of a file.
const MAX_FILE_BYTES: u64 = 64 << 20;

/// The records of one tenant.
#[derive(Debug, Default)]
pub struct Records {
    entries: BTreeMap<String, Stored>,
}

/// A value as the file has it: text where it is text, so that people can read and write it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Value {
    Text(String),
    Base64(String),
}

/// A record as the file has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    version: u64,
    value: Value,
}

#[derive(Clone, Debug)]
struct Stored {
    version: u64,
    value: Vec<u8>,
}

impl Records {
    /// What the file holds; nothing where there is none.
    ///
    /// # Errors
    /// Where it is there and is not such a file.
    pub fn load(path: &Path) -> anyhow::Result<Self> {
        let reading = || format!("reading {}", path.display());
        match std::fs::metadata(path) {
            Ok(file) => anyhow::ensure!(file.len() <= MAX_FILE_BYTES, "{} is too large", path.display()),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Self::default()),
            Err(error) => return Err(error).with_context(reading),
        }
        let text = std::fs::read_to_string(path).with_context(reading)?;
        let written: BTreeMap<String, Written> = serde_json::from_str(&text).with_context(|| {
            format!("{} holds no records (hint: `{{\"key\": {{\"version\": 1, \"value\": {{\"text\": \"..\"}}}}}}`)", path.display())
        })?;
        let entries = written.into_iter().map(|(key, written)| {
            let value = match written.value {
                Value::Text(text) => text.into_bytes(),
                Value::Base64(text) => {
                    BASE64_STANDARD.decode(text).with_context(|| format!("the value of `{key}`"))?
                }
            };
            Ok((key, Stored { version: written.version, value }))
        });
        Ok(Self { entries: entries.collect::<anyhow::Result<_>>()? })
    }

    /// Writes all of them to the file, in one step.
    ///
    /// # Errors
    /// Where it cannot be written.
    pub fn save(&self, path: &Path) -> anyhow::Result<()> {
        let writing = || format!("writing {}", path.display());
        let written: BTreeMap<&String, Written> = self
            .entries
            .iter()
            .map(|(key, stored)| {
                let value = match String::from_utf8(stored.value.clone()) {
                    Ok(text) => Value::Text(text),
                    Err(_) => Value::Base64(BASE64_STANDARD.encode(&stored.value)),
                };
                (key, Written { version: stored.version, value })
            })
            .collect();
        let text = serde_json::to_string_pretty(&written).with_context(writing)?;
        let partial = path.with_extension(format!("json.{}", std::process::id()));
        std::fs::write(&partial, text + "\n").with_context(writing)?;
        std::fs::rename(&partial, path).with_context(writing)
    }

    /// The record under `key`.
    pub fn get(&self, key: &str) -> Option<Record> {
        self.entries.get(key).map(|stored| record(key, stored))
    }

    /// Stores a value under a key that must be free.
    ///
    /// # Errors
    /// Where it is not.
    pub fn insert(&mut self, key: &str, value: &[u8]) -> Result<u64, RecordError> {
        if self.entries.contains_key(key) {
            return Err(RecordError::Conflict);
        }
        self.entries.insert(key.to_owned(), Stored { version: 1, value: value.to_owned() });
        Ok(1)
    }

    /// Replaces the value of that version.
    ///
    /// # Errors
    /// Where another is stored.
    pub fn replace(&mut self, key: &str, value: &[u8], version: u64) -> Result<u64, RecordError> {
        let stored = self.entries.get_mut(key).filter(|stored| stored.version == version);
        let stored = stored.ok_or(RecordError::Conflict)?;
        value.clone_into(&mut stored.value);
        stored.version += 1;
        Ok(stored.version)
    }

    /// Removes the value of that version.
    ///
    /// # Errors
    /// Where another is stored.
    pub fn remove(&mut self, key: &str, version: u64) -> Result<(), RecordError> {
        if self.entries.get(key).is_none_or(|stored| stored.version != version) {
            return Err(RecordError::Conflict);
        }
        self.entries.remove(key);
        Ok(())
    }

    /// The records whose keys begin with `prefix`, after the key `after`, `limit` at most.
    pub fn list(&self, prefix: &str, after: Option<&str>, limit: u32) -> Vec<Record> {
        let from = after.filter(|after| *after >= prefix).map_or(Bound::Included(prefix), Bound::Excluded);
        let found = self.entries.range::<str, _>((from, Bound::Unbounded));
        let found = found.take_while(|(key, _)| key.starts_with(prefix));
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        found.take(limit).map(|(key, stored)| record(key, stored)).collect()
    }
}

fn record(key: &str, stored: &Stored) -> Record {
    Record { key: key.to_owned(), value: stored.value.clone(), version: stored.version }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_run_stores_is_there_for_the_next() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("records.json");
        let mut records = Records::load(&path).unwrap();
        records.insert("a/1", b"text").unwrap();
        records.insert("a/2", b"\xff").unwrap();
        assert_eq!(records.replace("a/1", b"more", 1), Ok(2));
        records.save(&path).unwrap();
        let again = Records::load(&path).unwrap();
        assert_eq!(again.get("a/1"), records.get("a/1"));
        assert_eq!(again.get("a/2").unwrap().value, b"\xff");
        assert!(std::fs::read_to_string(&path).unwrap().contains(r#""text": "more""#));
    }

    #[test]
    fn of_two_writers_the_one_who_read_last_wins() {
        let mut records = Records::default();
        records.insert("k", b"1").unwrap();
        assert_eq!(records.insert("k", b"2"), Err(RecordError::Conflict));
        assert_eq!(records.replace("k", b"2", 2), Err(RecordError::Conflict));
        assert_eq!(records.remove("k", 2), Err(RecordError::Conflict));
        records.remove("k", 1).unwrap();
        assert_eq!(records.remove("k", 1), Err(RecordError::Conflict));
    }

    #[test]
    fn a_listing_goes_on_after_a_key() {
        let mut records = Records::default();
        for key in ["a/1", "a/2", "a/3", "b/1"] {
            records.insert(key, b"").unwrap();
        }
        let keys = |after, limit| -> Vec<String> {
            records.list("a/", after, limit).into_iter().map(|record| record.key).collect()
        };
        assert_eq!(keys(None, 2), ["a/1", "a/2"]);
        assert_eq!(keys(Some("a/2"), 9), ["a/3"]);
        assert_eq!(keys(Some("A"), 1), ["a/1"]);
    }

    #[test]
    fn another_file_is_not_taken_for_records() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("package.json");
        std::fs::write(&path, r#"{"name": "x"}"#).unwrap();
        assert!(Records::load(&path).unwrap_err().to_string().contains("holds no records"));
    }
}
