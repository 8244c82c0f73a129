//! Figures, errors, lines and secrets.

use std::time::Duration;

use serde_json::{Value, json};
use store::{RunError, Runs, Timestamp, ToolDigest, ToolName};

use super::setting::Setting;
use crate::tool_secrets::SecretKeys;

fn tool() -> ToolName {
    "status".parse().unwrap()
}

#[tokio::test]
async fn runs_and_errors_are_shown_by_version() {
    let setting = Setting::new().await;
    let digest: ToolDigest = setting.push("", "status: 1").await.parse().unwrap();
    let now = Timestamp::now();
    let runs = Runs { traps: 1, ..Runs::one(Duration::from_millis(3), Duration::from_millis(40)) };
    setting.store.add_tool_runs(&setting.tenant, &tool(), &digest, &runs, now).await.unwrap();
    let error = RunError {
        digest: digest.clone(),
        call: "call-1".parse().unwrap(),
        at: now,
        code: "trap".into(),
        detail: "unreachable".into(),
    };
    setting.store.add_tool_error(&setting.tenant, &tool(), &error).await.unwrap();

    let usage = setting.get("/v1/tools/status/usage?hours=1").await.body;
    let version = &usage["items"][0];
    assert_eq!(
        (&version["version"], &version["calls"], &version["traps"]),
        (&json!(digest), &json!(1), &json!(1))
    );
    assert_eq!((&version["p99_ms"], &version["cpu_ms"]), (&json!(100), &json!(3)));
    let errors = setting.get("/v1/tools/status/errors").await.body;
    assert_eq!(
        errors["items"],
        json!([{ "version": digest, "call": "call-1", "at": now, "code": "trap", "detail": "unreachable" }])
    );
    for target in ["usage?hours=25", "usage?hours=0", "errors?limit=1", "history?limit=101", "logs?after=x"] {
        let answer = setting.get(&format!("/v1/tools/status/{target}")).await;
        assert_eq!(answer.problem(), (422, "invalid-parameter"), "{target}");
    }
}

#[tokio::test]
async fn history_is_read_page_by_page() {
    let setting = Setting::new().await;
    setting.push("", "status: 1").await;
    setting.push("", "status: 2").await;
    let (mut seen, mut target) = (Vec::new(), "/v1/tools/status/history?limit=3".to_owned());
    loop {
        let page = setting.get(&target).await.body;
        seen.extend(page["items"].as_array().unwrap().iter().map(|event| event["seq"].as_u64().unwrap()));
        let Some(before) = page["next_before"].as_u64() else { break };
        target = format!("/v1/tools/status/history?limit=3&before={before}");
    }
    assert_eq!(seen, [4, 3, 2, 1]);
}

#[tokio::test]
async fn lines_are_followed() {
    let setting = Setting::new().await;
    let digest: ToolDigest = setting.push("", "status: 1").await.parse().unwrap();
    let write = |line: &str| {
        setting.lines.write(&setting.tenant, &tool(), &digest, "call-1", "info", line, Timestamp(5));
    };
    let read = async |after: &Value| setting.get(&format!("/v1/tools/status/logs?after={after}")).await.body;
    assert_eq!(read(&json!(0)).await, json!({ "items": [], "next": 0 }));
    write("one");
    write("two");
    let first = read(&json!(0)).await;
    assert_eq!(
        first["items"][0],
        json!({ "seq": 5000, "at": 5, "level": "info", "version": digest, "call": "call-1", "line": "one" })
    );
    assert_eq!(first["items"].as_array().unwrap().len(), 2);
    write("three");
    let then = read(&first["next"]).await;
    assert_eq!((then["items"].as_array().unwrap().len(), &then["items"][0]["line"]), (1, &json!("three")));
}

#[tokio::test]
async fn a_secret_is_set_and_never_shown() {
    let setting = Setting::new().await;
    setting.push("", "status: 1").await;
    let set = async |name: &str, body: Value| {
        setting.ask("PUT", &format!("/v1/tools/status/secrets/{name}"), &body).await
    };
    let good = json!({ "host": "API.example.com", "value": "sesame open" });
    let answer = set("token", good.clone()).await;
    assert_eq!((answer.status, &answer.body["host"]), (200, &json!("api.example.com")));
    let listed = setting.get("/v1/tools/status/secrets").await.body;
    assert_eq!(listed["items"].as_array().unwrap().len(), 1);
    assert_eq!(listed["items"][0], answer.body);
    assert!(!format!("{answer:?}{listed}").contains("sesame"));
    let kept = setting.store.tool_secret(&setting.tenant, &tool(), "token").await.unwrap().unwrap();
    assert!(!kept.expose().contains("sesame"), "it is sealed");
    for (name, body) in [
        ("Token", good.clone()),
        ("token", json!({ "host": "10.0.0.1", "value": "sesame open" })),
        ("token", json!({ "host": "db.internal", "value": "sesame open" })),
        ("token", json!({ "host": "api.example.com", "value": "short" })),
        ("token", json!({ "host": "api.example.com", "value": "two\nlines of it" })),
        ("token", json!({ "value": "sesame open" })),
    ] {
        let answer = set(name, body.clone()).await;
        assert_eq!(answer.problem(), (422, "invalid-request"), "{body}");
        assert!(!answer.body.to_string().contains("sesame"), "{answer:?}");
    }
    let remove = async || setting.ask("DELETE", "/v1/tools/status/secrets/token", &Value::Null).await.status;
    assert_eq!((remove().await, remove().await), (204, 404));
    let history = setting.get("/v1/tools/status/history").await.body;
    for (event, action) in [(0, "secret-removed"), (1, "secret-set")] {
        let event = &history["items"][event];
        assert_eq!((&event["action"], &event["secret"]), (&json!(action), &json!("token")));
        assert_eq!((&event["host"], &event["to"]), (&json!("api.example.com"), &Value::Null));
        assert!(event["by"].as_str().unwrap().starts_with("api key "), "{event}");
    }
    assert_eq!(history["items"][2]["action"], "switched", "what was refused is not told");
    assert!(!history.to_string().contains("sesame"));
}

#[tokio::test]
async fn without_a_key_no_secret_is_kept() {
    let setting = Setting::with_keys(SecretKeys::default()).await;
    setting.push("", "status: 1").await;
    let body = json!({ "host": "api.example.com", "value": "sesame open" });
    let answer = setting.ask("PUT", "/v1/tools/status/secrets/token", &body).await;
    assert_eq!(answer.problem(), (503, "secrets-unavailable"));
    assert_eq!(setting.get("/v1/tools/status/secrets").await.body, json!({ "items": [] }));
}
