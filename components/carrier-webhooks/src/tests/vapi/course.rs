//! `status-update`, `transfer-update`, `end-of-call-report` and `transfer-destination-request`.

use events::{CallEvent, Latency};
use serde_json::{Value, json};
use store::{CallStatus, Direction};

use super::super::senders::{VAPI_SECRET, vapi};
use super::super::setting::{CALLER, NOW, NUMBER};
use super::*;

#[tokio::test]
async fn a_call_is_shown_like_our_own_with_turns_cost_and_recording() {
    let setting = setting().await;
    send(&setting, "assistant-request", json!({})).await;
    send(&setting, "status-update", json!({ "status": "in-progress" })).await;
    assert_eq!(only_call(&setting).await.status, CallStatus::InProgress);
    send(&setting, "status-update", json!({ "status": "ended", "endedReason": "customer-ended-call" })).await;
    assert_eq!(send(&setting, "end-of-call-report", report()).await, json!({}));

    let call = only_call(&setting).await;
    assert_eq!((call.status, call.duration_s), (CallStatus::Completed, Some(42)));
    assert_eq!(
        (call.end_reason.as_deref(), call.end_fault.as_deref()),
        (Some("caller-hangup"), Some("caller"))
    );
    let cost = call.cost.clone().unwrap();
    assert_eq!((cost.micros, cost.currency.as_deref()), (37_100, Some("USD")));
    assert_eq!(call.ended_at.unwrap().0, 1_795_179_850_250);
    let recordings = setting.store.recordings(&setting.tenant, &call.id).await.unwrap();
    assert_eq!(recordings[0].url.as_deref(), Some("https://storage.example.test/1.wav"));

    let turns = setting.store.turns(&setting.tenant, &call.id).await.unwrap();
    let said: Vec<_> = turns
        .iter()
        .map(|turn| (turn.turn, turn.caller.as_str(), turn.said.as_str(), turn.heard.as_str()))
        .collect();
    assert_eq!(
        said,
        [
            (0, "", "Hello!", "Hello!"),
            (1, "A haircut on Friday.", "At four?", "At four?"),
            (2, "Yes.", "", "")
        ]
    );
    assert_eq!(turns[1].began_at.0, 1_795_179_820_000);
    let latency: Latency = serde_json::from_str(turns[1].latency_json.as_ref().unwrap()).unwrap();
    assert_eq!((latency.llm_first_token, latency.tts_first_byte, latency.total), (410.25, 180.0, 1020.75));
    assert!(latency.closes());
    assert!(
        setting.asked.borrow().iter().any(|(path, _)| path == "/internal/v1/wake"),
        "a recording can be fetched"
    );
}

#[tokio::test]
async fn the_same_report_twice_changes_nothing_the_second_time() {
    let setting = setting().await;
    send(&setting, "assistant-request", json!({})).await;
    send(&setting, "end-of-call-report", report()).await;
    let (call, rows) = (only_call(&setting).await, setting.rows().await);
    let log = setting.log_of(&call).await;
    assert_eq!(log.iter().filter(|kind| *kind == "turn.committed").count(), 2);
    send(&setting, "end-of-call-report", report()).await;
    // Made again, at another time, it is another event and the same conversation.
    let mut again = report();
    again["timestamp"] = json!(1_795_179_900_000_u64);
    send(&setting, "end-of-call-report", again).await;
    assert_eq!((only_call(&setting).await, setting.rows().await), (call.clone(), rows));
    assert_eq!(setting.log_of(&call).await, log);
}

#[tokio::test]
async fn the_order_of_messages_does_not_matter() {
    let messages = [
        ("assistant-request", json!({})),
        ("status-update", json!({ "status": "in-progress", "timestamp": 1_795_179_810_000_u64 })),
        ("status-update", json!({ "status": "ended", "endedReason": "customer-ended-call" })),
        ("end-of-call-report", report()),
    ];
    let mut outcomes = Vec::new();
    for order in [[0, 1, 2, 3], [3, 2, 1, 0], [3, 0, 1, 2], [1, 3, 2, 0]] {
        let setting = setting().await;
        for index in order {
            let (kind, fields) = &messages[index];
            send(&setting, kind, fields.clone()).await;
        }
        let call = only_call(&setting).await;
        let turns = setting.store.turns(&setting.tenant, &call.id).await.unwrap();
        outcomes.push((
            call.status,
            call.duration_s,
            call.end_reason,
            call.cost,
            call.answered_at,
            call.agent,
            turns,
        ));
    }
    assert!(outcomes.windows(2).all(|pair| pair[0] == pair[1]), "{outcomes:#?}");
}

#[tokio::test]
async fn messages_that_come_at_once_make_one_call_with_one_conversation() {
    let setting = setting().await;
    let again = json!({ "status": "ended", "endedReason": "customer-ended-call" });
    let ((), (), (), ()) = futures::join!(
        async { drop(send(&setting, "end-of-call-report", report()).await) },
        async { drop(send(&setting, "assistant-request", json!({})).await) },
        async { drop(send(&setting, "end-of-call-report", report()).await) },
        async { drop(send(&setting, "status-update", again).await) },
    );
    let call = only_call(&setting).await;
    assert_eq!((call.status, call.duration_s), (CallStatus::Completed, Some(42)));
    let log = setting.log_of(&call).await;
    let count = |kind: &str| log.iter().filter(|logged| *logged == kind).count();
    assert_eq!(
        (count("call.received"), count("turn.committed"), count("turn.finished")),
        (1, 2, 2),
        "{log:?}"
    );
}

/// Which of the copies reads the log before another has written to it is chance, so there are several rounds.
#[tokio::test]
async fn a_conversation_is_written_once_though_many_copies_find_the_log_without_it() {
    for _ in 0..10 {
        let setting = setting().await;
        let mut silent = report();
        silent["artifact"] = json!({});
        send(&setting, "end-of-call-report", silent).await;
        let copies = (0..8).map(|_| send(&setting, "end-of-call-report", report()));
        futures::future::join_all(copies).await;
        let log = setting.log_of(&only_call(&setting).await).await;
        assert_eq!(log.iter().filter(|kind| *kind == "turn.finished").count(), 2, "{log:?}");
    }
}

#[tokio::test]
async fn a_known_call_is_found_though_a_message_names_no_number() {
    let setting = setting().await;
    send(&setting, "assistant-request", json!({})).await;
    let mut fields = report();
    fields["phoneNumber"] = json!(null);
    fields["customer"] = json!(null);
    send(&setting, "end-of-call-report", fields).await;
    let call = only_call(&setting).await;
    assert_eq!((call.status, call.from.as_str()), (CallStatus::Completed, CALLER));
    let tool = json!({ "toolCallList": [{ "id": "t", "name": "appointments" }], "phoneNumber": null });
    assert!(send(&setting, "tool-calls", tool).await["results"][0]["result"].is_string());
}

#[tokio::test]
async fn a_report_on_a_call_never_seen_makes_it() {
    let setting = setting().await;
    let mut fields = report();
    fields["call"] = json!({ "id": CALL, "type": "outboundPhoneCall" });
    send(&setting, "end-of-call-report", fields).await;
    let call = only_call(&setting).await;
    assert_eq!((call.from.as_str(), call.to.as_str()), (NUMBER, CALLER));
    assert_eq!((call.direction, call.status), (Direction::Outbound, CallStatus::Completed));
    assert_eq!(call.end_reason.as_deref(), Some("callee-hangup"));
    assert_eq!(setting.store.turns(&setting.tenant, &call.id).await.unwrap().len(), 3);
}

#[tokio::test]
async fn tools_that_ran_during_the_call_stand_in_their_turns() {
    let setting = setting().await;
    send(&setting, "assistant-request", json!({})).await;
    let call = only_call(&setting).await;
    let ran = CallEvent::ToolCalled {
        turn: 1,
        id: "t".into(),
        name: "appointments".into(),
        arguments: "{}".into(),
    };
    setting.store.append_event(&setting.tenant, &call.id, ran, NOW).await.unwrap();
    send(&setting, "end-of-call-report", report()).await;
    let log = setting.store.events(&setting.tenant, &call.id, 0).await.unwrap();
    let events: Vec<_> = log.iter().filter_map(store::StoredEvent::event).collect();
    let transcript = events::transcript::Transcript::project(&events);
    assert_eq!(
        (transcript.turns[1].caller.as_str(), transcript.turns[1].tools[0].id.as_str()),
        ("A haircut on Friday.", "t")
    );
}

#[tokio::test]
async fn a_call_of_nobody_is_not_stored() {
    let setting = setting().await;
    let before = setting.rows().await;
    let strange = json!({ "number": "+34999999999" });
    let mut fields = report();
    fields["phoneNumber"] = strange.clone();
    assert_eq!(send(&setting, "end-of-call-report", fields).await, json!({}));
    send(&setting, "status-update", json!({ "status": "ringing", "phoneNumber": strange })).await;
    send(&setting, "status-update", json!({ "status": "hovering" })).await;
    assert_eq!(setting.rows().await, before);
}

#[tokio::test]
async fn a_report_that_cannot_be_stored_is_to_be_sent_again() {
    let mut setting = setting().await;
    let body = message("end-of-call-report", report());
    let request = vapi(PATH, "x-vapi-secret", VAPI_SECRET, &body);
    setting.database_is_down = true;
    let response = setting.send(&request).await;
    assert_eq!(response.status(), 503);
    assert!(response.body().contains("report-not-stored") && !response.body().contains("secrets of its own"));
    setting.database_is_down = false;
    assert_eq!(setting.send(&request).await.status(), 200);
    assert_eq!(only_call(&setting).await.status, CallStatus::Completed);
    let nameless = json!({ "status": "ringing", "call": {} });
    let response =
        setting.send(&vapi(PATH, "x-vapi-secret", VAPI_SECRET, &message("status-update", nameless))).await;
    assert_eq!(response.status(), 400);
}

#[tokio::test]
async fn a_handover_goes_where_the_agent_says_and_is_logged_once() {
    let setting = setting().await;
    send(&setting, "assistant-request", json!({})).await;
    let nobody = send(&setting, "transfer-destination-request", json!({})).await;
    assert!(nobody["error"].is_string(), "{nobody}");
    configure(&setting, json!({ "transfer_to": "+34910000001" })).await;
    let destination = json!({ "type": "number", "number": "+34910000001" });
    let reply = send(&setting, "transfer-destination-request", json!({})).await;
    assert_eq!(reply, json!({ "destination": destination }));
    for timestamp in [1_795_179_845_000_u64, 1_795_179_845_000, 1_795_179_846_000] {
        let update = json!({ "destination": destination, "timestamp": timestamp });
        send(&setting, "transfer-update", update).await;
    }
    let log = setting.log_of(&only_call(&setting).await).await;
    assert_eq!(log.iter().filter(|kind| *kind == "call.transferred").count(), 1);
}

/// Friday, 20 November 2026, from 13:03:28 to 13:04:10 UTC.
fn report() -> Value {
    json!({
        "endedReason": "customer-ended-call",
        "startedAt": "2026-11-20T13:03:28.250Z",
        "endedAt": "2026-11-20T13:04:10.250Z",
        "cost": 0.0371,
        "artifact": {
            "recording": { "mono": { "combinedUrl": "https://storage.example.test/1.wav" } },
            "messages": [
                { "role": "system", "message": "Be kind.", "time": 1_795_179_808_000_u64 },
                { "role": "bot", "message": "Hello!", "time": 1_795_179_809_000_u64, "endTime": 1_795_179_810_000_u64 },
                { "role": "user", "message": "A haircut on Friday.", "time": 1_795_179_820_000_u64 },
                { "role": "tool_calls", "message": "", "toolCalls": [], "time": 1_795_179_821_000_u64 },
                { "role": "bot", "message": "At four?", "time": 1_795_179_823_000_u64, "endTime": 1_795_179_824_000_u64 },
                { "role": "user", "message": "Yes.", "time": 1_795_179_826_000_u64 },
            ],
            "performanceMetrics": { "turnLatencies": [{
                "endpointingLatency": 300, "transcriberLatency": 95.5, "modelLatency": 410.25,
                "voiceLatency": 180, "turnLatency": 1020.75,
            }] },
        },
    })
}
