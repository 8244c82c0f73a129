//! Tools in every language: the examples, as `cargo xtask tools` built them, are admitted in their tier and called.

#![cfg(test)]

mod common;
#[path = "languages/office.rs"]
mod office;

use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use office::Office;
use sandbox::{Admission, Admitted, Context, Effect, Failure, HotEngine, HttpError, Reply, RunError, Tier};
use serde_json::{Value, json};

/// Keeps what is compiled beside the tools, for the next run: an interpreter takes its time.
static ADMISSION: LazyLock<Admission> = LazyLock::new(|| {
    let engine = HotEngine::new().unwrap().with_cache(&folder().join("compiled"));
    Admission::new(&engine, common::compiler())
});
static ORDER_STATUS: LazyLock<Admitted> = LazyLock::new(|| admitted("order-status", Tier::Standard));
static PRICE_QUOTE: LazyLock<Admitted> = LazyLock::new(|| admitted("price-quote", Tier::Large));
static CALENDAR: LazyLock<Admitted> = LazyLock::new(|| admitted("calendar", Tier::Large));

/// 2026-11-23T08:00:00Z, a Monday; in Madrid it is nine.
const NOW_MS: u64 = 1_795_420_800_000;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/tools-examples")
}

fn built(name: &str) -> Vec<u8> {
    let path = folder().join(name).with_extension("wasm");
    std::fs::read(&path).unwrap_or_else(|error| {
        panic!("{}: {error}; build the example tools first: cargo xtask tools", path.display())
    })
}

fn admitted(name: &str, tier: Tier) -> Admitted {
    let bytes = built(name);
    let admitted = ADMISSION.admit(&bytes, tier).unwrap_or_else(|refusal| panic!("{name}: {refusal}"));
    println!("{name}: {} bytes, {:?}", bytes.len(), admitted.measured);
    admitted
}

fn call(tool: &Admitted, office: &Arc<Office>, arguments: &Value, key: &str, confirmed: bool) -> Outcome {
    let context = Context {
        tenant: "tenant".into(),
        call_id: "call".into(),
        caller: "+34600000000".into(),
        idempotency_key: key.into(),
        time_zone: "Europe/Madrid".into(),
        confirmed,
        now_ms: NOW_MS,
    };
    let finished = tool.tool.call(&context, &arguments.to_string(), office.clone(), Duration::from_secs(30));
    println!("{}: {:?}", tool.tool.definition().name, finished.spent);
    finished.outcome
}

type Outcome = Result<Result<Reply, Failure>, RunError>;

fn content(outcome: Outcome) -> Value {
    match outcome {
        Ok(Ok(Reply::Done(answer))) => serde_json::from_str(&answer.content).unwrap(),
        other => panic!("{other:?}"),
    }
}

fn failure(outcome: Outcome) -> Failure {
    match outcome {
        Ok(Err(failure)) => failure,
        other => panic!("{other:?}"),
    }
}

#[test]
fn rust_asks_the_declared_host_with_a_secret_that_it_never_sees() {
    let definition = ORDER_STATUS.tool.definition();
    assert_eq!(
        (definition.effect, definition.hosts.as_slice()),
        (Effect::Reads, ["orders.example.com".into()].as_slice())
    );
    let office =
        Arc::new(Office::answering(200, r#"{"state":"sent","postcode":"AB1 2CD","day":"2026-11-24"}"#));
    let asked = json!({"number": "AB123456", "postcode": "ab1 2cd"});
    let Ok(Ok(Reply::Done(answer))) = call(&ORDER_STATUS, &office, &asked, "key", false) else {
        panic!("no answer")
    };
    assert_eq!(answer.speech.unwrap(), "Your order is on its way and arrives on 24 November.");
    let [request] = office.requests().try_into().unwrap();
    assert_eq!(request.url, "https://orders.example.com/v1/orders/AB123456");
    assert!(request.headers.contains(&("Authorization".into(), "Bearer <handle of shop-key>".into())));

    let office = Arc::new(Office::failing(HttpError::Timeout));
    assert_eq!(failure(call(&ORDER_STATUS, &office, &asked, "key", false)).kind, "unavailable");
    assert_eq!(office.lines().len(), 1, "the author is told in the log");
}

#[test]
fn javascript_answers_from_its_arguments_alone() {
    let definition = PRICE_QUOTE.tool.definition();
    assert_eq!((definition.name.as_str(), definition.effect), ("price-quote", Effect::Pure));
    let office = Arc::new(Office::default());
    let asked = json!({"rooms": 3, "how_often": "weekly", "extras": ["windows"]});
    let Ok(Ok(Reply::Done(answer))) = call(&PRICE_QUOTE, &office, &asked, "key", false) else {
        panic!("no answer")
    };
    assert_eq!(answer.content, r#"{"price":"76.50","currency":"EUR","per":"per visit"}"#);
    assert_eq!(answer.speech.unwrap(), "That is 76 euros 50 per visit, tax included.");
    assert_eq!(answer.follow_up.unwrap(), "calendar");
    let data: Value = serde_json::from_str(&answer.data.unwrap()).unwrap();
    assert_eq!(data["reduction"], 1350);
    let refused =
        failure(call(&PRICE_QUOTE, &office, &json!({"rooms": 40, "how_often": "once"}), "key", false));
    assert_eq!(refused.kind, "invalid");
    assert!(refused.message.contains("12 rooms"), "{}", refused.message);
}

#[test]
fn python_books_once_and_only_after_the_caller_agreed() {
    let office = Arc::new(Office::default());
    let wish = json!({"action": "book", "date": "2026-11-24", "time": "15:00", "name": "Ana"});
    let question = "Shall I book Tuesday 24 November at 15:00 for Ana?";
    assert_eq!(call(&CALENDAR, &office, &wish, "key-1", false), Ok(Ok(Reply::Confirm(question.into()))));
    assert!(office.keys().is_empty(), "a question changes nothing");

    for _ in 0..2 {
        assert_eq!(
            content(call(&CALENDAR, &office, &wish, "key-1", true)),
            json!({"booked": "2026-11-24T15:00"})
        );
        assert_eq!(office.keys(), ["calendar/2026-11-24T15:00"]);
    }
    let second = failure(call(&CALENDAR, &office, &wish, "key-2", true));
    assert_eq!(
        (second.kind, second.message.as_str()),
        ("conflict", "15:00 is taken; free are 14:00, 14:30, 15:30")
    );
}

#[test]
fn python_knows_the_tenants_time_zone() {
    let office = Arc::new(Office::default());
    let today = json!({"action": "free", "date": "2026-11-23"});
    let answer = content(call(&CALENDAR, &office, &today, "key", false));
    // It is nine in Madrid: that time has begun.
    assert_eq!(answer["free"][0], "09:30");
    let wrong = json!({"action": "free", "date": "2026-02-30"});
    assert_eq!(failure(call(&CALENDAR, &office, &wrong, "key", false)).kind, "invalid");
}

#[test]
fn an_interpreter_is_for_the_large_tier() {
    for name in ["price-quote", "calendar"] {
        let Err(refusal) = ADMISSION.admit(&built(name), Tier::Standard) else { panic!("{name} is small") };
        assert_eq!(refusal.code.as_str(), "too-large", "{name}: {refusal}");
    }
}

#[test]
fn every_call_starts_from_the_snapshot() {
    let office = Arc::new(Office::default());
    let asked = json!({"rooms": 2, "how_often": "once"});
    let first = call(&PRICE_QUOTE, &office, &asked, "key", false);
    for _ in 0..20 {
        assert_eq!(call(&PRICE_QUOTE, &office, &asked, "key", false), first);
    }
    assert_eq!(PRICE_QUOTE.report.imports.iter().filter(|import| import.starts_with("wasi:")).count(), 0);
    assert_eq!(CALENDAR.report.imports.iter().filter(|import| import.starts_with("wasi:")).count(), 0);
}
