//! Who may do what, aliases, going back, deletion and runs outside of calls.

use std::net::SocketAddr;

use axum::body::Body;
use gate::{Code, Refusal};
use sandbox::{Finished, RunError, Spent};
use serde_json::{Value, json};
use store::{Act, Timestamp};

use super::setting::{KEY, STRANGERS_KEY, Setting};
use crate::tool_api::Refused;

#[tokio::test]
async fn every_route_opens_to_a_key_only_and_shows_a_stranger_nothing() {
    let setting = Setting::new().await;
    let digest = setting.push("", "status: 1").await;
    let version = format!("/v1/tools/status/versions/{digest}");
    let switch = json!({ "version": digest });
    for (method, target, body) in [
        ("GET", "/v1/tools/status", Value::Null),
        ("GET", "/v1/tools/status/versions", Value::Null),
        ("GET", &version, Value::Null),
        ("GET", "/v1/tools/status/usage", Value::Null),
        ("GET", "/v1/tools/status/errors", Value::Null),
        ("GET", "/v1/tools/status/history", Value::Null),
        ("GET", "/v1/tools/status/logs", Value::Null),
        ("GET", "/v1/tools/status/secrets", Value::Null),
        ("PUT", "/v1/tools/status/aliases/live", switch),
        ("POST", "/v1/tools/status/rollback", json!({ "alias": "live" })),
        ("POST", "/v1/tools/status/calls", json!({ "arguments": {} })),
        (
            "PUT",
            "/v1/tools/status/secrets/token",
            json!({ "host": "api.example.com", "value": "sesame open" }),
        ),
        ("DELETE", "/v1/tools/status/secrets/token", Value::Null),
        ("DELETE", "/v1/tools/status/aliases/live", Value::Null),
        ("DELETE", &version, Value::Null),
        ("DELETE", "/v1/tools/status", Value::Null),
    ] {
        let stranger = setting.as_tenant(STRANGERS_KEY, method, target, &body).await;
        assert_eq!(stranger.problem(), (404, "not-found"), "{method} {target}");
        for key in ["", "a wrong key", &"x".repeat(300)] {
            let nobody = setting.as_tenant(key, method, target, &body).await;
            assert_eq!(nobody.problem(), (401, "unauthorized"), "{method} {target}");
            assert_eq!(nobody.headers["www-authenticate"], "Bearer");
        }
    }
    let theirs = setting.as_tenant(STRANGERS_KEY, "GET", "/v1/tools", &Value::Null).await;
    assert_eq!(theirs.body, json!({ "items": [] }));
    assert_eq!(setting.aliases("status").await, [("live".into(), digest, 100)], "nothing was changed");
}

#[tokio::test]
async fn what_is_not_there_is_not_the_edges() {
    let setting = Setting::new().await;
    for target in [
        "/v1/tools/none",
        "/v1/tools/none/versions",
        "/v1/tools/a%20b",
        "/v1/tools/%ff",
        "/v1/tools/none/versions/xyz",
        "/v1/tools/none/history",
        "/v1/tools/none/elsewhere",
        "/v1/tools/none/versions/xyz/further",
    ] {
        assert_eq!(setting.get(target).await.problem(), (404, "not-found"), "{target}");
    }
    let answer = setting.ask("PATCH", "/v1/tools/none/versions", &Value::Null).await;
    assert_eq!(answer.problem(), (405, "method-not-allowed"));
    assert_eq!(answer.headers["allow"], "GET,HEAD");
}

#[tokio::test]
async fn changes_are_counted_for_a_tenant_wherever_it_sends_them_from() {
    let setting = Setting::new().await;
    // Each comes from an address of its own.
    let delete = async |key: &str| setting.as_tenant(key, "DELETE", "/v1/tools/none", &Value::Null).await;
    for _ in 0..20 {
        assert_eq!(delete(KEY).await.problem(), (404, "not-found"));
    }
    let limited = delete(KEY).await;
    assert_eq!(limited.problem(), (429, "rate-limited"));
    assert_eq!(limited.headers["ratelimit-policy"], "\"admin\";q=20;w=60");
    assert!(limited.headers.contains_key("retry-after"));
    assert_eq!(delete(STRANGERS_KEY).await.problem(), (404, "not-found"), "it is another tenant");
    // Whoever only reads is not counted.
    assert_eq!(setting.get("/v1/tools").await.status, 200);
}

#[tokio::test]
async fn tenants_behind_one_address_do_not_take_each_others_turns() {
    let setting = Setting::new().await;
    let address: SocketAddr = "203.0.113.7:1".parse().unwrap();
    let delete = async |key: &str| {
        let key = format!("Bearer {key}");
        let headers = [("authorization", key.as_str())];
        setting.send_from(address, "DELETE", "/v1/tools/none", &headers, Body::empty()).await
    };
    for _ in 0..20 {
        assert_eq!(delete(KEY).await.problem(), (404, "not-found"));
    }
    assert_eq!(delete(KEY).await.problem(), (429, "rate-limited"));
    assert_eq!(delete(STRANGERS_KEY).await.problem(), (404, "not-found"));
    // Those without a key are counted for the address, which comes to its end some time.
    let mut tries = 0..10_000;
    let limited = loop {
        assert!(tries.next().is_some(), "nobody without a key is stopped");
        let answer = delete("a wrong key").await;
        if answer.status != 401 {
            break answer;
        }
    };
    assert_eq!(limited.problem(), (429, "rate-limited"));
    assert_eq!(limited.headers["ratelimit-policy"], "\"address\";q=600;w=60");
}

#[tokio::test]
async fn an_alias_is_switched_taken_back_and_taken_away() {
    let setting = Setting::new().await;
    let first = setting.push("", "status: 1").await;
    let second = setting.push("?alias=none", "status: 2").await;
    let third = setting.push("?alias=none", "status: 3").await;
    let switch = async |alias: &str, body: Value| {
        setting.ask("PUT", &format!("/v1/tools/status/aliases/{alias}"), &body).await
    };
    let switched = switch("live", json!({ "version": second, "why": "tried out" })).await;
    assert_eq!(switched.status, 200, "{switched:?}");
    assert_eq!(switched.body["aliases"], json!([{ "alias": "live", "version": second, "share": 100 }]));
    assert_eq!(switch("canary", json!({ "version": third, "share": 0 })).await.status, 200);
    assert_eq!(setting.aliases("status").await[1], ("canary".into(), third.clone(), 0));

    let back = setting.ask("POST", "/v1/tools/status/rollback", &json!({ "alias": "live" })).await;
    assert_eq!((back.status, &back.body["version"]), (200, &json!(first)));
    let moved = json!({ "alias": "live", "from": second });
    let moved = setting.ask("POST", "/v1/tools/status/rollback", &moved).await;
    assert_eq!((moved.problem(), &moved.body["version"]), ((409, "alias-moved"), &json!(first)));
    let nothing = setting.ask("POST", "/v1/tools/status/rollback", &json!({ "alias": "live" })).await;
    assert_eq!(nothing.problem(), (409, "nothing-earlier"));
    let canary = setting.ask("POST", "/v1/tools/status/rollback", &json!({ "alias": "canary" })).await;
    assert_eq!((canary.status, &canary.body["version"]), (200, &Value::Null));

    assert_eq!(setting.ask("DELETE", "/v1/tools/status/aliases/canary", &Value::Null).await.problem().0, 404);
    let odd = switch("stable", json!({ "version": second })).await;
    assert_eq!(odd.problem(), (404, "not-found"));
    assert!(odd.body["detail"].as_str().unwrap().contains("`live` or `canary`"), "{odd:?}");
    let gone = setting.ask("DELETE", "/v1/tools/status/aliases/live?why=not%20now", &Value::Null).await;
    assert_eq!((gone.status, setting.aliases("status").await.len()), (204, 0));
    let history = setting.get("/v1/tools/status/history?limit=1").await.body;
    assert_eq!(
        (&history["items"][0]["action"], &history["items"][0]["why"]),
        (&json!("cleared"), &json!("not now"))
    );
}

#[tokio::test]
async fn an_alias_names_what_may_run_only() {
    let setting = Setting::new().await;
    let digest = setting.push("", "status: 1").await;
    let absent = "0".repeat(64);
    let act = Act { by: "the operator", why: "it mines", at: Timestamp(1) };
    let bad = setting.push("?alias=none", "status: 2").await;
    setting.store.quarantine_tool(&bad.parse().unwrap(), &act).await.unwrap();
    for (alias, body, problem) in [
        ("live", json!({ "version": absent }), (404, "not-found")),
        ("live", json!({ "version": bad }), (409, "quarantined")),
        ("live", json!({ "version": "new" }), (422, "invalid-request")),
        ("live", json!({ "version": digest, "share": 50 }), (422, "invalid-request")),
        ("canary", json!({ "version": digest, "share": 101 }), (422, "invalid-request")),
        ("canary", json!({ "version": digest, "why": "x".repeat(1001) }), (422, "invalid-request")),
        ("canary", json!({ "version": digest, "part": 5 }), (422, "invalid-request")),
        ("best", json!({ "version": digest }), (404, "not-found")),
    ] {
        let answer = setting.ask("PUT", &format!("/v1/tools/status/aliases/{alias}"), &body).await;
        assert_eq!(answer.problem(), problem, "{alias} {body}");
    }
    let run = json!({ "version": bad, "arguments": {} });
    assert_eq!(setting.ask("POST", "/v1/tools/status/calls", &run).await.problem(), (409, "quarantined"));
}

#[tokio::test]
async fn what_is_deleted_leaves_its_history() {
    let setting = Setting::new().await;
    let first = setting.push("", "status: 1").await;
    let second = setting.push("", "status: 2").await;
    let version = |digest: &str| format!("/v1/tools/status/versions/{digest}");
    let in_use = setting.ask("DELETE", &version(&second), &Value::Null).await;
    assert_eq!(in_use.problem(), (409, "in-use"));
    assert_eq!(setting.ask("DELETE", &version(&first), &Value::Null).await.status, 204);
    assert_eq!(setting.ask("DELETE", &version(&first), &Value::Null).await.problem(), (404, "not-found"));
    let kept = setting.get(&version(&first)).await;
    assert!(kept.body["deleted_at"].is_i64(), "{kept:?}");
    assert!(setting.artifacts.read(&first.parse().unwrap(), 99).is_err(), "its bytes are gone at once");
    assert_eq!(*setting.workshop.forgotten.lock().unwrap(), std::slice::from_ref(&first));
    let run = json!({ "version": first, "arguments": {} });
    assert_eq!(setting.ask("POST", "/v1/tools/status/calls", &run).await.problem(), (404, "not-found"));

    assert!(setting.artifacts.read(&second.parse().unwrap(), 99).is_ok());
    assert_eq!(setting.ask("DELETE", "/v1/tools/status?why=unused", &Value::Null).await.status, 204);
    assert!(setting.artifacts.read(&second.parse().unwrap(), 99).is_err());
    assert_eq!(setting.get("/v1/tools/status").await.problem(), (404, "not-found"));
    assert_eq!(setting.get("/v1/tools/status/versions").await.problem(), (404, "not-found"));
    let history = setting.get("/v1/tools/status/history").await.body;
    let actions: Vec<_> =
        history["items"].as_array().unwrap().iter().map(|event| event["action"].as_str().unwrap()).collect();
    assert_eq!(actions, ["deleted", "cleared", "deleted", "switched", "uploaded", "switched", "uploaded"]);
    assert_eq!(history["items"][0]["why"], "unused");
}

#[tokio::test]
async fn a_version_runs_once_outside_of_a_call() {
    let setting = Setting::new().await;
    let live = setting.push("", "status: 1").await;
    let canary = setting.push("?alias=canary", "status: 2").await;
    let run = async |body: Value| setting.ask("POST", "/v1/tools/status/calls", &body).await;
    let answer = run(json!({ "arguments": { "order": 17 } })).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let (ran, became) = (&answer.body, &answer.body["outcome"]);
    assert_eq!((became, &ran["version"], &ran["records"]), (&json!("done"), &json!(live), &json!("own")));
    assert_eq!(ran["answer"]["content"], "It is.");
    run(json!({ "alias": "canary", "arguments": {}, "confirmed": true, "caller": "+15550100",
        "time_zone": "America/Lima" }))
    .await;
    {
        let ran = setting.workshop.rehearsed.lock().unwrap();
        let [first, second] = &ran[..] else { panic!("{ran:?}") };
        assert_eq!(
            (first.arguments.as_str(), first.time_zone.as_str()),
            (r#"{"order":17}"#, "Europe/Madrid")
        );
        assert_eq!(
            (first.caller.as_str(), first.confirmed, first.version.as_str()),
            ("", false, live.as_str())
        );
        assert_eq!((second.version.as_str(), second.confirmed), (canary.as_str(), true));
        assert_eq!((second.caller.as_str(), second.time_zone.as_str()), ("+15550100", "America/Lima"));
    }
    for body in [
        json!({}),
        json!({ "arguments": [] }),
        json!({ "arguments": "{}" }),
        json!({ "arguments": {}, "alias": "live", "version": live }),
        json!({ "arguments": {}, "time_zone": "Mars/Base" }),
        json!({ "arguments": {}, "caller": "anonymous" }),
        json!({ "arguments": { "x": "x".repeat(65 << 10) } }),
    ] {
        assert_eq!(run(body.clone()).await.problem(), (422, "invalid-request"), "{body}");
    }
    assert_eq!(run(json!({ "arguments": {}, "alias": "best" })).await.problem().0, 422);
    assert_eq!(setting.workshop.rehearsed.lock().unwrap().len(), 2);
}

#[tokio::test]
async fn a_run_that_does_not_begin_says_why_and_when_it_may() {
    let setting = Setting::new().await;
    setting.push("", "status: 1").await;
    let run = async |end| {
        *setting.workshop.ends.lock().unwrap() = Some(end);
        setting.ask("POST", "/v1/tools/status/calls", &json!({ "arguments": {} })).await
    };
    let refusal = |code| Refusal { code, item: "an item".into(), mend: "mend it".into() };
    let not_begun = |error| Ok(Finished { outcome: Err(error), spent: Spent::default() });
    let refused = |code| Err(Refused::Gate(refusal(code)));
    let (item, mend) = (json!("an item"), json!("mend it"));
    for (end, problem, retry_after, told) in [
        (not_begun(RunError::Busy), (503, "busy"), Some("1"), [&Value::Null; 2]),
        (not_begun(RunError::OverBudget), (429, "over-budget"), Some("60"), [&Value::Null; 2]),
        (refused(Code::FeatureOff), (422, "feature-off"), None, [&item, &mend]),
        (refused(Code::CompilerUnavailable), (503, "compiler-unavailable"), Some("10"), [&item, &mend]),
        (refused(Code::DigestMismatch), (503, "digest-mismatch"), Some("10"), [&item, &mend]),
    ] {
        let answer = run(end).await;
        assert_eq!(answer.problem(), problem);
        let again = answer.headers.get("retry-after").map(|value| value.to_str().unwrap());
        assert_eq!((again, [&answer.body["item"], &answer.body["mend"]]), (retry_after, told), "{problem:?}");
    }
}
