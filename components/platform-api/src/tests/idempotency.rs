//! A call is ordered once, however often the request for it comes.

use std::collections::BTreeMap;
use std::time::Duration;

use http::Method;
use proptest::prelude::*;
use serde_json::{Value, json};
use store::AgentId;

use super::ordering::{NUMBER, call, call_with, order, order_at, setting};
use super::setting::{NOW, STRANGERS_KEY, answered, problem};

#[tokio::test]
async fn the_same_request_finds_the_same_call() {
    let setting = setting().await;
    let first = order(&setting, "k1", &call()).await;
    let again = order(&setting, "k1", &call_with("ring_seconds", json!(30))).await;
    assert_eq!(answered(&first, 202), answered(&again, 200));
    assert_eq!(first.headers()["location"], again.headers()["location"]);
    assert_eq!(setting.read("/v1/calls").await["items"].as_array().unwrap().len(), 1);
    assert_eq!(setting.woken.borrow().len(), 1);
}

#[tokio::test]
async fn another_request_with_the_same_key_is_refused() {
    let setting = setting().await;
    answered(&order(&setting, "k1", &call()).await, 202);
    let other = order(&setting, "k1", &call_with("to", json!("+15551230009"))).await;
    assert_eq!(problem(&other, 409), "idempotency-key-reused");
    assert_eq!(setting.read("/v1/calls").await["items"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_key_is_its_tenants_own() {
    let setting = setting().await;
    let stranger = "stranger".parse().unwrap();
    let agent: AgentId = "receptionist".parse().unwrap();
    let own = setting.store.agent(&setting.tenant, &agent).await.unwrap().unwrap();
    setting.store.put_agent(&stranger, &own, NOW).await.unwrap();
    setting.store.put_number(&stranger, &"+34910000001".parse().unwrap(), None, NOW).await.unwrap();
    let first = answered(&order(&setting, "k1", &call()).await, 202);
    let bearer = format!("Bearer {STRANGERS_KEY}");
    let headers = [("authorization", bearer.as_str()), ("idempotency-key", "k1")];
    let body = call_with("from", json!("+34910000001"));
    let second = answered(&setting.send_at(Method::POST, "/v1/calls", &headers, &body, NOW).await, 202);
    assert_ne!(first["call"]["id"], second["call"]["id"]);
}

#[tokio::test]
async fn a_repeated_request_finds_its_call_when_its_time_is_over() {
    let setting = setting().await;
    let body = call_with("schedule", json!({ "until": "2026-11-20T14:00:00Z" }));
    let first = answered(&order(&setting, "k1", &body).await, 202);
    let later = NOW.plus(Duration::from_secs(24 * 60 * 60));
    assert_eq!(answered(&order_at(&setting, "k1", &body, later).await, 200), first);
    // Without its first request it is too late, and another request does not get its call.
    assert_eq!(problem(&order_at(&setting, "k2", &body, later).await, 422), "invalid-request");
    let other = call_with("schedule", json!({ "until": "2026-11-20T14:00:01Z" }));
    assert_eq!(problem(&order_at(&setting, "k1", &other, later).await, 409), "idempotency-key-reused");
}

#[tokio::test]
async fn requests_at_the_same_time_order_one_call() {
    let setting = setting().await;
    let body = call();
    let all = futures::future::join_all((0..8).map(|_| order(&setting, "k1", &body))).await;
    let placed = all.iter().filter(|response| response.status() == 202).count();
    let locations: Vec<_> = all.iter().map(|response| &response.headers()["location"]).collect();
    assert_eq!(placed, 1);
    assert!(locations.iter().all(|location| *location == locations[0]), "{locations:?}");
    assert_eq!(setting.woken.borrow().len(), 1);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn each_key_orders_the_call_of_its_first_request(
        requests in proptest::collection::vec((0usize..3, 0usize..3), 1..12)
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let setting = setting().await;
            let mut ordered: BTreeMap<usize, (usize, Value)> = BTreeMap::new();
            for (key, body) in requests {
                let to = format!("+1555123000{body}");
                let response = order(&setting, &format!("k{key}"), &call_with("to", json!(to))).await;
                match ordered.get(&key) {
                    None => {
                        let told = answered(&response, 202);
                        assert_eq!((&told["call"]["to"], &told["call"]["from"]), (&json!(to), &json!(NUMBER)));
                        ordered.insert(key, (body, told["call"]["id"].clone()));
                    }
                    Some((first, id)) if *first == body => {
                        assert_eq!(&answered(&response, 200)["call"]["id"], id);
                    }
                    Some(_) => assert_eq!(problem(&response, 409), "idempotency-key-reused"),
                }
            }
            let listed = setting.read("/v1/calls").await;
            assert_eq!(listed["items"].as_array().unwrap().len(), ordered.len());
            assert_eq!(setting.woken.borrow().len(), ordered.len());
        });
    }
}
