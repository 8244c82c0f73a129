//! Calls that no agent takes.

use serde_json::{Value, json};
use store::CallStatus;
use store::projections::Projection;
use telnyx::ClientState;

use super::line::{answered, event, hangup, initiated, saved, setting, setting_with_routing, spoken, table};

#[tokio::test]
async fn a_message_is_said_and_the_call_ended() {
    let setting = setting_with_routing(&table(&json!({ "message": "We are closed." }))).await;
    setting.telnyx(&[initiated(), answered(), spoken("s")]).await;
    let call = setting.only_call().await;
    assert_eq!(call.agent, None);
    let state = ClientState::of_call(call.id.as_str()).unwrap().encoded();
    let expected = [
        ("answer", json!({ "client_state": state })),
        (
            "speak",
            json!({
                "payload": "We are closed.",
                "payload_type": "text",
                "voice": "AWS.Polly.Joanna-Neural",
                "client_state": state,
            }),
        ),
        ("hangup", json!({ "client_state": state })),
    ];
    assert_eq!(setting.ordered().await, expected.map(|(action, body)| (action.to_owned(), body)));
    // One poke for each command, none for the copies.
    setting.telnyx(&[answered(), spoken("s")]).await;
    assert_eq!(setting.asked.borrow().len(), 3);
}

#[tokio::test]
async fn a_table_that_changes_during_a_call_does_not_change_the_call() {
    let setting = setting_with_routing(&table(&json!({ "message": "We are closed." }))).await;
    setting.telnyx(&[initiated()]).await;
    setting.store.set_routing(&setting.tenant, Some(&table(&json!({ "reject": "busy" })))).await.unwrap();
    setting.telnyx(&[answered()]).await;
    assert_eq!(setting.actions().await, ["answer", "speak"]);
}

#[tokio::test]
async fn a_message_of_the_callers_is_recorded_noted_and_thanked() {
    let voicemail = json!({ "voicemail": { "greeting": "Leave a message.", "max_seconds": 90 } });
    let setting = setting_with_routing(&table(&voicemail)).await;
    setting.telnyx(&[initiated(), answered(), spoken("greeting"), saved(), saved(), spoken("thanks")]).await;
    let ordered = setting.ordered().await;
    let actions: Vec<&str> = ordered.iter().map(|(action, _)| action.as_str()).collect();
    assert_eq!(actions, ["answer", "speak", "record_start", "speak", "hangup"]);
    assert_eq!(ordered[1].1["payload"], "Leave a message.");
    let record = &ordered[2].1;
    assert_eq!((&record["max_length"], &record["play_beep"]), (&json!(90), &json!(true)));
    assert!(ordered[3].1["payload"].as_str().unwrap().starts_with("Thank you"));
    let call = setting.only_call().await;
    let kept = notes(&setting).await;
    assert_eq!(kept.len(), 1);
    assert_eq!((&kept[0]["recording"], &kept[0]["duration_s"]), (&json!("rec-1"), &json!(7)));
    assert_eq!(kept[0]["call"], call.id.as_str());
}

#[tokio::test]
async fn who_hangs_up_after_the_beep_has_left_a_message_too() {
    let voicemail = json!({ "voicemail": { "greeting": "Leave a message.", "max_seconds": 90 } });
    let setting = setting_with_routing(&table(&voicemail)).await;
    setting.telnyx(&[initiated(), answered(), spoken("greeting"), hangup(), saved()]).await;
    assert_eq!(setting.actions().await, ["answer", "speak", "record_start"]);
    assert_eq!(notes(&setting).await.len(), 1);
}

#[tokio::test]
async fn a_message_that_could_not_be_recorded_is_apologised_for() {
    let voicemail = json!({ "voicemail": { "greeting": "Leave a message.", "max_seconds": 90 } });
    let setting = setting_with_routing(&table(&voicemail)).await;
    let failed = event("error", "call.recording.error", json!({ "reason": "failed_to_upload" }));
    setting.telnyx(&[initiated(), answered(), spoken("greeting"), failed, spoken("sorry")]).await;
    let ordered = setting.ordered().await;
    assert!(ordered[3].1["payload"].as_str().unwrap().starts_with("We are sorry"));
    assert_eq!(ordered[4].0, "hangup");
    assert!(notes(&setting).await.is_empty());
}

#[tokio::test]
async fn a_call_is_handed_over_unanswered_and_takes_a_message_where_nobody_is_there() {
    let forward = json!({ "forward": { "to": "+34600000000", "ring_seconds": 25 } });
    let setting = setting_with_routing(&table(&forward)).await;
    setting.telnyx(&[initiated()]).await;
    let call = setting.only_call().await;
    let target = ClientState::of_leg(call.id.as_str(), "forwarded").unwrap().encoded();
    let (action, body) = setting.ordered().await.remove(0);
    assert_eq!(action, "transfer");
    assert_eq!((&body["to"], &body["timeout_secs"]), (&json!("+34600000000"), &json!(25)));
    assert_eq!(body["target_leg_client_state"], target);

    let further = |id: &str, event_type: &str, mut fields: Value| {
        fields["call_control_id"] = json!("v3:second-leg");
        fields["call_leg_id"] = json!("another-leg");
        fields["client_state"] = json!(target);
        event(id, event_type, fields)
    };
    let rings = further("b1", "call.initiated", json!({ "direction": "outgoing" }));
    let gone = further("b2", "call.hangup", json!({ "hangup_cause": "timeout", "hangup_source": "callee" }));
    setting.telnyx(&[rings, gone.clone(), gone]).await;
    assert_eq!(setting.actions().await, ["transfer", "answer"]);
    let call = setting.only_call().await;
    assert!(!call.status.is_terminal());
    let state = setting.store.carrier_state(&setting.tenant, &call.id).await.unwrap();
    assert_eq!(state.facts().further_legs().len(), 1);
    setting.telnyx(&[answered(), spoken("greeting"), saved(), spoken("thanks")]).await;
    assert_eq!(setting.actions().await, ["transfer", "answer", "speak", "record_start", "speak", "hangup"]);
    assert_eq!(notes(&setting).await.len(), 1);
}

#[tokio::test]
async fn a_call_is_turned_down_for_the_decided_cause() {
    for (rejection, cause) in [("busy", "USER_BUSY"), ("declined", "CALL_REJECTED")] {
        let setting = setting_with_routing(&table(&json!({ "reject": rejection }))).await;
        setting.telnyx(&[initiated()]).await;
        let (action, body) = setting.ordered().await.remove(0);
        assert_eq!((action.as_str(), &body["cause"]), ("reject", &json!(cause)));
    }
}

#[tokio::test]
async fn what_is_wrong_with_us_is_said() {
    for broken in ["{}", r#"{ "hours": { "time_zone": "Mars/Base" }, "fallback": { "connect": "a" } }"#] {
        let setting = setting_with_routing(broken).await;
        setting.telnyx(&[initiated(), answered()]).await;
        let ordered = setting.ordered().await;
        assert!(ordered[1].1["payload"].as_str().unwrap().starts_with("We are sorry"), "{ordered:?}");
        assert!(setting.log.borrow().iter().any(|line| line.contains("routing-table")));
    }
}

#[tokio::test]
async fn a_caller_over_the_limit_hears_a_sentence() {
    let mut setting = setting().await;
    setting.settings.as_mut().unwrap().webhooks_per_minute = 1;
    setting.telnyx(&[initiated()]).await;
    let second = |id: &str, event_type: &str| {
        let ids = json!({ "call_control_id": "v3:other", "call_leg_id": "l2", "call_session_id": "s2", "direction": "incoming" });
        event(id, event_type, ids)
    };
    let (offered, taken) = (second("i2", "call.initiated"), second("a2", "call.answered"));
    setting.telnyx(&[offered, taken, answered()]).await;
    let commands = setting.commands_of("v3:other").await;
    assert_eq!(commands.iter().map(|(action, _)| action.as_str()).collect::<Vec<_>>(), ["answer", "speak"]);
    assert_eq!(commands[0].1.get("stream_url"), None);
    // The first call goes on, for follow-ups of a known call are not counted.
    assert_eq!(setting.commands_of(super::line::LEG).await.len(), 1);
}

#[tokio::test]
async fn a_tenant_with_too_many_calls_is_busy() {
    let setting = setting().await;
    setting.store.set_max_live_calls(&setting.tenant, Some(0)).await.unwrap();
    let turned_down = json!({ "hangup_cause": "user_busy", "hangup_source": "callee" });
    setting.telnyx(&[initiated(), event("end", "call.hangup", turned_down)]).await;
    let (action, body) = setting.ordered().await.remove(0);
    assert_eq!((action.as_str(), &body["cause"]), ("reject", &json!("USER_BUSY")));
    let call = setting.only_call().await;
    assert_eq!((call.agent, call.status), (None, CallStatus::Busy));
}

async fn notes(setting: &crate::tests::setting::Setting) -> Vec<Value> {
    let kept =
        setting.store.projected(&setting.tenant, Projection::Notifications, Some("new"), None, 10).await;
    kept.unwrap().items.into_iter().map(|item| serde_json::to_value(item.data).unwrap()).collect()
}
