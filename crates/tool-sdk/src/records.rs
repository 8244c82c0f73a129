//! The tenant's records, as a trait so that logic can be tested natively.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::{Mutex, PoisonError};

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::Failure;
pub use crate::bindings::voicehive::tool::records::{Entry, Error};

/// Records that belong to the tenant and outlive the call. See `wit/tool`.
pub trait Records {
    /// The record under `key`.
    ///
    /// # Errors
    /// As the interface says.
    fn get(&self, key: &str) -> Result<Option<Entry>, Error>;
    /// Stores a value under a key that must not exist.
    ///
    /// # Errors
    /// [`Error::Conflict`] where the key exists.
    fn insert(&self, key: &str, value: &[u8]) -> Result<u64, Error>;
    /// Replaces the value of that version.
    ///
    /// # Errors
    /// [`Error::Conflict`] where another version is stored.
    fn replace(&self, key: &str, value: &[u8], version: u64) -> Result<u64, Error>;
    /// Removes the value of that version.
    ///
    /// # Errors
    /// [`Error::Conflict`] where another version is stored.
    fn remove(&self, key: &str, version: u64) -> Result<(), Error>;
    /// Records by prefix in key order, after a key.
    ///
    /// # Errors
    /// As the interface says.
    fn list(&self, prefix: &str, after: Option<&str>, limit: u32) -> Result<Vec<Entry>, Error>;

    /// The record under `key` as `T`, with its version.
    ///
    /// # Errors
    /// A [`Failure`] for the model where the store or the stored value is at fault.
    fn read<T: DeserializeOwned>(&self, key: &str) -> Result<Option<(T, u64)>, Failure> {
        let Some(entry) = self.get(key).map_err(failure)? else {
            return Ok(None);
        };
        parse(&entry).map(|value| Some((value, entry.version)))
    }

    /// Inserts `value` as JSON; whether the key was free.
    ///
    /// # Errors
    /// A [`Failure`] for the model where the store is at fault.
    fn insert_json<T: Serialize>(&self, key: &str, value: &T) -> Result<bool, Failure> {
        match self.insert(key, &json(value)?) {
            Ok(_) => Ok(true),
            Err(Error::Conflict) => Ok(false),
            Err(error) => Err(failure(error)),
        }
    }

    /// Replaces the value of that version with `value` as JSON; whether it was
    /// still that version.
    ///
    /// # Errors
    /// A [`Failure`] for the model where the store is at fault.
    fn replace_json<T: Serialize>(&self, key: &str, value: &T, version: u64) -> Result<bool, Failure> {
        match self.replace(key, &json(value)?, version) {
            Ok(_) => Ok(true),
            Err(Error::Conflict) => Ok(false),
            Err(error) => Err(failure(error)),
        }
    }
}

/// The value of `entry` as `T`.
///
/// # Errors
/// A [`Failure`] for the model where it is not one.
pub fn parse<T: DeserializeOwned>(entry: &Entry) -> Result<T, Failure> {
    serde_json::from_slice(&entry.value)
        .map_err(|_| Failure::Other(format!("the record {} is damaged", entry.key)))
}

/// What the model is told of an error of the store.
pub fn failure(error: Error) -> Failure {
    match error {
        Error::Invalid(why) => Failure::Invalid(why),
        Error::Conflict => Failure::Conflict("somebody else changed it at the same moment; try again".into()),
        Error::QuotaExceeded => Failure::Unavailable("the storage is full; a human has to make room".into()),
        Error::Unavailable => Failure::Unavailable("the records cannot be reached at the moment".into()),
    }
}

fn json<T: Serialize>(value: &T) -> Result<Vec<u8>, Failure> {
    serde_json::to_vec(value).map_err(|error| Failure::Other(error.to_string()))
}

/// The host's records. Only inside a component.
#[derive(Clone, Copy, Debug, Default)]
pub struct Host;

impl Records for Host {
    fn get(&self, key: &str) -> Result<Option<Entry>, Error> {
        crate::bindings::voicehive::tool::records::get(key)
    }

    fn insert(&self, key: &str, value: &[u8]) -> Result<u64, Error> {
        crate::bindings::voicehive::tool::records::insert(key, value)
    }

    fn replace(&self, key: &str, value: &[u8], version: u64) -> Result<u64, Error> {
        crate::bindings::voicehive::tool::records::replace(key, value, version)
    }

    fn remove(&self, key: &str, version: u64) -> Result<(), Error> {
        crate::bindings::voicehive::tool::records::remove(key, version)
    }

    fn list(&self, prefix: &str, after: Option<&str>, limit: u32) -> Result<Vec<Entry>, Error> {
        crate::bindings::voicehive::tool::records::list_by_prefix(prefix, after, limit)
    }
}

/// The longest key, in bytes.
const MAX_KEY_BYTES: usize = 256;
/// The largest value, in bytes.
const MAX_VALUE_BYTES: usize = 64 << 10;
/// The most records of one listing.
const MAX_LISTED: u32 = 200;

/// Records in memory, with the host's semantics; for native tests.
#[derive(Debug, Default)]
pub struct InMemory {
    entries: Mutex<BTreeMap<String, Entry>>,
}

fn check_key(key: &str) -> Result<(), Error> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"_.:/+-".contains(&byte);
    match (1..=MAX_KEY_BYTES).contains(&key.len()) && key.bytes().all(allowed) {
        true => Ok(()),
        false => {
            Err(Error::Invalid(format!("`{key}` is not 1 to {MAX_KEY_BYTES} bytes of [a-zA-Z0-9_.:/+-]")))
        }
    }
}

fn check_value(value: &[u8]) -> Result<(), Error> {
    match value.len() <= MAX_VALUE_BYTES {
        true => Ok(()),
        false => {
            Err(Error::Invalid(format!("a value has at most {MAX_VALUE_BYTES} bytes, not {}", value.len())))
        }
    }
}

impl InMemory {
    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, Entry>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Records for InMemory {
    fn get(&self, key: &str) -> Result<Option<Entry>, Error> {
        check_key(key)?;
        Ok(self.lock().get(key).cloned())
    }

    fn insert(&self, key: &str, value: &[u8]) -> Result<u64, Error> {
        check_key(key)?;
        check_value(value)?;
        let mut entries = self.lock();
        if entries.contains_key(key) {
            return Err(Error::Conflict);
        }
        entries.insert(key.to_owned(), Entry { key: key.to_owned(), value: value.to_owned(), version: 1 });
        Ok(1)
    }

    fn replace(&self, key: &str, value: &[u8], version: u64) -> Result<u64, Error> {
        check_key(key)?;
        check_value(value)?;
        let mut entries = self.lock();
        let entry = entries.get_mut(key).filter(|entry| entry.version == version).ok_or(Error::Conflict)?;
        value.clone_into(&mut entry.value);
        entry.version += 1;
        Ok(entry.version)
    }

    fn remove(&self, key: &str, version: u64) -> Result<(), Error> {
        check_key(key)?;
        let mut entries = self.lock();
        if entries.get(key).is_none_or(|entry| entry.version != version) {
            return Err(Error::Conflict);
        }
        entries.remove(key);
        Ok(())
    }

    fn list(&self, prefix: &str, after: Option<&str>, limit: u32) -> Result<Vec<Entry>, Error> {
        if !(1..=MAX_LISTED).contains(&limit) {
            return Err(Error::Invalid(format!("limit {limit} is not from 1 to {MAX_LISTED}")));
        }
        [Some(prefix).filter(|prefix| !prefix.is_empty()), after]
            .into_iter()
            .flatten()
            .try_for_each(check_key)?;
        let from = after.filter(|after| *after >= prefix).map_or(Bound::Included(prefix), Bound::Excluded);
        let entries = self.lock();
        let matching = entries.range::<str, _>((from, Bound::Unbounded)).map(|(_, entry)| entry);
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        Ok(matching.take_while(|entry| entry.key.starts_with(prefix)).take(limit).cloned().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listing_goes_on_after_a_key() {
        let records = InMemory::default();
        for key in ["a/1", "a/2", "a/3", "b/1"] {
            records.insert(key, b"{}").unwrap();
        }
        let keys = |after, limit| -> Vec<String> {
            records.list("a/", after, limit).unwrap().into_iter().map(|entry| entry.key).collect()
        };
        assert_eq!(keys(None, 2), ["a/1", "a/2"]);
        assert_eq!(keys(Some("a/2"), 2), ["a/3"]);
    }

    #[test]
    fn what_the_host_does_not_take_is_not_taken_here() {
        let records = InMemory::default();
        let long = "k".repeat(257);
        for key in ["", "a b", "é", long.as_str()] {
            assert!(matches!(records.get(key), Err(Error::Invalid(_))), "{key:?}");
            assert!(matches!(records.insert(key, b""), Err(Error::Invalid(_))), "{key:?}");
        }
        assert!(matches!(records.insert("k", &[0; (64 << 10) + 1]), Err(Error::Invalid(_))));
        for limit in [0, 201] {
            assert!(matches!(records.list("", None, limit), Err(Error::Invalid(_))), "{limit}");
        }
        assert!(records.list("", None, 200).unwrap().is_empty());
    }

    #[test]
    fn only_the_stored_version_is_replaced() {
        let records = InMemory::default();
        assert_eq!(records.insert("k", b"1").unwrap(), 1);
        assert_eq!(records.replace("k", b"2", 1).unwrap(), 2);
        assert!(matches!(records.replace("k", b"3", 1), Err(Error::Conflict)));
        assert!(matches!(records.remove("k", 1), Err(Error::Conflict)));
        records.remove("k", 2).unwrap();
        assert!(records.get("k").unwrap().is_none());
    }
}
