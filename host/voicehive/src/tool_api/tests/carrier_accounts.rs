//! Accounts with carriers that are a tenant's own.

use serde_json::{Value, json};
use store::Timestamp;

use super::setting::{STRANGERS_KEY, Setting};
use crate::tool_secrets::SecretKeys;

const TWILIO: &str = "/v1/carrier-accounts/twilio";
const TELNYX: &str = "/v1/carrier-accounts/telnyx";
const SID: &str = "AC0123456789abcdef0123456789abcdef";

/// A tenant whose webhooks both carriers can prove.
async fn setting() -> Setting {
    with_webhook_keys(Setting::new().await).await
}

async fn with_webhook_keys(setting: Setting) -> Setting {
    for carrier in ["twilio", "telnyx"] {
        setting.store.add_webhook_key(&setting.tenant, carrier, "a key", Timestamp(0)).await.unwrap();
    }
    setting
}

fn of_twilio() -> Value {
    json!({ "account_sid": SID, "auth_token": "sesame-open" })
}

fn of_telnyx() -> Value {
    json!({ "api_key": "KEY-sesame", "connection_id": "1293384261075731499" })
}

#[tokio::test]
async fn an_account_is_set_listed_without_its_secret_and_taken_away() {
    let setting = setting().await;
    assert_eq!(setting.get("/v1/carrier-accounts").await.body, json!({ "items": [] }));
    let set = setting.ask("PUT", TWILIO, &of_twilio()).await;
    assert_eq!((set.status, &set.body["account_sid"]), (200, &json!(SID)), "{set:?}");
    assert_eq!(setting.ask("PUT", TELNYX, &of_telnyx()).await.status, 200);
    let listed = setting.get("/v1/carrier-accounts").await;
    let items = listed.body["items"].as_array().unwrap();
    assert_eq!(items.iter().map(|item| &item["carrier"]).collect::<Vec<_>>(), ["telnyx", "twilio"]);
    assert_eq!(items[0]["connection_id"], "1293384261075731499");
    assert!(items[1]["set_by"].as_str().unwrap().starts_with("api key "), "{listed:?}");
    for shown in [&set.body, &listed.body] {
        assert!(!shown.to_string().contains("sesame"), "{shown}");
    }
    let row = setting.store.carrier_account(&setting.tenant, "twilio").await.unwrap().unwrap();
    assert!(!row.sealed.expose().contains("sesame"));
    assert_eq!(setting.ask("DELETE", TWILIO, &Value::Null).await.status, 204);
    assert_eq!(setting.ask("DELETE", TWILIO, &Value::Null).await.problem(), (404, "not-found"));
    assert_eq!(setting.get("/v1/carrier-accounts").await.body["items"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn what_cannot_open_an_account_is_refused_with_what_is_wrong() {
    let setting = setting().await;
    for (target, body, wrong) in [
        (TWILIO, json!({ "account_sid": "AC1", "auth_token": "x" }), "account_sid"),
        (TWILIO, json!({ "account_sid": SID, "auth_token": "" }), "auth_token"),
        (TWILIO, json!({ "account_sid": SID, "auth_token": "a b" }), "auth_token"),
        (TWILIO, json!({ "account_sid": SID }), "auth_token"),
        (TWILIO, of_telnyx(), "api_key"),
        (TELNYX, json!({ "api_key": "KEY", "connection_id": "../1" }), "connection_id"),
        (TELNYX, json!({ "api_key": "\u{e4}", "connection_id": "1" }), "api_key"),
        (TELNYX, json!({ "api_key": "KEY", "connection_id": "1", "base": "http://x" }), "base"),
    ] {
        let answer = setting.ask("PUT", target, &body).await;
        assert_eq!(answer.problem(), (422, "invalid-request"), "{body}");
        assert!(answer.body["detail"].as_str().unwrap().contains(wrong), "{answer:?}");
    }
    assert_eq!(setting.get("/v1/carrier-accounts").await.body, json!({ "items": [] }));
}

#[tokio::test]
async fn an_account_whose_webhooks_nobody_could_prove_is_refused() {
    let setting = Setting::new().await;
    let answer = setting.ask("PUT", TWILIO, &of_twilio()).await;
    assert_eq!(answer.problem(), (422, "invalid-request"));
    assert!(answer.body["detail"].as_str().unwrap().contains("/v1/webhook-keys"), "{answer:?}");
}

#[tokio::test]
async fn without_a_key_no_account_is_kept() {
    let setting = with_webhook_keys(Setting::with_keys(SecretKeys::default()).await).await;
    let answer = setting.ask("PUT", TWILIO, &of_twilio()).await;
    assert_eq!(answer.problem(), (503, "secrets-unavailable"));
    assert_eq!(setting.get("/v1/carrier-accounts").await.body, json!({ "items": [] }));
}

#[tokio::test]
async fn an_account_is_nobody_elses_and_there_are_two_carriers() {
    let setting = setting().await;
    assert_eq!(setting.ask("PUT", TWILIO, &of_twilio()).await.status, 200);
    let stranger = setting.as_tenant(STRANGERS_KEY, "GET", "/v1/carrier-accounts", &Value::Null).await;
    assert_eq!(stranger.body, json!({ "items": [] }));
    let stranger = setting.as_tenant(STRANGERS_KEY, "DELETE", TWILIO, &Value::Null).await;
    assert_eq!(stranger.problem(), (404, "not-found"));
    for (method, target) in [("GET", "/v1/carrier-accounts"), ("PUT", TWILIO), ("DELETE", TWILIO)] {
        let nobody = setting.as_tenant("a wrong key", method, target, &Value::Null).await;
        assert_eq!(nobody.problem(), (401, "unauthorized"), "{method} {target}");
    }
    for target in ["/v1/carrier-accounts/vapi", "/v1/carrier-accounts/%ff", "/v1/carrier-accounts/a/b"] {
        assert_eq!(
            setting.ask("DELETE", target, &Value::Null).await.problem(),
            (404, "not-found"),
            "{target}"
        );
    }
    let answer = setting.ask("GET", TWILIO, &Value::Null).await;
    assert_eq!(answer.problem(), (405, "method-not-allowed"));
}
