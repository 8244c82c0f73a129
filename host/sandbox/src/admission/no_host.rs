//! What stands behind a tool's imports while it describes itself: nothing.

use std::time::Duration;

use crate::tool_host::{HttpError, HttpRequest, HttpSent, Level, Record, RecordError, SecretError, ToolHost};

/// Has nothing, and keeps nothing.
pub(super) struct NoHost;

impl ToolHost for NoHost {
    fn get(&self, _: &str) -> Result<Option<Record>, RecordError> {
        Err(RecordError::Unavailable)
    }

    fn insert(&self, _: &str, _: &[u8]) -> Result<u64, RecordError> {
        Err(RecordError::Unavailable)
    }

    fn replace(&self, _: &str, _: &[u8], _: u64) -> Result<u64, RecordError> {
        Err(RecordError::Unavailable)
    }

    fn remove(&self, _: &str, _: u64) -> Result<(), RecordError> {
        Err(RecordError::Unavailable)
    }

    fn list(&self, _: &str, _: Option<&str>, _: u32) -> Result<Vec<Record>, RecordError> {
        Err(RecordError::Unavailable)
    }

    fn send(&self, _: HttpRequest, _: Duration) -> HttpSent {
        HttpSent::nothing(HttpError::Denied("not while describing".into()))
    }

    fn secret(&self, _: &str) -> Result<String, SecretError> {
        Err(SecretError::Unavailable)
    }

    fn log(&self, _: Level, _: &str) {}
}
