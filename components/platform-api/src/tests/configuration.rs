//! Webhook keys, limits, and how often they may be changed.

use std::time::Duration;

use base64::Engine as _;
use http::{Method, Response};
use serde_json::{Value, json};
use store::NewCarrierAccount;

use super::setting::{KEY, NOW, STRANGERS_KEY, Setting, answered, pointers, problem};
use crate::service::Settings;

#[tokio::test]
async fn a_key_is_shown_when_it_is_added_and_never_again() {
    let setting = Setting::new().await;
    let response = setting
        .send(Method::POST, "/v1/webhook-keys", &json!({ "scheme": "twilio", "secret": "token-1" }))
        .await;
    let added = answered(&response, 201);
    assert_eq!((&added["scheme"], &added["secret"]), (&json!("twilio"), &json!("token-1")));
    let location = response.headers()["location"].to_str().unwrap().to_owned();
    assert_eq!(location, format!("/v1/webhook-keys/{}", added["id"].as_str().unwrap()));
    let made = setting.send(Method::POST, "/v1/webhook-keys", &json!({ "scheme": "vapi-secret" })).await;
    let made = answered(&made, 201);
    let kept = setting.store.webhook_keys(&setting.tenant, "vapi-secret").await.unwrap();
    assert_eq!(made["secret"], kept[0].secret);

    let listed = setting.read("/v1/webhook-keys").await;
    let expected = |key: &Value| json!({ "id": key["id"], "scheme": key["scheme"], "created_at": NOW.0 });
    assert_eq!(listed, json!({ "items": [expected(&added), expected(&made)] }));

    let removed = setting.send(Method::DELETE, &location, &Value::Null).await;
    assert_eq!((removed.status().as_u16(), removed.body().as_str()), (204, ""));
    assert_eq!(problem(&setting.send(Method::DELETE, &location, &Value::Null).await, 404), "not-found");
    assert!(setting.store.webhook_keys(&setting.tenant, "twilio").await.unwrap().is_empty());
}

#[tokio::test]
async fn a_tenant_has_its_own_keys_only() {
    let setting = Setting::new().await;
    let added = setting.send(Method::POST, "/v1/webhook-keys", &json!({ "scheme": "vapi-bearer" })).await;
    let location = added.headers()["location"].to_str().unwrap();
    let bearer = format!("Bearer {STRANGERS_KEY}");
    let headers = [("authorization", bearer.as_str())];
    let response = setting.send_at(Method::DELETE, location, &headers, &Value::Null, NOW).await;
    assert_eq!(problem(&response, 404), "not-found");
    assert_eq!(setting.get("/v1/webhook-keys", STRANGERS_KEY).await.body(), r#"{"items":[]}"#);
    assert_eq!(setting.read("/v1/webhook-keys").await["items"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn the_last_key_of_an_account_stays_for_as_long_as_the_account() {
    let setting = Setting::new().await;
    let add = async |secret: &str| {
        let body = json!({ "scheme": "twilio", "secret": secret });
        let added = setting.send(Method::POST, "/v1/webhook-keys", &body).await;
        added.headers()["location"].to_str().unwrap().to_owned()
    };
    let remove = async |location: &str| setting.send(Method::DELETE, location, &Value::Null).await;
    let account = NewCarrierAccount { carrier: "twilio", account: "AC1", sealed: "sealed" };
    setting.store.set_carrier_account(&setting.tenant, &account, "ana", NOW).await.unwrap();
    let (first, second) = (add("token-1").await, add("token-2").await);
    assert_eq!(remove(&first).await.status(), 204);
    let refused = remove(&second).await;
    assert_eq!(problem(&refused, 409), "key-in-use");
    assert!(refused.body().contains("/v1/carrier-accounts/{carrier}"), "{}", refused.body());
    assert_eq!(setting.store.webhook_keys(&setting.tenant, "twilio").await.unwrap().len(), 1);
    setting.store.remove_carrier_account(&setting.tenant, "twilio").await.unwrap();
    assert_eq!(remove(&second).await.status(), 204);
}

#[tokio::test]
async fn a_scheme_has_few_keys_and_none_twice() {
    let setting = Setting::new().await;
    let add = async |secret: &str| {
        setting.send(Method::POST, "/v1/webhook-keys", &json!({ "scheme": "twilio", "secret": secret })).await
    };
    answered(&add("token-0").await, 201);
    let twice = add("token-0").await;
    assert_eq!(pointers(&twice), ["/secret"]);
    assert!(!twice.body().contains("token-0"), "{}", twice.body());
    for number in 1..8 {
        answered(&add(&format!("token-{number}")).await, 201);
    }
    assert_eq!(pointers(&add("token-8").await), ["/scheme"]);
    // Another scheme has keys of its own.
    let public = base64::engine::general_purpose::STANDARD.encode([7; 32]);
    let other = json!({ "scheme": "telnyx", "secret": public });
    answered(&setting.send(Method::POST, "/v1/webhook-keys", &other).await, 201);
}

#[tokio::test]
async fn an_agents_tools_are_replaced_and_only_its_tenant_sees_them() {
    let setting = Setting::new().await;
    let target = "/v1/agents/receptionist/tools";
    let put = setting.send(Method::PUT, target, &json!({ "tools": ["leads", "quote@canary"] })).await;
    assert_eq!(answered(&put, 200), json!({ "tools": ["leads", "quote@canary"] }));
    assert_eq!(setting.read("/v1/agents/receptionist").await["tools"], json!(["leads", "quote@canary"]));
    assert_eq!(setting.read("/v1/agents").await["items"][0]["id"], "receptionist");
    let kept = setting.store.agent(&setting.tenant, &"receptionist".parse().unwrap()).await.unwrap();
    assert_eq!(kept.unwrap().tools, ["leads", "quote@canary"]);

    assert_eq!(problem(&setting.get("/v1/agents/receptionist", STRANGERS_KEY).await, 404), "not-found");
    assert_eq!(setting.get("/v1/agents", STRANGERS_KEY).await.body(), r#"{"items":[]}"#);
    for (target, body, code) in [
        (target, json!({ "tools": ["quote@next"] }), "invalid-request"),
        ("/v1/agents/nobody/tools", json!({ "tools": [] }), "not-found"),
        ("/v1/agents/no%20id/tools", json!({ "tools": [] }), "not-found"),
    ] {
        let status = if code == "not-found" { 404 } else { 422 };
        assert_eq!(problem(&setting.send(Method::PUT, target, &body).await, status), code, "{target}");
    }
    assert_eq!(setting.read("/v1/agents/receptionist").await["tools"], json!(["leads", "quote@canary"]));
}

#[tokio::test]
async fn secrets_are_in_no_log_and_in_no_problem() {
    let setting = Setting::new().await;
    for body in [
        json!({ "scheme": "telnyx", "secret": "my-secret-token" }),
        json!({ "scheme": "twilio", "secret": "my-secret-token", "x": 1 }),
        json!({ "scheme": "vapi-hmac", "secret": "my-secret" }),
    ] {
        let response = setting.send(Method::POST, "/v1/webhook-keys", &body).await;
        assert_eq!(problem(&response, 422), "invalid-request");
        assert!(!response.body().contains("my-secret"), "{}", response.body());
    }
    assert!(!setting.log.borrow().iter().any(|line| line.contains("my-secret")));
}

#[tokio::test]
async fn a_limit_is_set_and_lifted() {
    let setting = Setting::new().await;
    assert_eq!(setting.read("/v1/limits").await, json!({ "max_live_calls": null }));
    for most in [json!({ "max_live_calls": 3 }), json!({ "max_live_calls": null })] {
        assert_eq!(answered(&setting.send(Method::PUT, "/v1/limits", &most).await, 200), most);
        assert_eq!(setting.read("/v1/limits").await, most);
        let tenant = setting.store.tenant(&setting.tenant).await.unwrap().unwrap();
        assert_eq!(json!({ "max_live_calls": tenant.max_live_calls }), most);
    }
    assert_eq!(pointers(&setting.send(Method::PUT, "/v1/limits", &json!({})).await), ["/max_live_calls"]);
}

/// Changes something, from `address`.
async fn change(setting: &Setting, key: &str, address: &str, seconds: u64) -> Response<String> {
    let bearer = format!("Bearer {key}");
    let headers = [("authorization", bearer.as_str()), ("spin-client-addr", address)];
    let now = NOW.plus(Duration::from_secs(seconds));
    setting.send_at(Method::PUT, "/v1/limits", &headers, &json!({ "max_live_calls": 3 }), now).await
}

#[tokio::test]
async fn an_address_changes_the_configuration_twenty_times_a_minute() {
    let setting = Setting::new().await;
    for count in 0..20 {
        // Ports change with every connection, and whose key it is does not matter.
        let (address, key) = (format!("203.0.113.9:{}", 4000 + count), [KEY, STRANGERS_KEY][count % 2]);
        let response = change(&setting, key, &address, 0).await;
        answered(&response, 200);
        assert_eq!(response.headers()["ratelimit-policy"], "\"admin\";q=20;w=60");
    }
    let refused = change(&setting, KEY, "203.0.113.9:1", 0).await;
    assert_eq!(problem(&refused, 429), "rate-limited");
    assert_eq!(refused.headers()["retry-after"], "3");
    assert_eq!(refused.headers()["ratelimit"], "\"admin\";r=0;t=3");
    assert_eq!(refused.headers()["ratelimit-policy"], "\"admin\";q=20;w=60");
    answered(&change(&setting, KEY, "203.0.113.10:1", 0).await, 200);
    // Whoever waits as told is admitted, once.
    answered(&change(&setting, KEY, "203.0.113.9:1", 3).await, 200);
    assert_eq!(change(&setting, KEY, "203.0.113.9:1", 3).await.status(), 429);
    answered(&change(&setting, KEY, "203.0.113.9:1", 63).await, 200);
}

#[tokio::test]
async fn every_way_to_change_the_configuration_counts_and_nothing_else() {
    let setting = Setting::new().await;
    let ways = [
        (Method::POST, "/v1/webhook-keys"),
        (Method::DELETE, "/v1/webhook-keys/none"),
        (Method::PUT, "/v1/routing"),
        (Method::DELETE, "/v1/routing"),
        (Method::PUT, "/v1/limits"),
    ];
    for _ in 0..30 {
        // Reading, ordering, and asking without a key.
        for target in ["/v1/limits", "/v1/routing", "/v1/webhook-keys"] {
            assert_ne!(setting.send(Method::GET, target, &Value::Null).await.status(), 429);
        }
        assert_eq!(setting.send(Method::POST, "/v1/calls", &json!({})).await.status(), 422);
        assert_eq!(change(&setting, "wrong", "203.0.113.9:1", 0).await.status(), 401);
    }
    for count in 0..20 {
        let (method, target) = &ways[count % ways.len()];
        let response = setting.send(method.clone(), target, &Value::Null).await;
        assert_ne!(response.status(), 429, "{method} {target}");
    }
    for (method, target) in ways {
        let response = setting.send(method, target, &json!({})).await;
        assert_eq!(problem(&response, 429), "rate-limited", "{target}");
    }
}

#[tokio::test]
async fn behind_a_proxy_of_the_operators_its_clients_are_counted() {
    let mut setting = Setting::new().await;
    let variables = [("trust_forwarded", "true".to_owned())].into();
    setting.settings = Settings::from_variables(&variables);
    for count in 0..40 {
        let forwarded = format!("203.0.113.1, 198.51.100.{}", count % 2);
        let headers = [("x-forwarded-for", forwarded.as_str())];
        let body = json!({ "max_live_calls": 3 });
        answered(&setting.send_at(Method::PUT, "/v1/limits", &headers, &body, NOW).await, 200);
    }
    let headers = [("x-forwarded-for", "203.0.113.77, 198.51.100.0")];
    let refused = setting.send_at(Method::PUT, "/v1/limits", &headers, &json!({}), NOW).await;
    assert_eq!(problem(&refused, 429), "rate-limited");
}

#[tokio::test]
async fn without_a_configuration_nothing_is_changed() {
    let mut setting = Setting::new().await;
    setting.settings = Settings::from_variables(&[("trust_forwarded", "?".to_owned())].into());
    let response = change(&setting, KEY, "203.0.113.9:1", 0).await;
    assert_eq!(problem(&response, 500), "internal");
    assert!(!response.body().contains("trust_forwarded"));
    assert!(setting.log.borrow()[0].contains("trust_forwarded"));
}
