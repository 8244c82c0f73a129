//! Whatever order and number of deliveries.

use std::collections::BTreeSet;

use call_state::EventKind;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::line::{answered, event, hangup, initiated, saved, setting_with_routing, spoken, table};

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn one_call_comes_of_it_and_nothing_is_ordered_twice(
        decision in decisions(),
        picks in proptest::collection::vec(any::<prop::sample::Index>(), 1..24),
    ) {
        let all = webhooks();
        let deliveries: Vec<Value> = picks.iter().map(|pick| pick.get(&all).clone()).collect();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(check(&decision, &deliveries));
    }
}

async fn check(decision: &Value, deliveries: &[Value]) {
    let setting = setting_with_routing(&table(decision)).await;
    setting.telnyx(deliveries).await;
    // What names no leg is lost where nothing else came before it, which no carrier's order of things allows.
    let lost = deliveries[0]["data"]["id"] == "saved";
    let heard: Vec<&Value> =
        deliveries.iter().filter(|event| !lost || event["data"]["id"] != "saved").collect();
    let ids: BTreeSet<&str> = heard.iter().map(|event| event["data"]["id"].as_str().unwrap()).collect();
    if ids.is_empty() {
        assert!(setting.calls().await.is_empty());
        return;
    }
    let call = setting.only_call().await;
    let state = setting.store.carrier_state(&setting.tenant, &call.id).await.unwrap();
    let recorded: Vec<&str> = state.record().iter().map(|recorded| recorded.event.id.as_str()).collect();
    assert_eq!(recorded.iter().copied().collect::<BTreeSet<_>>(), ids);
    assert_eq!(recorded.len(), ids.len());

    let ordered = setting.ordered().await;
    let told: BTreeSet<(&str, &str)> =
        ordered.iter().map(|(action, body)| (action.as_str(), said(body))).collect();
    assert_eq!(told.len(), ordered.len(), "{ordered:?}");
    let position = |wanted: fn(&EventKind) -> bool| {
        state.record().iter().position(|recorded| wanted(&recorded.event.kind))
    };
    let ended = position(|kind| matches!(kind, EventKind::Ended(_)));
    let begun = position(|kind| matches!(kind, EventKind::Initiated | EventKind::Answered { .. }));
    if ended.is_some_and(|ended| begun.is_none_or(|begun| ended < begun)) {
        assert!(ordered.is_empty(), "{ordered:?} of {recorded:?}");
    }
    // Told all of it again, signed later, the call stands as it stood.
    let later = store::Timestamp(crate::tests::setting::NOW.0 + 5000);
    for event in heard {
        assert!(setting.telnyx_at("/webhooks/telnyx/call", event, later).await < 300);
    }
    assert_eq!(setting.ordered().await, ordered);
    assert_eq!(setting.only_call().await, call);
}

/// What tells two commands of one action apart.
fn said(body: &Value) -> &str {
    body["payload"].as_str().or(body["stream_url"].as_str()).unwrap_or_default()
}

fn webhooks() -> Vec<Value> {
    let failed = |id| event(id, "streaming.failed", json!({ "failure_reason": "connection_failed" }));
    vec![
        initiated(),
        answered(),
        event("started", "streaming.started", json!({})),
        failed("failed-1"),
        failed("failed-2"),
        failed("failed-3"),
        event("key", "call.dtmf.received", json!({ "digit": "1" })),
        spoken("spoken-1"),
        spoken("spoken-2"),
        saved(),
        event("bridged", "call.bridged", json!({})),
        event("cost", "call.cost", json!({ "total_cost": "0.01", "billed_duration_secs": 6 })),
        hangup(),
    ]
}

fn decisions() -> impl Strategy<Value = Value> {
    prop::sample::select(vec![
        json!({ "connect": "receptionist" }),
        json!({ "message": "We are closed." }),
        json!({ "voicemail": { "greeting": "Leave a message.", "max_seconds": 60 } }),
        json!({ "forward": { "to": "+34600000000", "ring_seconds": 20 } }),
        json!({ "reject": "busy" }),
    ])
}
