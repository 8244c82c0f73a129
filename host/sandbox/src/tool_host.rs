//! What a tool may ask of the host, and who answers.

use std::time::Duration;

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

/// Why there is no handle of a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SecretError {
    /// There is none of that name for this tool, or not for a host that it declares.
    #[error("there is no such secret")]
    Unknown,
    /// The secrets cannot be read.
    #[error("the secrets cannot be read")]
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
    /// The handle of the secret `name` that the tenant stored for this tool. The
    /// secret itself never comes this way.
    ///
    /// # Errors
    /// As the interface says.
    fn secret(&self, name: &str) -> Result<String, SecretError>;
    /// Keeps a log line.
    fn log(&self, level: Level, message: &str);
}
