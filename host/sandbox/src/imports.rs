//! The imports of one call of a tool: what is asked is checked, bounded, counted, and handed on.

use std::sync::Arc;
use std::time::Duration;

use crate::bindings::tool::voicehive::tool::{clock, http, log, records, secrets};
use crate::finished::Spent;
use crate::limits::{Meter, ToolLimits};
use crate::runtime::{Account, Ended};
use crate::tool_host::{HttpError, HttpRequest, Level, Record, RecordError, SecretError, ToolHost};

/// The state of one call of a tool.
pub(crate) struct CallState {
    pub(crate) meter: Meter,
    pub(crate) account: Account,
    host: Arc<dyn ToolHost>,
    limits: ToolLimits,
    now_ms: u64,
    record_calls: u32,
    record_bytes: usize,
    log_bytes: usize,
    http_requests: u32,
    egress_bytes: u64,
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
    pub(crate) fn new(host: Arc<dyn ToolHost>, limits: ToolLimits, now_ms: u64, account: Account) -> Self {
        Self {
            meter: Meter::new(limits.memory_bytes, limits.table_elements, limits.core_instances),
            account,
            host,
            limits,
            now_ms,
            record_calls: 0,
            record_bytes: 0,
            log_bytes: 0,
            http_requests: 0,
            egress_bytes: 0,
        }
    }

    /// What the call has used so far; `fuel` where the engine counts it.
    pub(crate) fn spent(&self, fuel: Option<u64>) -> Spent {
        Spent {
            waited: self.account.waited(),
            guest: self.account.guest(),
            host: self.account.host(),
            memory_bytes: self.meter.memory_bytes(),
            fuel,
            http_requests: self.http_requests,
            egress_bytes: self.egress_bytes,
            log_bytes: self.log_bytes,
        }
    }

    /// Asks the store, once the question is known to be a good one. It hands over `written` bytes; `read`
    /// says how many there are in the answer.
    fn ask_store<R>(
        &mut self,
        check: Result<(), records::Error>,
        written: usize,
        ask: impl FnOnce(&dyn ToolHost) -> Result<R, RecordError>,
        read: impl FnOnce(&R) -> usize,
    ) -> wasmtime::Result<Result<R, records::Error>> {
        let counted = check
            .and_then(|()| self.check_record_bytes())
            .and_then(|()| self.count_record_call().map_err(records::Error::Invalid));
        if let Err(error) = counted {
            return Ok(Err(error));
        }
        self.record_bytes = self.record_bytes.saturating_add(written);
        let host = self.host.clone();
        let answer = self.account.outside(|_| ask(&*host)).map_err(ended)?;
        self.record_bytes = self.record_bytes.saturating_add(answer.as_ref().map_or(0, read));
        Ok(answer.map_err(records::Error::from))
    }

    /// What the store does for a tool is not the guest's processor time, so it is bounded by number and by bytes.
    fn count_record_call(&mut self) -> Result<(), String> {
        let most = self.limits.record_calls;
        if self.record_calls >= most {
            return Err(format!("a call may ask for records and secrets {most} times"));
        }
        self.record_calls += 1;
        Ok(())
    }

    fn check_record_bytes(&self) -> Result<(), records::Error> {
        let most = self.limits.record_bytes;
        if self.record_bytes < most {
            return Ok(());
        }
        Err(records::Error::Invalid(format!("a call may read and write {most} bytes of records")))
    }

    /// Whether one more request may be sent.
    fn check_request(&self, request: &http::Request) -> Result<(), http::Error> {
        let limits = &self.limits;
        let invalid = |why| Err(http::Error::Invalid(why));
        if self.http_requests >= limits.http_requests {
            return invalid(format!("a call may send {} requests", limits.http_requests));
        }
        if self.egress_bytes >= limits.egress_bytes {
            return invalid(format!("a call may move {} bytes by HTTP", limits.egress_bytes));
        }
        if request.body.len() > MAX_HTTP_BODY_BYTES {
            return invalid(format!("a body may have {MAX_HTTP_BODY_BYTES} bytes"));
        }
        Ok(())
    }
}

fn ended(ended: Ended) -> wasmtime::Error {
    wasmtime::Error::new(ended)
}

impl records::Host for CallState {
    fn get(&mut self, key: String) -> wasmtime::Result<Result<Option<records::Entry>, records::Error>> {
        let read = |found: &Option<Record>| found.as_ref().map_or(0, record_bytes);
        let found = self.ask_store(check_key(&key), 0, |host| host.get(&key), read)?;
        Ok(found.map(|record| record.map(entry)))
    }

    fn insert(&mut self, key: String, value: Vec<u8>) -> wasmtime::Result<Result<u64, records::Error>> {
        let check = check_key(&key).and_then(|()| check_value(&value));
        self.ask_store(check, key.len() + value.len(), |host| host.insert(&key, &value), |_| 0)
    }

    fn replace(
        &mut self,
        key: String,
        value: Vec<u8>,
        version: u64,
    ) -> wasmtime::Result<Result<u64, records::Error>> {
        let check = check_key(&key).and_then(|()| check_value(&value));
        self.ask_store(check, key.len() + value.len(), |host| host.replace(&key, &value, version), |_| 0)
    }

    fn remove(&mut self, key: String, version: u64) -> wasmtime::Result<Result<(), records::Error>> {
        self.ask_store(check_key(&key), key.len(), |host| host.remove(&key, version), |_| 0)
    }

    fn list_by_prefix(
        &mut self,
        prefix: String,
        after: Option<String>,
        limit: u32,
    ) -> wasmtime::Result<Result<Vec<records::Entry>, records::Error>> {
        let check = check_listing(&prefix, after.as_deref(), limit);
        let read = |listed: &Vec<Record>| listed.iter().map(record_bytes).sum::<usize>();
        let listed = self.ask_store(check, 0, |host| host.list(&prefix, after.as_deref(), limit), read)?;
        let most = self.limits.listing_bytes;
        Ok(listed.and_then(|listed| {
            check_listed(&listed, most)?;
            Ok(listed.into_iter().map(entry).collect())
        }))
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
        // A line stays one, and gives no orders to the terminal that shows it.
        let line = line.replace(char::is_control, " ");
        self.log_bytes += line.len();
        let level = match level {
            log::Level::Debug => Level::Debug,
            log::Level::Info => Level::Info,
            log::Level::Warn => Level::Warn,
            log::Level::Error => Level::Error,
        };
        self.host.log(level, &line);
        Ok(())
    }
}

impl http::Host for CallState {
    fn send(&mut self, request: http::Request) -> wasmtime::Result<Result<http::Response, http::Error>> {
        if let Err(error) = self.check_request(&request) {
            return Ok(Err(error));
        }
        self.http_requests += 1;
        let request = HttpRequest {
            method: request.method,
            url: request.url,
            headers: request.headers,
            body: request.body,
        };
        let host = self.host.clone();
        let sent =
            self.account.elsewhere(|left| host.send(request, HTTP_TIMEOUT.min(left))).map_err(ended)?;
        self.egress_bytes = self.egress_bytes.saturating_add(sent.bytes);
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
        if !is_secret_name(&name) {
            return Ok(Err(secrets::Error::Unknown));
        }
        if self.count_record_call().is_err() {
            return Ok(Err(secrets::Error::Unavailable));
        }
        // The first one waits for the store.
        let host = self.host.clone();
        let handle = self.account.outside(|_| host.secret(&name)).map_err(ended)?;
        Ok(handle.map_err(secrets::Error::from))
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

impl From<SecretError> for secrets::Error {
    fn from(error: SecretError) -> Self {
        match error {
            SecretError::Unknown => Self::Unknown,
            SecretError::Unavailable => Self::Unavailable,
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

fn record_bytes(record: &Record) -> usize {
    record.key.len() + record.value.len()
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

fn check_listing(prefix: &str, after: Option<&str>, limit: u32) -> Result<(), records::Error> {
    if limit == 0 || limit > MAX_LISTED {
        return Err(records::Error::Invalid(format!("limit {limit} is not from 1 to {MAX_LISTED}")));
    }
    [Some(prefix).filter(|prefix| !prefix.is_empty()), after].into_iter().flatten().try_for_each(check_key)
}

/// A listing that is cut short would look like the end of the records, so it is refused.
fn check_listed(listed: &[Record], most: usize) -> Result<(), records::Error> {
    let bytes: usize = listed.iter().map(record_bytes).sum();
    if bytes <= most {
        return Ok(());
    }
    let records = listed.len();
    Err(records::Error::Invalid(format!(
        "{records} records have {bytes} bytes, a listing at most {most}; list fewer at once"
    )))
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
    use crate::runtime::SystemClock;

    /// Has one record, one secret and no room.
    struct Full;

    impl ToolHost for Full {
        fn get(&self, key: &str) -> Result<Option<Record>, RecordError> {
            Ok(Some(Record { key: key.into(), value: vec![0; 9], version: 1 }))
        }
        fn insert(&self, _: &str, _: &[u8]) -> Result<u64, RecordError> {
            Err(RecordError::QuotaExceeded)
        }
        fn replace(&self, _: &str, _: &[u8], _: u64) -> Result<u64, RecordError> {
            Err(RecordError::QuotaExceeded)
        }
        fn remove(&self, _: &str, _: u64) -> Result<(), RecordError> {
            Err(RecordError::Conflict)
        }
        fn list(&self, _: &str, _: Option<&str>, _: u32) -> Result<Vec<Record>, RecordError> {
            Ok(Vec::new())
        }
        fn send(&self, _: HttpRequest, _: Duration) -> crate::HttpSent {
            crate::HttpSent::nothing(HttpError::Timeout)
        }
        fn secret(&self, name: &str) -> Result<String, SecretError> {
            match name {
                "own" => Ok("handle".into()),
                "sealed" => Err(SecretError::Unavailable),
                _ => Err(SecretError::Unknown),
            }
        }
        fn log(&self, _: Level, _: &str) {}
    }

    fn state(limits: ToolLimits) -> CallState {
        let account = Account::new(Arc::new(SystemClock::new()), Duration::MAX, Duration::MAX);
        CallState::new(Arc::new(Full), limits, 0, account)
    }

    #[test]
    fn secrets_that_cannot_be_read_are_not_said_to_be_unknown() {
        let mut state = state(ToolLimits::default());
        let mut handle = |name: &str| secrets::Host::handle(&mut state, name.into()).unwrap();
        assert!(matches!(handle("sealed"), Err(secrets::Error::Unavailable)));
        assert!(matches!(handle("other"), Err(secrets::Error::Unknown)));
    }

    #[test]
    fn secrets_count_among_the_questions_to_the_records() {
        let mut state = state(ToolLimits { record_calls: 2, ..ToolLimits::default() });
        let mut handle = |name: &str| secrets::Host::handle(&mut state, name.into()).unwrap();
        assert!(matches!(handle("No Name"), Err(secrets::Error::Unknown)), "which asks nobody");
        assert!(matches!(handle("own"), Ok(handle) if handle == "handle"));
        assert!(matches!(handle("other"), Err(secrets::Error::Unknown)));
        assert!(matches!(handle("own"), Err(secrets::Error::Unavailable)));
        let found = records::Host::get(&mut state, "a".into()).unwrap();
        assert!(matches!(found, Err(records::Error::Invalid(_))), "{found:?}");
    }

    #[test]
    fn what_is_written_counts_though_there_is_no_room_for_it() {
        let mut state = state(ToolLimits { record_bytes: 20, ..ToolLimits::default() });
        let found = records::Host::get(&mut state, "a".into()).unwrap();
        assert!(matches!(found, Ok(Some(_))), "{found:?}");
        let mut insert = || records::Host::insert(&mut state, "a".into(), vec![0; 9]).unwrap();
        assert!(matches!(insert(), Err(records::Error::QuotaExceeded)));
        assert!(matches!(insert(), Err(records::Error::Invalid(_))));
    }

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
