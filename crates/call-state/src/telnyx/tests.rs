use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

const NOW: Moment = Moment::from_millis(1_795_179_900_500);

/// The published vectors of Telnyx's webhooks, every entry.
#[test]
fn every_event_vector_holds() {
    let entries: Vec<Value> =
        serde_json::from_str(include_str!("../../tests/vectors/telnyx_event.json")).unwrap();
    assert_eq!(entries.len(), 6);
    println!("telnyx_event: {} vectors", entries.len());
    for entry in &entries {
        let expected = &entry["expected"];
        let said = read_json(&entry["inputs"]["body"]).unwrap();
        let Some(said) = said else {
            assert_eq!(expected["kind"], "ignored", "{}", entry["id"]);
            continue;
        };
        let mut found = match said.kind {
            EventKind::Initiated => {
                json!({ "kind": "initiated", "inbound": said.direction == Some(Direction::Inbound) })
            }
            EventKind::StreamStarted => json!({ "kind": "stream_started" }),
            EventKind::Ended(ending) => {
                assert_eq!(ending.reason, EndReason::CallerHangup);
                json!({ "kind": "hangup", "cause": ending.cause, "source": "caller" })
            }
            EventKind::Key { digit } => json!({ "kind": "dtmf", "digit": digit }),
            EventKind::AnsweredBy { who } => json!({ "kind": "amd", "human": who == AnsweredBy::Human }),
            other => panic!("{other:?}"),
        };
        found["call_control_id"] = json!(said.ids.leg);
        assert_eq!(&found, expected, "{}", entry["id"]);
        assert_eq!(said.occurred_at, Moment::from_rfc3339("2026-02-02T22:25:27.521992Z"));
    }
}

#[test]
fn a_hangup_says_whose_it_was_or_the_networks_status_does() {
    for (cause, source, sip, reason) in [
        ("normal_clearing", "caller", "200", EndReason::CallerHangup),
        ("normal_clearing", "callee", "200", EndReason::CalleeHangup),
        ("normal_clearing", "unknown", "unspecified", EndReason::Completed),
        ("originator_cancel", "caller", "487", EndReason::CallerCancelled),
        ("timeout", "unknown", "unspecified", EndReason::NoAnswer),
        ("no_answer", "callee", "480", EndReason::NoAnswer),
        ("time_limit", "unknown", "unspecified", EndReason::MaxDuration),
        ("user_busy", "callee", "486", EndReason::Busy),
        ("not_found", "unknown", "404", EndReason::InvalidDestination),
        ("call_rejected", "callee", "603", EndReason::Declined),
        ("call_rejected", "unknown", "403", EndReason::CarrierRefused),
        ("call_rejected", "unknown", "607", EndReason::MarkedAsSpam),
        ("unspecified", "unknown", "503", EndReason::CarrierUnavailable),
        ("unspecified", "unknown", "unspecified", EndReason::Unknown),
        ("something_new", "unknown", "486", EndReason::Busy),
    ] {
        let said = read_event(
            "call.hangup",
            json!({
                "call_control_id": "v3:a",
                "hangup_cause": cause,
                "hangup_source": source,
                "sip_hangup_cause": sip,
                "call_quality_stats": { "inbound": { "mos": "4.5" } },
            }),
        );
        let EventKind::Ended(ending) = said.kind else { panic!("an end") };
        assert_eq!((ending.reason, ending.cause.as_deref()), (reason, Some(cause)), "{cause} {source} {sip}");
    }
}

#[test]
fn a_webhook_says_who_calls_whom_and_returns_our_state() {
    let payload = json!({ "from": "+15551230000", "to": "+34910000000", "client_state": "YQ==" });
    let body = json!({ "data": { "event_type": "call.initiated", "payload": payload } });
    let webhook: Webhook = serde_json::from_value(body).unwrap();
    assert_eq!((webhook.event_type(), webhook.client_state()), ("call.initiated", Some("YQ==")));
    assert_eq!((webhook.from(), webhook.to()), (Some("+15551230000"), Some("+34910000000")));
    let odd = json!({ "data": { "event_type": 7, "payload": { "to": ["+1", "+2"], "client_state": null } } });
    let webhook: Webhook = serde_json::from_value(odd).unwrap();
    assert_eq!((webhook.event_type(), webhook.to(), webhook.client_state()), ("7", None, None));
}

#[test]
fn a_recording_names_its_leg_and_session_but_not_its_call() {
    let said = read_event(
        "call.recording.saved",
        json!({
            "call_leg_id": "l",
            "call_session_id": "s",
            "channels": "dual",
            "recording_urls": { "mp3": "https://r.example.test/1.mp3" },
            "recording_started_at": "2026-02-02T22:25:27.5Z",
            "recording_ended_at": "2026-02-02T22:25:30Z",
        }),
    );
    let ids = Ids { alias: Some("l".into()), session: Some("s".into()), ..Ids::default() };
    assert_eq!(said.ids, ids);
    let recording = Recording {
        id: "e".into(),
        url: Some("https://r.example.test/1.mp3".into()),
        duration: Some(Duration::from_millis(2500)),
    };
    assert_eq!(said.kind, EventKind::RecordingSaved(recording));
}

#[test]
fn a_field_of_another_form_is_no_reason_to_miss_an_event() {
    for odd in
        [json!("https://r.example.test/1.wav"), json!(["a"]), json!(7), json!(true), json!(1.5), json!(null)]
    {
        let said = read_event("call.initiated", json!({ "call_control_id": "v3:a", "recording_urls": odd }));
        assert_eq!(said.kind, EventKind::Initiated, "{odd}");
        let said = read_event("call.recording.saved", json!({ "call_leg_id": "l", "recording_urls": odd }));
        assert!(matches!(said.kind, EventKind::RecordingSaved(Recording { url: None, .. })), "{odd}");
    }
}

#[test]
fn what_was_detected_and_what_it_costs_are_read() {
    let ids = |mut payload: Value| {
        payload["call_control_id"] = json!("v3:a");
        payload
    };
    for (event_type, payload, kind) in [
        (
            "call.machine.premium.detection.ended",
            json!({ "result": "human_business" }),
            EventKind::AnsweredBy { who: AnsweredBy::Human },
        ),
        (
            "call.machine.premium.greeting.ended",
            json!({ "result": "beep_detected" }),
            EventKind::GreetingEnded { beep: true },
        ),
        (
            "call.machine.greeting.ended",
            json!({ "result": "ended" }),
            EventKind::GreetingEnded { beep: false },
        ),
        ("call.speak.ended", json!({ "status": "completed" }), EventKind::Spoken { whole: true }),
        ("call.speak.ended", json!({ "status": "call_hangup" }), EventKind::Spoken { whole: false }),
        (
            "streaming.failed",
            json!({ "failure_reason": "connection_failed", "stream_params": { "track": "inbound" } }),
            EventKind::StreamFailed { cause: Some("connection_failed".into()) },
        ),
        (
            "call.cost",
            json!({ "total_cost": "0.0055", "billed_duration_secs": 60, "cost_parts": [{}] }),
            EventKind::Billed {
                cost: Cost { micros: 5_500, currency: None },
                duration: Some(Duration::from_secs(60)),
            },
        ),
    ] {
        assert_eq!(read_event(event_type, ids(payload)).kind, kind, "{event_type}");
    }
}

#[test]
fn what_is_said_of_a_media_socket_names_it_and_needs_the_calls_name_too() {
    for event_type in ["streaming.started", "streaming.stopped", "streaming.failed"] {
        let said = read_event(event_type, json!({ "call_control_id": "v3:a", "stream_id": "st-1" }));
        let ids = Ids { leg: Some("v3:a".into()), stream: Some("st-1".into()), ..Ids::default() };
        assert_eq!(said.ids, ids, "{event_type}");
        let nameless =
            json!({ "data": { "id": "e", "event_type": event_type, "payload": { "stream_id": "st-1" } } });
        assert_eq!(read_json(&nameless), Err(Unreadable::Missing("call_control_id")));
    }
}

#[test]
fn what_cannot_be_used_is_refused_by_the_fields_name() {
    let refused = |event_type: &str, payload: Value| {
        read_json(&json!({ "data": { "id": "e", "event_type": event_type, "payload": payload } }))
    };
    assert_eq!(refused("call.answered", json!({})), Err(Unreadable::Missing("call_control_id")));
    let key = json!({ "call_control_id": "v3:a", "digit": "12" });
    assert_eq!(refused("call.dtmf.received", key), Err(Unreadable::Malformed("digit")));
    let anonymous =
        json!({ "data": { "event_type": "call.answered", "payload": { "call_control_id": "v3:a" } } });
    assert_eq!(read_json(&anonymous), Err(Unreadable::Missing("id")));
    assert_eq!(read_json(&json!({ "data": { "id": "e", "payload": null } })), Ok(None));
}

#[test]
fn a_texml_form_is_read_as_telnyxs_with_its_own_form_of_time() {
    let form = [("CallSid", "v3:a"), ("CallStatus", "ringing"), ("Timestamp", "2026-11-20T13:04:18Z")];
    let form: Vec<_> = form.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let said = texml_event(&form, NOW).unwrap().unwrap();
    assert_eq!((said.carrier, said.kind), (Carrier::Telnyx, EventKind::Ringing));
    assert_eq!(said.occurred_at, Some(Moment::from_millis(1_795_179_858_000)));
}

proptest! {
    #[test]
    fn no_webhook_panics(text in ".{0,60}", value in "[0-9.eE+-]{0,20}|.{0,10}") {
        let _ = serde_json::from_str::<Webhook>(&text);
        for event_type in ["call.cost", "call.hangup", "call.dtmf.received", "call.recording.saved"] {
            let payload = json!({
                "call_control_id": value, "digit": value, "total_cost": value, "billed_duration_secs": value,
                "sip_hangup_cause": value, "recording_started_at": value, "recording_ended_at": value,
            });
            let _ = read_json(&json!({ "data": { "id": value, "event_type": event_type, "payload": payload } }));
        }
    }
}

fn read_event(event_type: &str, payload: Value) -> CarrierEvent {
    let body = json!({
        "data": { "record_type": "event", "event_type": event_type, "id": "e", "payload": payload },
        "meta": { "attempt": "1" },
    });
    read_json(&body).unwrap().unwrap()
}

fn read_json(body: &Value) -> Result<Option<CarrierEvent>, Unreadable> {
    event(&serde_json::from_str(&body.to_string()).unwrap(), NOW)
}
