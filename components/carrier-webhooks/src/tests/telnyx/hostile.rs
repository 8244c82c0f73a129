//! What Telnyx would never send, signed by it all the same.

use proptest::prelude::*;
use serde_json::{Map, Value, json};
use store::{CallFilter, Timestamp};
use telnyx::ClientState;

use super::line::{LEG, LEG_ID, SESSION, setting};
use crate::tests::senders::telnyx;
use crate::tests::setting::{CALLER, NOW, NUMBER};

const TARGET: &str = "/webhooks/telnyx/call";

const TYPES: [&str; 14] = [
    "call.initiated",
    "call.answered",
    "call.bridged",
    "call.hangup",
    "streaming.started",
    "streaming.failed",
    "call.dtmf.received",
    "call.machine.detection.ended",
    "call.recording.saved",
    "call.recording.error",
    "call.speak.ended",
    "call.cost",
    "call.of.tomorrow",
    "",
];

const FIELDS: [&str; 14] = [
    "call_control_id",
    "call_leg_id",
    "call_session_id",
    "client_state",
    "direction",
    "from",
    "to",
    "digit",
    "total_cost",
    "hangup_cause",
    "sip_hangup_cause",
    "recording_urls",
    "recording_id",
    "status",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Of one database after the other: what a sequence of well-signed nonsense leads to is never our fault.
    #[test]
    fn nonsense_that_is_signed_is_never_a_fault_of_ours(
        events in prop::collection::vec(
            (0..TYPES.len(), prop::collection::vec((0..FIELDS.len(), value()), 0..8), value()),
            1..12,
        ),
    ) {
        block_on(async {
            let setting = setting().await;
            for (event_type, fields, id) in events {
                let mut payload = Map::new();
                for (name, value) in [("call_control_id", LEG), ("from", CALLER), ("to", NUMBER)] {
                    payload.insert(name.to_owned(), json!(value));
                }
                payload.extend(fields.into_iter().map(|(name, value)| (FIELDS[name].to_owned(), value)));
                let event = json!({ "data": { "id": id, "event_type": TYPES[event_type], "payload": payload } });
                let status = setting.telnyx_at(TARGET, &event, NOW).await;
                assert!((200..300).contains(&status), "{event} {:?}", setting.log.borrow());
            }
            assert!(setting.store.calls(&setting.tenant, &CallFilter::default(), None, 100).await.is_ok());
        });
    }

    #[test]
    fn no_body_is_a_fault_of_ours(body in "[\\PC{}\\[\\]\":,0-9a-z]{0,200}", at in 0_i64..100) {
        block_on(async {
            let setting = setting().await;
            let status = setting.send(&telnyx(TARGET, &body, Timestamp(NOW.0 + at))).await.status();
            assert!(!status.is_server_error(), "{body} {:?}", setting.log.borrow());
        });
    }
}

#[tokio::test]
async fn the_largest_body_that_is_read_is_answered_like_the_smallest() {
    let setting = setting().await;
    for filler in ["x".repeat(60_000), "[".repeat(60_000), "{\"a\":".repeat(10_000)] {
        let nested = format!(r#"{{"data":{{"id":"e","event_type":"call.answered","payload":{{"x":{filler}"#);
        let response = setting.send(&telnyx(TARGET, &nested, NOW)).await;
        assert_eq!(response.status(), 400);
        let long = json!({ "data": { "id": filler, "event_type": "call.initiated",
            "payload": { "call_control_id": LEG, "from": CALLER, "to": NUMBER } } });
        assert_eq!(setting.telnyx_at(TARGET, &long, NOW).await / 100, 2);
    }
    assert_eq!(setting.rows().await, [0, 0, 0, 0]);
}

fn value() -> impl Strategy<Value = Value> {
    let state = ClientState::of_call("0190b5a0-0000-7000-8000-000000000000").unwrap().encoded();
    let known = vec![
        json!(LEG),
        json!(LEG_ID),
        json!(SESSION),
        json!(state),
        json!("unnamed:1"),
        json!(NUMBER),
        json!(CALLER),
        json!("incoming"),
        json!("outgoing"),
        json!("0.5"),
        json!("#"),
        json!("486"),
        json!(""),
        json!("\u{0}"),
        json!({ "wav": "https://r.example/1.wav" }),
        json!(["+1", "+2"]),
        json!(-1),
        json!(1e300),
        json!(true),
        Value::Null,
    ];
    prop_oneof![5 => prop::sample::select(known), 1 => "\\PC{0,20}".prop_map(Value::from)]
}

fn block_on(future: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future);
}
