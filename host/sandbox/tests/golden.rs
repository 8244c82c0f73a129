//! A tool for each released version of the contract, written against exactly that version. It must pass the gate, link and
//! run on this host and on every later one. The sources are never edited: see `wit/tool/README.md`.

#![cfg(test)]

mod common;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use sandbox::{
    Answer, Context, Effect, Failure, HttpError, HttpRequest, HttpResponse, HttpSent, Level, Record,
    RecordError, Reply, RunError, SecretError, Tool, ToolHost,
};

/// The golden tools by version, oldest first.
const GOLDEN: [(&str, &str); 1] = [("0.1.0", include_str!("golden/0.1.0.wat"))];

#[test]
fn a_tool_of_every_released_version_passes_the_gate() {
    for (version, source) in GOLDEN {
        let bytes = wat::parse_str(source).unwrap();
        let limits = gate::Limits { stamp: gate::StampRule::Optional, ..gate::Limits::STANDARD };
        let report = gate::check(&bytes, &limits).unwrap_or_else(|refusal| panic!("{version}: {refusal}"));
        assert_eq!(report.contract.to_string(), version);
    }
}

#[test]
fn a_tool_of_every_released_version_says_what_it_is() {
    for (version, source) in GOLDEN {
        let tool = load(source);
        let definition = tool.definition();
        assert_eq!(definition.name, "golden", "{version}");
        assert_eq!(definition.description, "Tests");
        assert_eq!(definition.parameters, serde_json::json!({ "type": "object" }));
        assert_eq!(definition.effect, Effect::Changes);
        assert_eq!(definition.hosts, ["api.example.com"]);
        assert_eq!(definition.timeout, Duration::from_secs(3));
    }
}

#[test]
fn a_tool_of_every_released_version_uses_every_import_and_answers_in_all_parts() {
    for (version, source) in GOLDEN {
        let host = Arc::new(Everything::default());
        let answer = Answer {
            content: "content".into(),
            speech: Some("speech".into()),
            data: Some("{\"kept\":1}".into()),
            follow_up: Some("golden_next".into()),
        };
        assert_eq!(call(source, &host, "{}", false), Ok(Ok(Reply::Done(answer))), "{version}");
        let lines = host.lines.lock().unwrap();
        assert_eq!(
            *lines,
            [Level::Debug, Level::Info, Level::Warn, Level::Error].map(|level| (level, "a line".into()))
        );
        let requests = host.requests.lock().unwrap();
        let first = requests.first().unwrap();
        assert_eq!((first.method.as_str(), first.url.as_str()), ("POST", "https://api.example.com/v1"));
        assert_eq!(first.headers, [("authorization".into(), "handle of api-key".into())]);
        assert_eq!(first.body, b"one");
        assert_eq!(requests.len(), 2);
    }
}

#[test]
fn a_tool_of_every_released_version_asks_and_fails_in_every_way() {
    for (version, source) in GOLDEN {
        let host = Arc::new(Everything::default());
        assert_eq!(call(source, &host, "{ }", false), Ok(Ok(Reply::Confirm("Shall I?".into()))), "{version}");
        assert_eq!(call(source, &host, "{ }", true), Ok(Ok(Reply::text("content"))));
        for (spaces, kind) in
            ["invalid", "not-found", "conflict", "unavailable", "other"].into_iter().enumerate()
        {
            let arguments = format!("{{{}}}", " ".repeat(spaces + 2));
            let failure = Failure { kind, message: "because".into() };
            assert_eq!(call(source, &host, &arguments, false), Ok(Err(failure)));
        }
    }
}

#[test]
fn the_latest_release_has_its_golden_tool() {
    let world = include_str!("../../../wit/tool/world.wit");
    let package = format!("package voicehive:tool@{};", GOLDEN[GOLDEN.len() - 1].0);
    assert!(world.starts_with(&package), "write a golden tool for the new version");
}

fn load(source: &str) -> Tool {
    common::load(source).unwrap()
}

fn call(
    source: &str,
    host: &Arc<Everything>,
    arguments: &str,
    confirmed: bool,
) -> Result<Result<Reply, Failure>, RunError> {
    let context = Context {
        tenant: "tenant".into(),
        call_id: "call".into(),
        caller: "+34600".into(),
        idempotency_key: "key".into(),
        time_zone: "UTC".into(),
        confirmed,
        now_ms: 1_795_158_000_000,
    };
    load(source).call(&context, arguments, host.clone(), Duration::from_secs(10)).outcome
}

/// Answers everything that the golden tools ask.
#[derive(Default)]
struct Everything {
    records: Mutex<BTreeMap<String, Record>>,
    lines: Mutex<Vec<(Level, String)>>,
    requests: Mutex<Vec<HttpRequest>>,
}

impl ToolHost for Everything {
    fn get(&self, key: &str) -> Result<Option<Record>, RecordError> {
        Ok(self.records.lock().unwrap().get(key).cloned())
    }

    fn insert(&self, key: &str, value: &[u8]) -> Result<u64, RecordError> {
        let mut records = self.records.lock().unwrap();
        if records.contains_key(key) {
            return Err(RecordError::Conflict);
        }
        records.insert(key.into(), Record { key: key.into(), value: value.into(), version: 1 });
        Ok(1)
    }

    fn replace(&self, key: &str, value: &[u8], version: u64) -> Result<u64, RecordError> {
        let mut records = self.records.lock().unwrap();
        let record = records.get_mut(key).filter(|record| record.version == version);
        let record = record.ok_or(RecordError::Conflict)?;
        *record = Record { value: value.into(), version: version + 1, ..record.clone() };
        Ok(record.version)
    }

    fn remove(&self, key: &str, version: u64) -> Result<(), RecordError> {
        let mut records = self.records.lock().unwrap();
        match records.get(key) {
            Some(record) if record.version == version => drop(records.remove(key)),
            _ => return Err(RecordError::Conflict),
        }
        Ok(())
    }

    fn list(&self, prefix: &str, _: Option<&str>, _: u32) -> Result<Vec<Record>, RecordError> {
        let records = self.records.lock().unwrap();
        Ok(records.values().filter(|record| record.key.starts_with(prefix)).cloned().collect())
    }

    fn send(&self, request: HttpRequest, _: Duration) -> HttpSent {
        let known = request.url == "https://api.example.com/v1";
        self.requests.lock().unwrap().push(request);
        if !known {
            return HttpSent::nothing(HttpError::Denied("not declared".into()));
        }
        let headers = vec![("content-type".into(), "text/plain".into())];
        HttpSent { response: Ok(HttpResponse { status: 201, headers, body: b"yes".into() }), bytes: 300 }
    }

    fn secret(&self, name: &str) -> Result<String, SecretError> {
        (name == "api-key").then(|| format!("handle of {name}")).ok_or(SecretError::Unknown)
    }

    fn log(&self, level: Level, message: &str) {
        self.lines.lock().unwrap().push((level, message.into()));
    }
}
