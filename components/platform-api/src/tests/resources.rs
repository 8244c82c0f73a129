use std::time::Duration;

use events::{CallEvent, EndReason};
use serde_json::{Value, json};
use store::NewMemory;

use super::setting::{KEY, NOW, Setting, problem};

#[tokio::test]
async fn calls_are_listed_by_page_from_the_newest() {
    let setting = Setting::new().await;
    for number in 0..5 {
        setting.call(&format!("CA{number}"), NOW.plus(Duration::from_secs(number))).await;
    }
    let (mut found, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = setting.read(&format!("/v1/calls?limit=2{cursor}")).await;
        let items = page["items"].as_array().unwrap();
        found.extend(items.iter().map(|call| call["carrier_call_id"].as_str().unwrap().to_owned()));
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    assert_eq!(found, ["CA4", "CA3", "CA2", "CA1", "CA0"]);
}

#[tokio::test]
async fn calls_are_found_by_status_and_caller() {
    let setting = Setting::new().await;
    setting.call("CA1", NOW).await;
    let over = setting.call("CA2", NOW).await;
    let ended = CallEvent::Ended { reason: EndReason::AgentHangup };
    setting.store.append_event(&setting.tenant, &over.id, ended, NOW).await.unwrap();
    for (query, expected) in [
        ("status=completed", vec!["CA2"]),
        ("status=ringing&from=%2B15551230000", vec!["CA1"]),
        ("from=%2B34600000000", vec![]),
    ] {
        let page = setting.read(&format!("/v1/calls?{query}")).await;
        let items = page["items"].as_array().unwrap();
        let found: Vec<_> = items.iter().map(|call| call["carrier_call_id"].as_str().unwrap()).collect();
        assert_eq!(found, expected, "{query}");
    }
}

#[tokio::test]
async fn parameters_that_make_no_sense_are_named() {
    let setting = Setting::new().await;
    for (target, named) in [
        ("/v1/calls?limit=0", "`limit`"),
        ("/v1/calls?status=cancelled", "`status`"),
        ("/v1/calls?cursor=page2", "`cursor`"),
        ("/v1/calls?form=x", "`form`"),
        ("/v1/calls/x?limit=1", "`limit`"),
        ("/v1/appointments?from=x", "`from`"),
        ("/v1/customers/x/memories?limit=1000", "`limit`"),
    ] {
        let response = setting.get(target, KEY).await;
        assert_eq!(problem(&response, 422), "invalid-parameter", "{target}");
        assert!(response.body().contains(named), "{target}: {}", response.body());
    }
}

#[tokio::test]
async fn a_call_is_shown_with_its_transcript_latencies_and_events() {
    let setting = Setting::new().await;
    let call = setting.call("CA1", NOW).await;
    setting.conversation(&call).await;
    let shown = setting.read(&format!("/v1/calls/{}", call.id)).await;
    assert_eq!(shown["call"]["id"], call.id.as_str());
    assert_eq!(shown["call"]["status"], "in-progress");
    assert_eq!(shown["call"]["answered_at"], NOW.0);
    assert_eq!(shown["call"].get("tenant"), None);
    let turn = &shown["transcript"]["turns"][0];
    assert_eq!((&turn["caller"], &turn["heard"]), (&json!("Any slots?"), &json!("On Monday at ten.")));
    assert_eq!(shown["latencies"][0]["turn"], 1);
    assert_eq!(shown["latencies"][0]["total"], 500.5);
    assert_eq!(shown["latencies"][0]["metrics"]["e2e_latency"], 0.5005);
    assert_eq!(shown["latency"]["e2e"]["p50"], 500.5);
    assert_eq!(shown["latency"]["llm"]["values"], serde_json::json!([200.5]));
    let events = shown["events"].as_array().unwrap();
    let seen: Vec<_> = events.iter().map(|event| (&event["seq"], event["type"].as_str().unwrap())).collect();
    let expected = [(1, "media.connected"), (2, "turn.committed"), (3, "turn.finished")];
    assert_eq!(
        seen,
        expected.map(|(seq, kind)| (Value::from(seq), kind)).each_ref().map(|(seq, kind)| (seq, *kind))
    );
    assert_eq!(events[1]["data"], json!({ "turn": 1, "text": "Any slots?" }));
}

#[tokio::test]
async fn an_event_of_newer_code_is_shown_as_it_is() {
    let setting = Setting::new().await;
    let call = setting.call("CA1", NOW).await;
    setting.conversation(&call).await;
    let sql = "INSERT INTO call_events (tenant, call, seq, at, type, data) \
               VALUES ('default', ?1, 9, 0, 'call.beamed', '{\"to\":\"orbit\"}')";
    let insert = store::Statement::new(sql, [(&call.id).into()]);
    store::Db::execute(setting.store.db(), insert).await.unwrap();
    let shown = setting.read(&format!("/v1/calls/{}", call.id)).await;
    assert_eq!(
        shown["events"][3],
        json!({ "seq": 9, "at": 0, "type": "call.beamed", "data": { "to": "orbit" } })
    );
    assert_eq!(shown["transcript"]["turns"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn what_the_tools_keep_is_listed_by_status_and_page() {
    let setting = Setting::new().await;
    for (key, value) in [
        ("appointments/a", json!({ "status": "booked", "start": "2026-11-23T10:00:00" })),
        ("appointments/b", json!({ "status": "cancelled" })),
        ("appointments/c", json!({ "status": "booked" })),
        ("leads/1", json!({ "name": "Ana" })),
        ("notifications/1", json!({ "channel": "voicemail" })),
    ] {
        setting.store.insert_record(&setting.tenant, key, value.to_string().as_bytes()).await.unwrap();
    }
    let booked = setting.read("/v1/appointments?status=booked&limit=1").await;
    assert_eq!(booked["items"][0]["id"], "a");
    assert_eq!(booked["items"][0]["data"]["start"], "2026-11-23T10:00:00");
    let next = booked["next_cursor"].as_str().unwrap();
    let rest = setting.read(&format!("/v1/appointments?status=booked&cursor={next}")).await;
    assert_eq!((&rest["items"][0]["id"], &rest["next_cursor"]), (&json!("c"), &Value::Null));
    assert_eq!(setting.read("/v1/leads").await["items"][0]["data"]["name"], "Ana");
    assert_eq!(setting.read("/v1/notifications").await["items"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn memories_are_found_by_id_and_by_number() {
    let setting = Setting::new().await;
    let customer = setting.store.customer_by_phone(&setting.tenant, "+15551230000", NOW).await.unwrap();
    let memory = NewMemory {
        kind: "preference".into(),
        text: "Prefers mornings".into(),
        embedding: vec![0.5; 8],
        model: "lexical".into(),
        at: NOW,
    };
    setting.store.insert_memories(&setting.tenant, &customer.id, &[memory]).await.unwrap();
    let by_id = setting.read(&format!("/v1/customers/{}/memories", customer.id)).await;
    assert_eq!(by_id["customer"]["phone"], "+15551230000");
    assert_eq!(by_id["items"][0]["text"], "Prefers mornings");
    assert_eq!(by_id["items"][0].get("embedding"), None);
    for target in ["/v1/customers/+15551230000/memories", "/v1/customers/%2B15551230000/memories?limit=5"] {
        assert_eq!(setting.read(target).await, by_id);
    }
}
