//! A host with records in memory, one secret, and one answer to every request.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::Duration;

use sandbox::{
    HttpError, HttpRequest, HttpResponse, HttpSent, Level, Record, RecordError, SecretError, ToolHost,
};

/// What stands behind the imports.
#[derive(Default)]
pub struct Office {
    records: Mutex<BTreeMap<String, Vec<u8>>>,
    answer: Option<Result<HttpResponse, HttpError>>,
    requests: Mutex<Vec<HttpRequest>>,
    lines: Mutex<Vec<String>>,
}

impl Office {
    /// Answers every request with `status` and `body`.
    pub fn answering(status: u16, body: &str) -> Self {
        let response = HttpResponse { status, headers: Vec::new(), body: body.into() };
        Self { answer: Some(Ok(response)), ..Self::default() }
    }

    /// Answers no request.
    pub fn failing(error: HttpError) -> Self {
        Self { answer: Some(Err(error)), ..Self::default() }
    }

    /// The requests so far.
    pub fn requests(&self) -> Vec<HttpRequest> {
        self.requests.lock().unwrap().clone()
    }

    /// The log's lines so far.
    pub fn lines(&self) -> Vec<String> {
        self.lines.lock().unwrap().clone()
    }

    /// The keys of what is stored.
    pub fn keys(&self) -> Vec<String> {
        self.records.lock().unwrap().keys().cloned().collect()
    }
}

impl ToolHost for Office {
    fn get(&self, key: &str) -> Result<Option<Record>, RecordError> {
        Ok(self.records.lock().unwrap().get_key_value(key).map(record))
    }

    fn insert(&self, key: &str, value: &[u8]) -> Result<u64, RecordError> {
        let mut records = self.records.lock().unwrap();
        if records.contains_key(key) {
            return Err(RecordError::Conflict);
        }
        records.insert(key.into(), value.into());
        Ok(1)
    }

    fn replace(&self, _: &str, _: &[u8], _: u64) -> Result<u64, RecordError> {
        Err(RecordError::Unavailable)
    }

    fn remove(&self, _: &str, _: u64) -> Result<(), RecordError> {
        Err(RecordError::Unavailable)
    }

    fn list(&self, prefix: &str, _: Option<&str>, limit: u32) -> Result<Vec<Record>, RecordError> {
        let records = self.records.lock().unwrap();
        Ok(records
            .iter()
            .filter(|(key, _)| key.starts_with(prefix))
            .take(limit as usize)
            .map(record)
            .collect())
    }

    fn send(&self, request: HttpRequest, _: Duration) -> HttpSent {
        self.requests.lock().unwrap().push(request);
        match &self.answer {
            Some(response) => HttpSent { response: response.clone(), bytes: 500 },
            None => HttpSent::nothing(HttpError::Denied("not declared".into())),
        }
    }

    fn secret(&self, name: &str) -> Result<String, SecretError> {
        (name == "shop-key").then(|| format!("<handle of {name}>")).ok_or(SecretError::Unknown)
    }

    fn log(&self, _: Level, message: &str) {
        self.lines.lock().unwrap().push(message.into());
    }
}

fn record((key, value): (&String, &Vec<u8>)) -> Record {
    Record { key: key.clone(), value: value.clone(), version: 1 }
}
