//! What becomes of `POST /v1/calls`.

use std::time::Duration;

use http::{Method, Response};
use serde_json::{Value, json};
use store::{AgentId, E164, Timestamp};

use super::setting::{KEY, NOW, STRANGERS_KEY, Setting, answered, pointers, problem};
use crate::service::{Body, Settings};

pub const NUMBER: &str = "+34910000000";

/// A setting whose first tenant has a number to call from.
pub async fn setting() -> Setting {
    let setting = Setting::new().await;
    let number: E164 = NUMBER.parse().unwrap();
    let agent: AgentId = "receptionist".parse().unwrap();
    assert!(setting.store.put_number(&setting.tenant, &number, Some(&agent), NOW).await.unwrap());
    setting
}

pub fn call() -> Value {
    json!({ "agent": "receptionist", "from": NUMBER, "to": "+15551230000" })
}

pub fn call_with(field: &str, value: Value) -> Value {
    let mut call = call();
    call[field] = value;
    call
}

pub async fn order(setting: &Setting, key: &str, body: &Value) -> Response<String> {
    order_at(setting, key, body, NOW).await
}

pub async fn order_at(setting: &Setting, key: &str, body: &Value, now: Timestamp) -> Response<String> {
    setting.send_at(Method::POST, "/v1/calls", &[("idempotency-key", key)], body, now).await
}

#[tokio::test]
async fn an_order_is_kept_and_the_host_is_told() {
    let setting = setting().await;
    let response = order(&setting, "k1", &call_with("variables", json!({ "name": "Ana" }))).await;
    let told = answered(&response, 202);
    let id = told["call"]["id"].as_str().unwrap();
    assert_eq!(response.headers()["location"], format!("/v1/calls/{id}"));
    assert_eq!((&told["call"]["status"], &told["call"]["direction"]), (&json!("queued"), &json!("outbound")));
    assert_eq!(told["call"]["carrier_call_id"], Value::Null);
    assert_eq!(told["order"]["state"], "queued");

    let order = setting.store.order(&setting.tenant, &id.parse().unwrap()).await.unwrap().unwrap();
    assert_eq!(
        (order.key.as_str(), order.carrier.as_str(), order.agent.as_str()),
        ("k1", "twilio", "receptionist")
    );
    assert_eq!((order.from.as_str(), order.to.as_str()), (NUMBER, "+15551230000"));
    assert_eq!(order.variables["name"], "Ana");
    assert_eq!((order.not_before, order.not_after), (NOW, NOW.plus(Duration::from_secs(24 * 60 * 60))));
    assert_eq!(order.hours.unwrap()["time_zone"], "Europe/Madrid");
    assert_eq!(setting.read(&format!("/v1/calls/{id}")).await["order"], told["order"]);

    let woken = setting.woken.borrow();
    assert_eq!(woken.len(), 1);
    assert_eq!(
        (woken[0].method(), woken[0].uri()),
        (&Method::POST, &"http://host.test/internal/v1/wake".parse().unwrap())
    );
    assert_eq!(woken[0].headers()["authorization"], "Bearer between-us");
    assert_eq!(woken[0].headers()["x-request-id"], response.headers()["x-request-id"]);
}

#[tokio::test]
async fn an_order_is_kept_as_it_was_asked_for() {
    let setting = setting().await;
    let mut body = call_with("carrier", json!("telnyx"));
    body["ring_seconds"] = json!(45);
    body["record"] = json!(true);
    body["detect_machine"] = json!(true);
    body["schedule"] = json!({
        "at": "2026-11-23T10:00:00+01:00", "until": "2026-11-23T12:00:00Z",
        "hours": { "from": "09:30", "days": ["monday"] }
    });
    let told = answered(&order(&setting, "k1", &body).await, 202);
    assert_eq!(
        told["order"],
        json!({
            "state": "queued", "attempts": 0, "attempted_at": null, "last_error": null,
            "next_at": 1_795_424_400_000_i64, "not_before": 1_795_424_400_000_i64, "not_after": 1_795_435_200_000_i64,
            "hours": { "time_zone": "Europe/Madrid", "from": "09:30", "to": "21:00", "days": ["monday"] },
            "detect_machine": true, "record": true, "ring_seconds": 45,
        })
    );
    assert_eq!(told["call"]["carrier"], "telnyx");
}

#[tokio::test]
async fn a_host_that_does_not_answer_costs_no_order() {
    for host_answers in [None, Some(500)] {
        let mut setting = setting().await;
        setting.host_answers = host_answers;
        answered(&order(&setting, "k1", &call()).await, 202);
        let log = setting.log.borrow();
        assert!(log[0].contains("host-not-woken") && !log[0].contains("between-us"), "{log:?}");
    }
    let mut setting = setting().await;
    setting.settings = Settings::from_variables(&[].into());
    answered(&order(&setting, "k1", &call()).await, 202);
    assert!(setting.woken.borrow().is_empty());
    assert!(!setting.log.borrow().iter().any(|line| line.contains("host-not-woken")));
}

#[tokio::test]
async fn what_the_tenant_does_not_have_cannot_be_used() {
    let setting = setting().await;
    let stranger = "stranger".parse().unwrap();
    setting.store.put_number(&stranger, &"+34910000001".parse().unwrap(), None, NOW).await.unwrap();
    for (body, pointer) in [
        (call_with("agent", json!("nobody")), "/agent"),
        (call_with("from", json!("+34910000001")), "/from"),
        (call_with("from", json!("+34910000002")), "/from"),
    ] {
        assert_eq!(pointers(&order(&setting, "k1", &body).await), [pointer], "{body}");
    }
    assert!(setting.woken.borrow().is_empty());
    // What was refused has not used up the key.
    answered(&order(&setting, "k1", &call()).await, 202);
}

#[tokio::test]
async fn every_fault_of_a_body_is_told_at_once() {
    let setting = setting().await;
    let body = json!({ "from": "x", "to": "+15551230000", "carier": "twilio", "schedule": { "at": "soon", "x": 1 } });
    let response = order(&setting, "k1", &body).await;
    assert_eq!(pointers(&response), ["/agent", "/from", "/schedule/at", "/schedule/x", "/carier"]);
}

#[tokio::test]
async fn a_schedule_that_nobody_can_keep_is_refused() {
    let setting = setting().await;
    for (schedule, pointer) in [
        (json!({ "until": "2026-11-20T13:04:11Z" }), "/schedule/until"),
        (json!({ "at": "2026-12-21T13:04:11Z" }), "/schedule/at"),
        // At night, and at no Monday.
        (json!({ "at": "2026-11-20T22:00:00Z", "until": "2026-11-21T06:00:00Z" }), "/schedule"),
        (json!({ "hours": { "days": ["monday"] } }), "/schedule"),
    ] {
        let response = order(&setting, "k1", &call_with("schedule", schedule.clone())).await;
        assert_eq!(pointers(&response), [pointer], "{schedule}");
    }
}

#[tokio::test]
async fn calls_beyond_the_limit_wait_for_others_to_end() {
    let setting = setting().await;
    setting.store.set_max_live_calls(&setting.tenant, Some(2)).await.unwrap();
    let first = answered(&order(&setting, "k1", &call()).await, 202);
    setting.call("CA1", NOW).await;
    let refused = order(&setting, "k2", &call()).await;
    assert_eq!(problem(&refused, 429), "too-many-calls");
    assert!(refused.headers()["retry-after"].to_str().unwrap().parse::<u32>().unwrap() > 0);
    // A repeated request is no further call.
    answered(&order(&setting, "k1", &call()).await, 200);
    let cancel = format!("/v1/calls/{}/cancel", first["call"]["id"].as_str().unwrap());
    answered(&setting.send(Method::POST, &cancel, &Value::Null).await, 200);
    answered(&order(&setting, "k2", &call()).await, 202);
}

#[tokio::test]
async fn an_order_needs_a_key_that_can_be_compared() {
    let setting = setting().await;
    let long = "k".repeat(256);
    for key in ["", " ", "a b", "é", &long] {
        let response = order(&setting, key, &call()).await;
        assert_eq!(problem(&response, 422), "invalid-header", "{key}");
        assert!(response.body().contains("Idempotency-Key"));
    }
    let without = setting.send(Method::POST, "/v1/calls", &call()).await;
    assert_eq!(problem(&without, 422), "invalid-header");
    let twice = [("idempotency-key", "k1"), ("idempotency-key", "k2")];
    let response = setting.send_at(Method::POST, "/v1/calls", &twice, &call(), NOW).await;
    assert_eq!(problem(&response, 422), "invalid-header");
    answered(&order(&setting, &long[1..], &call()).await, 202);
}

#[tokio::test]
async fn a_body_that_cannot_be_read_is_refused_with_its_reason() {
    let setting = setting().await;
    let bearer = format!("Bearer {KEY}");
    let plain = [("authorization", bearer.as_str()), ("idempotency-key", "k1")];
    let json = [plain[0], plain[1], ("content-type", "application/json")];
    let packed = [json[0], json[1], json[2], ("content-encoding", "gzip")];
    let whole = |text: &str| Body::Whole(text.as_bytes().to_vec());
    let twice = format!(r#"{{"to":"+15551230001",{}"#, &call().to_string()[1..]);
    for (headers, body, status, code) in [
        (&json[..], whole("{"), 400, "malformed-json"),
        (&json, whole(""), 400, "malformed-json"),
        (&json, whole(&twice), 400, "malformed-json"),
        (&json, whole("null"), 422, "invalid-request"),
        (&json, Body::Broken, 400, "broken-body"),
        (&json, Body::TooLarge, 413, "body-too-large"),
        (&json, Body::Whole(vec![b' '; 64 * 1024 + 1]), 413, "body-too-large"),
        (&plain, whole(&call().to_string()), 415, "unsupported-media-type"),
        (&packed, whole(&call().to_string()), 415, "unsupported-encoding"),
    ] {
        let response = setting.request_at(Method::POST, "/v1/calls", headers, body, NOW).await;
        assert_eq!(problem(&response, status), code);
    }
    // Whoever has no key is told nothing of its body either.
    let unknown = [("idempotency-key", "k1")];
    let response = setting.request_at(Method::POST, "/v1/calls", &unknown, Body::TooLarge, NOW).await;
    assert_eq!(problem(&response, 401), "unauthorized");
}

#[tokio::test]
async fn a_query_has_no_place_in_an_order() {
    let setting = setting().await;
    let headers = [("idempotency-key", "k1")];
    let response = setting.send_at(Method::POST, "/v1/calls?dry_run=1", &headers, &call(), NOW).await;
    assert_eq!(problem(&response, 422), "invalid-parameter");
}

#[tokio::test]
async fn a_stranger_cannot_see_or_cancel_an_order() {
    let setting = setting().await;
    let told = answered(&order(&setting, "k1", &call()).await, 202);
    let path = format!("/v1/calls/{}", told["call"]["id"].as_str().unwrap());
    for target in [path.clone(), format!("{path}/recordings")] {
        assert_eq!(problem(&setting.get(&target, STRANGERS_KEY).await, 404), "not-found");
    }
    let bearer = format!("Bearer {STRANGERS_KEY}");
    let headers = [("authorization", bearer.as_str())];
    let response =
        setting.send_at(Method::POST, &format!("{path}/cancel"), &headers, &Value::Null, NOW).await;
    assert_eq!(problem(&response, 404), "not-found");
    assert_eq!(setting.read(&path).await["order"]["state"], "queued");
}
