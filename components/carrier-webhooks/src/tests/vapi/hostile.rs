//! What Vapi would never send, proven all the same.

use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::super::senders::{VAPI_SECRET, vapi};
use super::super::setting::{CALLER, NUMBER};
use super::*;
use crate::service::{Body, body_bytes_max};

const KINDS: [&str; 10] = [
    "assistant-request",
    "tool-calls",
    "function-call",
    "status-update",
    "end-of-call-report",
    "transfer-update",
    "transfer-destination-request",
    "knowledge-base-request",
    "transcript",
    "of-next-year",
];

const KEYS: [&str; 24] = [
    "call",
    "id",
    "type",
    "phoneNumber",
    "number",
    "customer",
    "timestamp",
    "status",
    "endedReason",
    "startedAt",
    "endedAt",
    "cost",
    "artifact",
    "messages",
    "role",
    "message",
    "time",
    "performanceMetrics",
    "turnLatencies",
    "recordingUrl",
    "toolCallList",
    "functionCall",
    "name",
    "destination",
];

const TEXTS: [&str; 17] = [
    CALL,
    NUMBER,
    CALLER,
    "unnamed:1",
    "inboundPhoneCall",
    "outboundPhoneCall",
    "ringing",
    "in-progress",
    "ended",
    "forwarding",
    "customer-ended-call",
    "user",
    "bot",
    "2026-11-20T13:04:10Z",
    "-262144-01-01T00:00:00Z",
    "\u{0}\u{202e}",
    "",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Of one database after the other: what a sequence of proven nonsense leads to is never our fault, and what asks is
    /// always answered.
    #[test]
    fn nonsense_that_is_proven_is_never_a_fault_of_ours(
        messages in prop::collection::vec((0..KINDS.len(), fields()), 1..10),
    ) {
        block_on(async {
            let setting = setting().await;
            for (kind, fields) in messages {
                let kind = KINDS[kind];
                let body = message(kind, fields);
                let response = setting.send(&proven(&body)).await;
                let status = response.status().as_u16();
                let reports = ["status-update", "end-of-call-report", "transfer-update"].contains(&kind);
                assert!(status == 200 || (reports && status == 400), "{status} {body} {:?}", setting.log.borrow());
                let reply: Value = serde_json::from_str(response.body()).unwrap();
                assert!(kind != "tool-calls" || reply["results"].is_array(), "{reply}");
            }
        });
    }
}

#[tokio::test]
async fn a_conversation_of_a_megabyte_is_stored() {
    let setting = setting().await;
    let said: Vec<_> = (0..9_000)
        .map(|n| json!({ "role": if n % 2 == 0 { "user" } else { "bot" }, "message": "What did you say? ".repeat(4) }))
        .collect();
    let body = message("end-of-call-report", json!({ "artifact": { "messages": said } }));
    assert!((900_000..body_bytes_max(PATH)).contains(&body.len()), "{}", body.len());
    assert_eq!(setting.send(&proven(&body)).await.status(), 200);
    let call = only_call(&setting).await;
    assert_eq!(setting.store.turns(&setting.tenant, &call.id).await.unwrap().len(), 1000);
}

#[tokio::test]
async fn a_body_that_is_not_whole_is_refused() {
    let setting = setting().await;
    for (body, status) in
        [(Body::TooLarge, 413), (Body::Broken, 400), (Body::Whole(vec![0xff; 1 << 20]), 400)]
    {
        let mut request = proven("");
        request.body = body;
        assert_eq!(setting.send(&request).await.status(), status);
    }
}

fn proven(body: &str) -> crate::service::Incoming {
    vapi(PATH, "x-vapi-secret", VAPI_SECRET, body)
}

fn fields() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        4 => prop::sample::select(TEXTS.to_vec()).prop_map(Value::from),
        1 => "\\PC{0,20}".prop_map(Value::from),
        1 => any::<f64>().prop_map(Value::from),
        1 => any::<i64>().prop_map(Value::from),
        1 => Just(Value::Null),
    ];
    let value = leaf.prop_recursive(4, 48, 6, |inner| {
        prop_oneof![prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from), object(inner)]
    });
    // The type is the message's own.
    object(value).prop_map(|mut fields| {
        fields.as_object_mut().unwrap().remove("type");
        fields
    })
}

fn object(value: impl Strategy<Value = Value>) -> impl Strategy<Value = Value> {
    let entry = (prop::sample::select(KEYS.to_vec()), value);
    prop::collection::vec(entry, 0..7).prop_map(|entries| {
        Value::Object(entries.into_iter().map(|(key, value)| (key.to_owned(), value)).collect::<Map<_, _>>())
    })
}

fn block_on(future: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future);
}
