//! What a tool may ask of the host, and who answers.

use std::sync::Arc;
use std::time::Duration;

use crate::bindings::tool::voicehive::tool::{clock, http, log, records, secrets};
use crate::limits::{Meter, ToolLimits};

/// A stored value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Its key.
    pub key: String,
    /// Its bytes.
    pub value: Vec<u8>,
    /// Grows with every change, from 1.
    pub version: u64,
}

/// Why a record was not read or written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RecordError {
    /// Not as the interface allows; says how.
    #[error("{0}")]
    Invalid(String),
    /// Another version is stored.
    #[error("another version is stored")]
    Conflict,
    /// The tenant's storage is full.
    #[error("the tenant's storage is full")]
    QuotaExceeded,
    /// The store did not answer.
    #[error("the store did not answer")]
    Unavailable,
}

/// An HTTP request of a tool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpRequest {
    /// The method, upper case.
    pub method: String,
    /// The absolute URL.
    pub url: String,
    /// Header fields.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

/// The answer to an [`HttpRequest`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpResponse {
    /// The status.
    pub status: u16,
    /// Header fields.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

/// Why there is no [`HttpResponse`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HttpError {
    /// The host was not declared, or its address is not public.
    #[error("denied: {0}")]
    Denied(String),
    /// The request is malformed or too large.
    #[error("invalid: {0}")]
    Invalid(String),
    /// No answer in time.
    #[error("no answer in time")]
    Timeout,
    /// The response is larger than allowed.
    #[error("the response is too large")]
    TooLarge,
    /// The connection failed.
    #[error("failed: {0}")]
    Failed(String),
}

/// What became of an [`HttpRequest`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpSent {
    /// The response, or why there is none.
    pub response: Result<HttpResponse, HttpError>,
    /// Bytes on the wire in both directions, TLS included, whatever the response.
    pub bytes: u64,
}

impl HttpSent {
    /// Nothing was sent, because of `error`.
    pub fn nothing(error: HttpError) -> Self {
        Self { response: Err(error), bytes: 0 }
    }
}

/// How much a tool's log line matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// For the author only.
    Debug,
    /// Ordinary.
    Info,
    /// Unusual.
    Warn,
    /// Broken.
    Error,
}

/// What stands behind a tool's imports. Calls block; tools run off the I/O
/// threads. An implementation serves one tenant and can reach no other.
pub trait ToolHost: Send + Sync {
    /// The record under `key`.
    ///
    /// # Errors
    /// As the interface says.
    fn get(&self, key: &str) -> Result<Option<Record>, RecordError>;
    /// Stores a value under a key that must not exist.
    ///
    /// # Errors
    /// As the interface says.
    fn insert(&self, key: &str, value: &[u8]) -> Result<u64, RecordError>;
    /// Replaces the value of that version.
    ///
    /// # Errors
    /// As the interface says.
    fn replace(&self, key: &str, value: &[u8], version: u64) -> Result<u64, RecordError>;
    /// Removes the value of that version.
    ///
    /// # Errors
    /// As the interface says.
    fn remove(&self, key: &str, version: u64) -> Result<(), RecordError>;
    /// Records by prefix, in key order.
    ///
    /// # Errors
    /// As the interface says.
    fn list(&self, prefix: &str, after: Option<&str>, limit: u32) -> Result<Vec<Record>, RecordError>;
    /// Sends a request, to a declared and public host only, within `timeout`.
    fn send(&self, request: HttpRequest, timeout: Duration) -> HttpSent;
    /// The handle of the secret `name`, if the tenant stored one of that name for
    /// this tool. The secret itself never comes this way.
    fn secret(&self, name: &str) -> Option<String>;
    /// Keeps a log line.
    fn log(&self, level: Level, message: &str);
}

/// The state of one call of a tool.
pub(crate) struct CallState {
    pub(crate) meter: Meter,
    host: Arc<dyn ToolHost>,
    limits: ToolLimits,
    now_ms: u64,
    log_bytes: usize,
    http_requests: u32,
}

/// The longest key of a record, in bytes.
const MAX_KEY_BYTES: usize = 256;
/// The largest value of a record.
const MAX_VALUE_BYTES: usize = 64 << 10;
/// The most records of one listing.
const MAX_LISTED: u32 = 200;
/// The largest body of an HTTP request.
const MAX_HTTP_BODY_BYTES: usize = 256 << 10;
/// The longest name of a secret, in bytes.
const MAX_SECRET_NAME_BYTES: usize = 64;
/// The longest log line.
const MAX_LINE_BYTES: usize = 1024;
/// How long one HTTP request may take.
const HTTP_TIMEOUT: Duration = Duration::from_secs(10);

impl CallState {
    pub(crate) fn new(host: Arc<dyn ToolHost>, limits: ToolLimits, now_ms: u64) -> Self {
        Self {
            meter: Meter::new(limits.memory_bytes, limits.table_elements),
            host,
            limits,
            now_ms,
            log_bytes: 0,
            http_requests: 0,
        }
    }
}

impl records::Host for CallState {
    fn get(&mut self, key: String) -> wasmtime::Result<Result<Option<records::Entry>, records::Error>> {
        Ok(check_key(&key).and_then(|()| Ok(self.host.get(&key)?.map(entry))))
    }

    fn insert(&mut self, key: String, value: Vec<u8>) -> wasmtime::Result<Result<u64, records::Error>> {
        Ok(check_key(&key)
            .and_then(|()| check_value(&value))
            .and_then(|()| Ok(self.host.insert(&key, &value)?)))
    }

    fn replace(
        &mut self,
        key: String,
        value: Vec<u8>,
        version: u64,
    ) -> wasmtime::Result<Result<u64, records::Error>> {
        Ok(check_key(&key)
            .and_then(|()| check_value(&value))
            .and_then(|()| Ok(self.host.replace(&key, &value, version)?)))
    }

    fn remove(&mut self, key: String, version: u64) -> wasmtime::Result<Result<(), records::Error>> {
        Ok(check_key(&key).and_then(|()| Ok(self.host.remove(&key, version)?)))
    }

    fn list_by_prefix(
        &mut self,
        prefix: String,
        after: Option<String>,
        limit: u32,
    ) -> wasmtime::Result<Result<Vec<records::Entry>, records::Error>> {
        if limit == 0 || limit > MAX_LISTED {
            return Ok(Err(records::Error::Invalid(format!("limit {limit} is not from 1 to {MAX_LISTED}"))));
        }
        let keys = [Some(prefix.as_str()).filter(|prefix| !prefix.is_empty()), after.as_deref()];
        for key in keys.into_iter().flatten() {
            if let Err(error) = check_key(key) {
                return Ok(Err(error));
            }
        }
        let listed = self.host.list(&prefix, after.as_deref(), limit);
        Ok(listed.map(|records| records.into_iter().map(entry).collect()).map_err(records::Error::from))
    }
}

impl clock::Host for CallState {
    fn now(&mut self) -> wasmtime::Result<u64> {
        Ok(self.now_ms)
    }
}

impl log::Host for CallState {
    fn write(&mut self, level: log::Level, message: String) -> wasmtime::Result<()> {
        let line =
            truncate(&message, MAX_LINE_BYTES.min(self.limits.log_bytes.saturating_sub(self.log_bytes)));
        if line.is_empty() {
            return Ok(());
        }
        self.log_bytes += line.len();
        let level = match level {
            log::Level::Debug => Level::Debug,
            log::Level::Info => Level::Info,
            log::Level::Warn => Level::Warn,
            log::Level::Error => Level::Error,
        };
        self.host.log(level, line);
        Ok(())
    }
}

impl http::Host for CallState {
    fn send(&mut self, request: http::Request) -> wasmtime::Result<Result<http::Response, http::Error>> {
        if self.http_requests >= self.limits.http_requests {
            let most = self.limits.http_requests;
            return Ok(Err(http::Error::Invalid(format!("a call may send {most} requests"))));
        }
        if request.body.len() > MAX_HTTP_BODY_BYTES {
            return Ok(Err(http::Error::Invalid(format!("a body may have {MAX_HTTP_BODY_BYTES} bytes"))));
        }
        self.http_requests += 1;
        let request = HttpRequest {
            method: request.method,
            url: request.url,
            headers: request.headers,
            body: request.body,
        };
        let sent = self.host.send(request, HTTP_TIMEOUT.min(self.limits.timeout));
        Ok(sent
            .response
            .map(|response| http::Response {
                status: response.status,
                headers: response.headers,
                body: response.body,
            })
            .map_err(http::Error::from))
    }
}

impl secrets::Host for CallState {
    fn handle(&mut self, name: String) -> wasmtime::Result<Result<String, secrets::Error>> {
        // A name that cannot be one is not asked for.
        let known = if is_secret_name(&name) { self.host.secret(&name) } else { None };
        Ok(known.ok_or(secrets::Error::Unknown))
    }
}

impl From<RecordError> for records::Error {
    fn from(error: RecordError) -> Self {
        match error {
            RecordError::Invalid(why) => Self::Invalid(why),
            RecordError::Conflict => Self::Conflict,
            RecordError::QuotaExceeded => Self::QuotaExceeded,
            RecordError::Unavailable => Self::Unavailable,
        }
    }
}

impl From<HttpError> for http::Error {
    fn from(error: HttpError) -> Self {
        match error {
            HttpError::Denied(why) => Self::Denied(why),
            HttpError::Invalid(why) => Self::Invalid(why),
            HttpError::Timeout => Self::Timeout,
            HttpError::TooLarge => Self::TooLarge,
            HttpError::Failed(why) => Self::Failed(why),
        }
    }
}

fn entry(record: Record) -> records::Entry {
    records::Entry { key: record.key, value: record.value, version: record.version }
}

fn check_key(key: &str) -> Result<(), records::Error> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"_.:/+-".contains(&byte);
    if key.is_empty() || key.len() > MAX_KEY_BYTES {
        return Err(records::Error::Invalid(format!(
            "a key has 1 to {MAX_KEY_BYTES} bytes, not {}",
            key.len()
        )));
    }
    match key.bytes().find(|byte| !allowed(*byte)) {
        Some(byte) => Err(records::Error::Invalid(format!(
            "a key may not hold byte 0x{byte:02x}; use a-z A-Z 0-9 _ . : / + -"
        ))),
        None => Ok(()),
    }
}

fn check_value(value: &[u8]) -> Result<(), records::Error> {
    if value.len() <= MAX_VALUE_BYTES {
        return Ok(());
    }
    Err(records::Error::Invalid(format!("a value has at most {MAX_VALUE_BYTES} bytes, not {}", value.len())))
}

fn is_secret_name(text: &str) -> bool {
    (1..=MAX_SECRET_NAME_BYTES).contains(&text.len())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_-".contains(&byte))
}

/// The longest beginning of `text` that has at most `bytes` bytes.
fn truncate(text: &str, bytes: usize) -> &str {
    let end = (0..=bytes.min(text.len())).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
    text.get(..end).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_cannot_reach_outside_their_alphabet() {
        for key in ["", "a b", "a\0b", "é", "a%2f", &"k".repeat(257)] {
            assert!(check_key(key).is_err(), "{key:?}");
        }
        assert!(check_key("appointments/2026-11-24T15:00+A-1_x.y").is_ok());
    }

    #[test]
    fn a_line_is_cut_between_characters() {
        assert_eq!(truncate("añb", 2), "a");
        assert_eq!(truncate("añb", 3), "añ");
        assert_eq!(truncate("ab", 9), "ab");
    }
}
