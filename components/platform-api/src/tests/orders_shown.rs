//! What is seen of a call that was ordered, and how it is called off.

use std::time::Duration;

use call_state::{AnsweredBy, Cost, EndReason, Ending, EventKind, Ids, Recording};
use http::Method;
use serde_json::{Value, json};
use store::CallId;

use super::ordering::{call, order, setting};
use super::setting::{NOW, Setting, answered, problem};

async fn ordered(setting: &Setting) -> CallId {
    let told = answered(&order(setting, "k1", &call()).await, 202);
    told["call"]["id"].as_str().unwrap().parse().unwrap()
}

async fn cancel(setting: &Setting, id: &str) -> http::Response<String> {
    setting.send(Method::POST, &format!("/v1/calls/{id}/cancel"), &Value::Null).await
}

#[tokio::test]
async fn an_order_is_called_off_once_and_stays_so() {
    let setting = setting().await;
    let id = ordered(&setting).await;
    let told = answered(&cancel(&setting, id.as_str()).await, 200);
    assert_eq!((&told["order"]["state"], &told["call"]["status"]), (&json!("cancelled"), &json!("canceled")));
    assert_eq!(told["order"]["next_at"], Value::Null);
    assert_eq!(answered(&cancel(&setting, id.as_str()).await, 200), told);
    // Its request finds it, and does not order it again.
    assert_eq!(answered(&order(&setting, "k1", &call()).await, 200)["order"]["state"], "cancelled");
}

#[tokio::test]
async fn what_is_being_placed_cannot_be_called_off() {
    let setting = setting().await;
    let id = ordered(&setting).await;
    assert!(setting.store.order_attempt(&setting.tenant, &id, "attempt-1", NOW).await.unwrap());
    assert_eq!(problem(&cancel(&setting, id.as_str()).await, 409), "too-late");
    let shown = setting.read(&format!("/v1/calls/{id}")).await;
    assert_eq!(
        (&shown["order"]["state"], &shown["order"]["attempted_at"]),
        (&json!("placing"), &json!(NOW.0))
    );
}

#[tokio::test]
async fn what_was_never_ordered_cannot_be_called_off() {
    let setting = setting().await;
    let inbound = setting.call("CA1", NOW).await;
    assert_eq!(problem(&cancel(&setting, inbound.id.as_str()).await, 409), "too-late");
    for id in ["nothing", "a%2Fb"] {
        assert_eq!(problem(&cancel(&setting, id).await, 404), "not-found");
    }
    let id = ordered(&setting).await;
    let target = format!("/v1/calls/{id}/cancel");
    let response = setting.send(Method::POST, &target, &json!({ "reason": "changed my mind" })).await;
    assert_eq!(problem(&response, 422), "invalid-request");
}

#[tokio::test]
async fn a_call_that_could_not_be_placed_says_why() {
    let setting = setting().await;
    let (id, tenant) = (ordered(&setting).await, &setting.tenant);
    setting.store.order_attempt(tenant, &id, "attempt-1", NOW).await.unwrap();
    let again = NOW.plus(Duration::from_secs(2));
    setting.store.order_again(tenant, &id, again, "the carrier is busy (429)").await.unwrap();
    let shown = setting.read(&format!("/v1/calls/{id}")).await;
    assert_eq!((&shown["order"]["attempts"], &shown["order"]["state"]), (&json!(1), &json!("queued")));
    assert_eq!(shown["order"]["last_error"], "the carrier is busy (429)");
    assert_eq!(shown["order"]["next_at"], again.0);
    // It is certain that this attempt placed nothing.
    assert_eq!(shown["order"]["attempted_at"], Value::Null);

    let refused = "the carrier refuses the number (21211)";
    setting.store.order_failed(tenant, &id, EndReason::Rejected, refused, NOW).await.unwrap();
    let shown = setting.read(&format!("/v1/calls/{id}")).await;
    assert_eq!(
        (&shown["order"]["state"], &shown["order"]["last_error"]),
        (&json!("failed"), &json!(refused))
    );
    assert_eq!(shown["call"]["status"], "failed");
    assert_eq!(shown["call"]["end_reason"], EndReason::Rejected.code());
    assert!(shown["call"]["end_fault"].is_string(), "{shown}");
}

#[tokio::test]
async fn a_call_that_was_placed_shows_what_carriers_say_of_it() {
    let setting = setting().await;
    let (id, tenant) = (ordered(&setting).await, &setting.tenant);
    setting.store.order_attempt(tenant, &id, "attempt-1", NOW).await.unwrap();
    let ids = Ids { leg: Some("CA7".into()), ..Ids::default() };
    setting.store.order_placed(tenant, &id, &ids, NOW).await.unwrap();
    let call = setting.store.call(tenant, &id).await.unwrap().unwrap();
    setting.hear(&call, EventKind::Answered { by: Some(AnsweredBy::Human) }).await;
    let url = Some("https://carrier.test/recording?signature=secret".to_owned());
    let recording = Recording { id: "RE1".into(), url, duration: Some(Duration::from_millis(61_500)) };
    setting.hear(&call, EventKind::RecordingSaved(recording)).await;
    let mut ending = Ending::new(EndReason::CalleeHangup);
    ending.cost = Some(Cost { micros: 13_000, currency: Some("USD".into()) });
    setting.hear(&call, EventKind::Ended(ending)).await;

    let shown = setting.read(&format!("/v1/calls/{id}")).await;
    assert_eq!(shown["order"]["state"], "placed");
    assert_eq!(shown["call"]["carrier_call_id"], "CA7");
    assert_eq!(shown["call"]["answered_by"], "human");
    assert_eq!(shown["call"]["cost"], json!({ "micros": 13_000, "currency": "USD" }));
    assert_eq!(shown["call"]["end_fault"], "callee");
    let expected = json!([{
        "id": "RE1", "duration_ms": 61_500, "state": "known", "bytes": null, "sha256": null, "fetched_at": null,
    }]);
    assert_eq!(shown["recordings"], expected);

    setting.store.recording_fetched(tenant, &id, "RE1", 4096, &"0f".repeat(32), NOW).await.unwrap();
    let listed = setting.read(&format!("/v1/calls/{id}/recordings")).await;
    let fetched = &listed["items"][0];
    assert_eq!(
        (&fetched["state"], &fetched["bytes"], &fetched["fetched_at"]),
        (&json!("fetched"), &json!(4096), &json!(NOW.0))
    );
    assert!(!listed.to_string().contains("secret"));
}

#[tokio::test]
async fn a_call_that_came_in_has_no_order_and_perhaps_no_recordings() {
    let setting = setting().await;
    let id = setting.call("CA1", NOW).await.id;
    let shown = setting.read(&format!("/v1/calls/{id}")).await;
    assert_eq!((&shown["order"], &shown["recordings"]), (&Value::Null, &json!([])));
    assert_eq!(setting.read(&format!("/v1/calls/{id}/recordings")).await, json!({ "items": [] }));
    for target in ["/v1/calls/none/recordings", "/v1/calls/a%20b/recordings"] {
        assert_eq!(problem(&setting.get(target, super::setting::KEY).await, 404), "not-found");
    }
}
