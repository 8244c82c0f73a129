//! Calls as carriers tell them, from what is on the wire to what is known, in every order.
#![cfg(test)]

use std::time::Duration;

use call_state::{
    Applied, CallState, Carrier, CarrierEvent, Cost, Direction, EndReason, Ending, EventKind, Fault, Ids,
    Moment, Phase, Streaming, telnyx, twilio, vapi,
};
use serde_json::{Value, json};

const NOW: Moment = Moment::from_millis(1_795_179_900_500);

#[test]
fn an_outbound_call_by_twilio_that_a_voicemail_answered() {
    let callback = |status: &str, sequence: &str, second: &str, more: &[(&str, &str)]| {
        let timestamp = format!("Fri, 20 Nov 2026 13:04:{second} +0000");
        let fields = [
            ("CallSid", "CA1"),
            ("CallStatus", status),
            ("Direction", "outbound-api"),
            ("SequenceNumber", sequence),
            ("Timestamp", &timestamp),
        ];
        twilio_event(&[&fields, more].concat())
    };
    let events = [
        callback("initiated", "0", "01", &[]),
        callback("ringing", "1", "02", &[]),
        callback("in-progress", "2", "08", &[]),
        twilio_event(&[("CallSid", "CA1"), ("AnsweredBy", "machine_end_beep")]),
        callback("completed", "3", "30", &[("CallDuration", "22"), ("SipResponseCode", "200")]),
    ];
    let whole = in_every_order(Carrier::Twilio, &ids("CA1"), &events);
    let facts = whole.facts();
    assert_eq!((facts.status(), facts.direction()), ("completed", Direction::Outbound));
    assert_eq!(facts.end().map(|end| (end.reason, end.fault)), Some((EndReason::Completed, Fault::Unknown)));
    assert_eq!(facts.first_leg().duration(), Some(Duration::from_secs(22)));
    let rang = facts.first_leg().ringing_at();
    assert_eq!(rang, Moment::from_rfc3339("2026-11-20T13:04:02Z"));

    let mut whole = whole;
    let own = CarrierEvent {
        carrier: Carrier::Platform,
        id: "ours".into(),
        ids: ids("CA1"),
        direction: None,
        kind: EventKind::Ended(Ending::new(EndReason::VoicemailReached)),
        sequence: None,
        occurred_at: None,
        received_at: NOW,
    };
    assert_eq!(whole.apply(&own), Applied::Changed, "we know more than the carrier");
    assert_eq!(whole.facts().end().map(|end| end.fault), Some(Fault::Callee));
}

#[test]
fn an_inbound_call_by_telnyx_that_is_handed_over() {
    let ours = json!({ "call_control_id": "v3:a", "call_leg_id": "l-a", "call_session_id": "s" });
    let theirs = json!({ "call_control_id": "v3:b", "call_leg_id": "l-b", "call_session_id": "s" });
    let hangup = json!({
        "hangup_cause": "normal_clearing", "hangup_source": "callee", "sip_hangup_cause": "200",
    });
    let events = [
        webhook(
            "1",
            "call.initiated",
            "13:04:01",
            &[&ours, &json!({ "direction": "incoming", "state": "parked" })],
        ),
        webhook("2", "call.answered", "13:04:02", &[&ours]),
        webhook("3", "streaming.started", "13:04:02", &[&ours]),
        webhook("4", "call.initiated", "13:05:00", &[&theirs, &json!({ "direction": "outgoing" })]),
        webhook("5", "call.bridged", "13:05:05", &[&ours]),
        webhook("6", "call.hangup", "13:06:00", &[&ours, &hangup]),
        webhook("7", "call.cost", "13:06:10", &[&ours, &json!({ "total_cost": "0.0110" })]),
        webhook("8", "call.recording.saved", "13:06:20", &[&json!({ "call_session_id": "s" })]),
    ];
    let names = Ids { session: Some("s".into()), ..ids("v3:a") };
    let whole = in_some_orders(Carrier::Telnyx, &names, &events);
    let facts = whole.facts();
    assert_eq!((facts.phase(), facts.direction()), (Phase::Ended, Direction::Inbound));
    assert_eq!(
        facts.end().map(|end| (end.reason, end.fault, end.sip_status)),
        Some((EndReason::CalleeHangup, Fault::Callee, Some(200))),
        "it was not our agent that hung up: the call had been handed over",
    );
    assert_eq!(facts.first_leg().streaming(), Some(Streaming::Started));
    assert_eq!(facts.further_legs()["v3:b"].phase(), Phase::Initiated);
    assert_eq!(facts.cost(), Some(Cost { micros: 11_000, currency: None }));
    assert_eq!(facts.recordings().len(), 1);
}

#[test]
fn a_call_that_vapi_holds_and_a_vendor_breaks() {
    let message = |mut message: Value| {
        message["call"] = json!({ "id": "c", "type": "inboundPhoneCall" });
        let message = serde_json::from_value(json!({ "message": message })).unwrap();
        vapi::event(&message, NOW).unwrap().unwrap()
    };
    let reason = "pipeline-error-deepgram-transcriber-failed";
    let events = [
        message(
            json!({ "type": "status-update", "status": "in-progress", "timestamp": 1_795_179_858_000_u64 }),
        ),
        message(json!({
            "type": "status-update", "status": "ended", "endedReason": reason, "timestamp": 1_795_179_900_100_u64,
        })),
        message(json!({
            "type": "end-of-call-report", "endedReason": reason, "cost": 0.05,
            "startedAt": "2026-11-20T13:04:18Z", "endedAt": "2026-11-20T13:05:00Z",
        })),
    ];
    let whole = in_every_order(Carrier::Vapi, &ids("c"), &events);
    let end = whole.facts().end().unwrap();
    assert_eq!((end.reason, end.fault, end.cause), (EndReason::SttFailed, Fault::Vendor, Some(reason)));
    assert_eq!(end.reason.to_retell(), "error_asr");
    assert_eq!(whole.facts().first_leg().duration(), Some(Duration::from_secs(42)));
    assert_eq!(whole.contradictions().count(), 0);
}

/// The call that was told the events, which is the same in every order, each event twice or not.
fn in_every_order(carrier: Carrier, ids: &Ids, events: &[CarrierEvent]) -> CallState {
    let told = CallState::replay(carrier, ids.clone(), events);
    let mut orders = 0;
    permutations(&mut events.to_vec(), 0, &mut |order| {
        orders += 1;
        let twice = CallState::replay(carrier, ids.clone(), order.iter().flat_map(|event| [event, event]));
        assert_eq!(twice.facts(), told.facts());
        assert_eq!(twice.record().len(), events.len());
    });
    assert_eq!(orders, (1..=events.len()).product::<usize>());
    told
}

/// As [`in_every_order`], where there are too many orders: every rotation, forwards and backwards.
fn in_some_orders(carrier: Carrier, ids: &Ids, events: &[CarrierEvent]) -> CallState {
    let told = CallState::replay(carrier, ids.clone(), events);
    let mut order = events.to_vec();
    for _ in 0..events.len() {
        order.rotate_left(1);
        assert_eq!(CallState::replay(carrier, ids.clone(), &order).facts(), told.facts());
        assert_eq!(CallState::replay(carrier, ids.clone(), order.iter().rev()).facts(), told.facts());
    }
    told
}

fn permutations(events: &mut Vec<CarrierEvent>, from: usize, visit: &mut impl FnMut(&[CarrierEvent])) {
    if from == events.len() {
        visit(events);
    }
    for other in from..events.len() {
        events.swap(from, other);
        permutations(events, from + 1, visit);
        events.swap(from, other);
    }
}

fn ids(leg: &str) -> Ids {
    Ids { leg: Some(leg.into()), ..Ids::default() }
}

fn twilio_event(fields: &[(&str, &str)]) -> CarrierEvent {
    let form: Vec<_> = fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    twilio::event(&form, NOW).unwrap().unwrap()
}

fn webhook(id: &str, event_type: &str, at: &str, parts: &[&Value]) -> CarrierEvent {
    let fields = parts.iter().filter_map(|part| part.as_object()).flatten();
    let payload: serde_json::Map<String, Value> =
        fields.map(|(name, value)| (name.clone(), value.clone())).collect();
    let occurred_at = format!("2026-11-20T{at}.000000Z");
    let data = json!({ "id": id, "event_type": event_type, "occurred_at": occurred_at, "payload": payload });
    let webhook = serde_json::from_value(json!({ "data": data, "meta": { "attempt": 1 } })).unwrap();
    telnyx::event(&webhook, NOW).unwrap().unwrap()
}
