//! Calls that an agent takes.

use call_state::Phase;
use events::{CallEvent, EndReason};
use serde_json::json;
use store::{CallStatus, Direction, Timestamp};
use telnyx::{ClientState, Codec};

use super::line::{LEG, answered, claims, event, hangup, initiated, saved, setting};
use crate::tests::setting::{CALLER, NOW, NUMBER};

#[tokio::test]
async fn an_offered_call_is_stored_and_answered_into_its_media_socket() {
    let setting = setting().await;
    setting.telnyx(&[initiated()]).await;
    let call = setting.only_call().await;
    assert_eq!((call.from.as_str(), call.to.as_str(), call.direction), (CALLER, NUMBER, Direction::Inbound));
    assert_eq!((call.carrier.as_str(), call.carrier_call_id.as_deref()), ("telnyx", Some(LEG)));
    assert_eq!(call.agent.as_ref().unwrap().as_str(), "receptionist");
    assert_eq!(setting.log_of(&call).await, ["call.received"]);

    let [(action, body)] = <[_; 1]>::try_from(setting.ordered().await).unwrap();
    let claims = claims(&body);
    assert_eq!(claims.tenant, setting.tenant.to_string());
    assert_eq!((claims.call.as_str(), claims.agent.as_str()), (call.id.as_str(), "receptionist"));
    let expected = json!({
        "stream_url": body["stream_url"],
        "stream_track": "inbound_track",
        "stream_codec": "PCMU",
        "stream_bidirectional_mode": "rtp",
        "stream_bidirectional_codec": "PCMU",
        "stream_bidirectional_target_legs": "self",
        "send_silence_when_idle": true,
        "client_state": ClientState::of_call(call.id.as_str()).unwrap().encoded(),
    });
    assert_eq!((action.as_str(), body), ("answer", expected));
    assert_eq!(*setting.asked.borrow(), [("/internal/v1/wake".to_owned(), String::new())]);
}

#[tokio::test]
async fn the_codec_is_the_operators_choice() {
    let mut setting = setting().await;
    setting.settings.as_mut().unwrap().telnyx_codec = Codec::Pcma;
    setting.telnyx(&[initiated()]).await;
    let (_, body) = setting.ordered().await.remove(0);
    assert_eq!(
        (&body["stream_codec"], &body["stream_bidirectional_codec"]),
        (&json!("PCMA"), &json!("PCMA"))
    );
}

#[tokio::test]
async fn a_copy_changes_nothing_signed_again_or_not() {
    let setting = setting().await;
    let later = Timestamp(NOW.0 + 2000);
    for at in [NOW, NOW, later] {
        assert!(setting.telnyx_at("/webhooks/telnyx/call", &initiated(), at).await < 300);
    }
    let call = setting.only_call().await;
    assert_eq!(setting.actions().await, ["answer"]);
    assert_eq!(setting.store.carrier_state(&setting.tenant, &call.id).await.unwrap().record().len(), 1);
    assert_eq!(setting.asked.borrow().len(), 1);
}

#[tokio::test]
async fn a_call_runs_to_its_end_with_its_cost_and_its_recording() {
    let setting = setting().await;
    let cost = event("cost", "call.cost", json!({ "total_cost": "0.0055", "billed_duration_secs": 60 }));
    let started = event("started", "streaming.started", json!({ "stream_url": "wss://x" }));
    let key = event("key", "call.dtmf.received", json!({ "digit": "5" }));
    setting.telnyx(&[initiated(), started, answered(), key, hangup(), saved(), cost]).await;
    let call = setting.only_call().await;
    assert_eq!(call.status, CallStatus::Completed);
    assert_eq!(
        (call.end_reason.as_deref(), call.end_fault.as_deref()),
        (Some("caller-hangup"), Some("caller"))
    );
    assert_eq!((call.cost.as_ref().unwrap().micros, call.duration_s), (5_500, Some(60)));
    let recordings = setting.store.recordings(&setting.tenant, &call.id).await.unwrap();
    assert_eq!(recordings.len(), 1);
    assert_eq!(
        (recordings[0].id.as_str(), recordings[0].url.as_deref()),
        ("rec-1", Some("https://recordings.example.com/1.wav"))
    );
    // Keys reach the agent over its media socket; here they are only kept.
    assert_eq!(setting.actions().await, ["answer"]);
    let state = setting.store.carrier_state(&setting.tenant, &call.id).await.unwrap();
    assert_eq!((state.facts().phase(), state.record().len()), (Phase::Ended, 7));
}

#[tokio::test]
async fn who_hangs_up_before_the_call_is_offered_is_one_call_and_told_nothing() {
    let setting = setting().await;
    let cancelled = event(
        "hangup",
        "call.hangup",
        json!({ "hangup_cause": "originator_cancel", "hangup_source": "caller" }),
    );
    setting.telnyx(&[cancelled, initiated()]).await;
    let call = setting.only_call().await;
    assert_eq!((call.status, call.end_reason.as_deref()), (CallStatus::Canceled, Some("caller-cancelled")));
    assert!(setting.actions().await.is_empty());
}

#[tokio::test]
async fn a_call_that_answered_itself_is_connected_once() {
    let setting = setting().await;
    let started = event("started", "streaming.started", json!({}));
    setting.telnyx(&[answered(), started, initiated()]).await;
    let call = setting.only_call().await;
    assert_eq!(
        (call.status, setting.actions().await),
        (CallStatus::InProgress, vec!["streaming_start".to_owned()])
    );
}

#[tokio::test]
async fn a_socket_that_fails_gets_a_new_token_each_time_and_then_an_apology() {
    let setting = setting().await;
    setting.telnyx(&[initiated(), answered()]).await;
    for id in ["f1", "f2", "f3", "f4"] {
        let failed = event(id, "streaming.failed", json!({ "failure_reason": "connection_failed" }));
        setting.telnyx(&[failed.clone(), failed]).await;
    }
    let ordered = setting.ordered().await;
    let actions: Vec<&str> = ordered.iter().map(|(action, _)| action.as_str()).collect();
    assert_eq!(actions, ["answer", "streaming_start", "streaming_start", "speak"]);
    let mut nonces: Vec<String> = ordered[..3].iter().map(|(_, body)| claims(body).nonce).collect();
    nonces.sort_unstable();
    nonces.dedup();
    assert_eq!(nonces.len(), 3);
    assert!(ordered[3].1["payload"].as_str().unwrap().starts_with("We are sorry"));
    setting.telnyx(&[super::line::spoken("s")]).await;
    assert_eq!(setting.actions().await.last().unwrap(), "hangup");
}

#[tokio::test]
async fn a_call_whose_socket_broke_goes_on_in_its_log() {
    let setting = setting().await;
    setting.telnyx(&[initiated(), answered()]).await;
    let call = setting.only_call().await;
    let failed = |id: &str| event(id, "streaming.failed", json!({ "failure_reason": "connection_lost" }));
    // One that was never opened leaves nothing to be recovered.
    setting.telnyx(&[failed("1")]).await;
    let connected = CallEvent::MediaConnected { stream: "s".into() };
    setting.store.append_event(&setting.tenant, &call.id, connected, NOW).await.unwrap();
    setting.telnyx(&[failed("2"), failed("2")]).await;
    let log = setting.log_of(&call).await;
    assert_eq!(log.iter().filter(|kind| *kind == CallEvent::Recovered.kind()).count(), 1, "{log:?}");
}

#[tokio::test]
async fn a_socket_that_stops_is_replaced_unless_the_log_has_an_end_of_ours() {
    let stopped = event("stopped", "streaming.stopped", json!({ "stream_url": "wss://x" }));
    for (reason, replaced) in [
        (None, true),
        (Some(EndReason::CarrierLost), true),
        (Some(EndReason::Transferred), false),
        (Some(EndReason::AgentHangup), false),
    ] {
        let setting = setting().await;
        setting.telnyx(&[initiated(), answered()]).await;
        let call = setting.only_call().await;
        if let Some(reason) = reason {
            let ended = CallEvent::Ended { reason };
            setting.store.append_event(&setting.tenant, &call.id, ended, NOW).await.unwrap();
        }
        setting.telnyx(&[stopped.clone(), stopped.clone()]).await;
        let expected: &[&str] = if replaced { &["answer", "streaming_start"] } else { &["answer"] };
        assert_eq!(setting.actions().await, expected, "{reason:?}");
    }
}

#[tokio::test]
async fn whom_an_agent_hands_over_to_nobody_hears_so_and_is_hung_up_on() {
    let setting = setting().await;
    setting.telnyx(&[initiated(), answered()]).await;
    let call = setting.only_call().await;
    let ended = CallEvent::Ended { reason: EndReason::Transferred };
    setting.store.append_event(&setting.tenant, &call.id, ended, NOW).await.unwrap();
    let gone = event(
        "gone",
        "call.hangup",
        json!({ "call_control_id": "v3:second-leg", "call_leg_id": "another-leg",
            "hangup_cause": "user_busy", "hangup_source": "callee" }),
    );
    setting.telnyx(&[gone.clone(), gone, super::line::spoken("s"), super::line::spoken("s")]).await;
    assert_eq!(setting.actions().await, ["answer", "speak", "hangup"]);
}

#[tokio::test]
async fn events_that_come_at_once_are_decided_on_one_after_the_other() {
    let setting = setting().await;
    let failed = |id: &str| event(id, "streaming.failed", json!({ "failure_reason": "connection_failed" }));
    let (copy, other) = (initiated(), initiated());
    let deliver = |event| async { setting.telnyx(&[event]).await };
    tokio::join!(deliver(copy), deliver(other));
    tokio::join!(deliver(failed("1")), deliver(failed("2")), deliver(failed("3")), deliver(failed("4")));
    let ordered = setting.ordered().await;
    let actions: Vec<&str> = ordered.iter().map(|(action, _)| action.as_str()).collect();
    assert_eq!(actions, ["answer", "streaming_start", "streaming_start", "speak"]);
}

#[tokio::test]
async fn a_call_that_shares_a_session_with_another_is_a_call_of_its_own() {
    let setting = setting().await;
    let fields = json!({ "direction": "incoming", "call_control_id": "v3:own", "call_leg_id": "own" });
    setting.telnyx(&[initiated(), event("2", "call.initiated", fields)]).await;
    assert_eq!(setting.calls().await.len(), 2);
    assert_eq!((setting.actions().await.len(), setting.commands_of("v3:own").await.len()), (1, 1));
}

#[tokio::test]
async fn a_caller_without_a_number_reaches_the_agent() {
    let setting = setting().await;
    let fields = json!({ "direction": "incoming", "from": "anonymous" });
    setting.telnyx(&[event("1", "call.initiated", fields)]).await;
    assert_eq!((setting.only_call().await.from.as_str(), setting.actions().await.len()), ("", 1));
}
