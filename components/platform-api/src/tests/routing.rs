//! A routing table is kept if every call can be decided by it.

use http::Method;
use serde_json::{Value, json};

use super::setting::{KEY, STRANGERS_KEY, Setting, answered, pointers, problem};

fn table() -> Value {
    json!({
        "blocked_callers": ["+1900*"],
        "hours": {
            "time_zone": "Europe/Madrid",
            "weekly": [{ "day": "monday", "opens": 540, "closes": 1080 }],
            "special_days": [{ "date": "2026-12-25" }, { "date": "2026-12-24", "openings": [[540, 720]] }],
        },
        "rules": [
            { "id": "vip", "priority": 1, "direction": "inbound", "callers": ["+34600*"],
              "decision": { "forward": { "to": "+34910000001", "ring_seconds": 20 } } },
            { "id": "night", "priority": 2, "hours": "closed",
              "decision": { "voicemail": { "greeting": "We are closed.", "max_seconds": 90 } } },
            { "id": "busy", "priority": 3, "called": ["+34910000009"], "decision": { "reject": "busy" } },
        ],
        "fallback": { "connect": "receptionist" },
    })
}

fn changed(pointer: &str, value: Value) -> Value {
    let mut table = table();
    *table.pointer_mut(pointer).unwrap() = value;
    table
}

async fn put(setting: &Setting, table: &Value) -> http::Response<String> {
    setting.send(Method::PUT, "/v1/routing", table).await
}

#[tokio::test]
async fn a_table_is_kept_as_it_was_sent() {
    let setting = Setting::new().await;
    assert_eq!(problem(&setting.get("/v1/routing", KEY).await, 404), "not-found");
    assert_eq!(answered(&put(&setting, &table()).await, 200), table());
    assert_eq!(setting.read("/v1/routing").await, table());
    assert_eq!(problem(&setting.get("/v1/routing", STRANGERS_KEY).await, 404), "not-found");
    let kept = setting.store.routing(&setting.tenant).await.unwrap().unwrap();
    assert_eq!(serde_json::from_str::<Value>(&kept).unwrap(), table());

    let removed = setting.send(Method::DELETE, "/v1/routing", &Value::Null).await;
    assert_eq!(removed.status(), 204);
    assert_eq!(problem(&setting.get("/v1/routing", KEY).await, 404), "not-found");
}

#[tokio::test]
async fn a_table_with_a_slip_is_refused_and_the_old_one_stays() {
    let setting = Setting::new().await;
    answered(&put(&setting, &table()).await, 200);
    let rule = json!({ "id": "x", "priority": 9, "decision": { "connect": "receptionist" } });
    let extra = |name: &str, value: Value| {
        let mut rule = rule.clone();
        rule[name] = value;
        rule
    };
    for (table, pointer) in [
        (json!({}), "/fallback"),
        (json!([]), ""),
        (changed("/fallback", json!({ "conect": "receptionist" })), "/fallback"),
        (changed("/fallback", json!({ "connect": "nobody" })), "/fallback/connect"),
        (changed("/fallback", json!({ "connect": "no id" })), "/fallback/connect"),
        (changed("/rules/1", extra("caller", json!([]))), "/rules/1"),
        (changed("/rules/1/decision", json!({ "connect": "nobody" })), "/rules/1/decision/connect"),
        (changed("/rules/1/priority", json!(1)), "/rules"),
        (changed("/rules/1/id", json!("vip")), "/rules"),
        (changed("/rules/1/hours", json!("sometimes")), "/rules/1"),
        (changed("/rules", json!({})), "/rules"),
        (changed("/rules", json!(vec![rule.clone(); 257])), "/rules"),
        (changed("/hours/time_zone", json!("Mars/Olympus")), "/hours/time_zone"),
        (changed("/hours/weekly/0/opens", json!("9:00")), "/hours"),
        (changed("/hours/weekly/0/opens", json!(1440)), ""),
        (changed("/rules/0/decision/forward/ring_seconds", json!(601)), ""),
        (changed("/rules/0/callers/0", json!("5551230000")), ""),
        (changed("/blocked_callers", json!("+1900*")), "/blocked_callers"),
        // Absent is not null, where the webhooks read it.
        (changed("/blocked_callers", Value::Null), ""),
    ] {
        assert_eq!(pointers(&put_anew(&setting, &table).await), [pointer], "{table}");
    }
    let mut misspelt = table();
    misspelt["rule"] = json!([]);
    assert_eq!(pointers(&put_anew(&setting, &misspelt).await), ["/rule"]);
    assert_eq!(setting.read("/v1/routing").await, table());
}

/// As [`put`], from an address of its own, so that nothing is over the limit.
async fn put_anew(setting: &Setting, table: &Value) -> http::Response<String> {
    let address = format!("10.0.0.{}:1", setting.log.borrow().len());
    let headers = [("spin-client-addr", address.as_str())];
    setting.send_at(Method::PUT, "/v1/routing", &headers, table, super::setting::NOW).await
}
