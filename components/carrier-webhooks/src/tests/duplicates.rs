//! Whatever of one call's webhooks arrives, in whatever order: a second delivery of each changes nothing.

use std::time::Duration;

use proptest::prelude::*;
use store::{Call, Recording};

use super::setting::{NOW, NUMBER, SID, Setting, signed};

const CHILD: &str = "CA22222222222222222222222222222222";
const RECORDING: &str = "RE0123456789abcdef0123456789abcdef";

type Delivery = (&'static str, &'static [(&'static str, &'static str)]);

const DELIVERIES: [Delivery; 15] = [
    ("voice", &[]),
    ("voice", &[("From", "+15551230009"), ("CallStatus", "in-progress")]),
    ("voice?recorded=1", &[("RecordingUrl", "https://api.example.com/RE1"), ("RecordingDuration", "7")]),
    ("status", &[("CallStatus", "initiated"), ("SequenceNumber", "0")]),
    ("status", &[("CallStatus", "ringing"), ("SequenceNumber", "1")]),
    ("status", &[("CallStatus", "in-progress"), ("SequenceNumber", "2")]),
    ("status", &[("CallStatus", "completed"), ("SequenceNumber", "3"), ("CallDuration", "42")]),
    ("status", &[("CallStatus", "busy"), ("SequenceNumber", "3")]),
    (
        "status",
        &[
            ("CallSid", CHILD),
            ("ParentCallSid", SID),
            ("Direction", "outbound-dial"),
            ("CallStatus", "completed"),
        ],
    ),
    (
        "recording",
        &[("RecordingSid", RECORDING), ("RecordingStatus", "completed"), ("RecordingDuration", "7")],
    ),
    ("answered-by", &[("AnsweredBy", "human"), ("CallStatus", "")]),
    ("dial", &[("DialCallSid", CHILD), ("DialCallStatus", "no-answer"), ("CallStatus", "in-progress")]),
    ("gather?asked=1", &[("Digits", "1"), ("CallStatus", "in-progress")]),
    (
        "conference?caller=CA0123456789abcdef0123456789abcdef",
        &[("StatusCallbackEvent", "participant-join"), ("ConferenceSid", "CF1"), ("CallStatus", "")],
    ),
    (
        "conference?caller=CA0123456789abcdef0123456789abcdef",
        &[("CallSid", CHILD), ("CallStatus", "no-answer"), ("From", NUMBER), ("Direction", "outbound-api")],
    ),
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn a_second_delivery_changes_nothing(
        picks in prop::collection::vec(0..DELIVERIES.len(), 1..12),
        table in prop::sample::select(vec![
            r#"{ "fallback": { "connect": "receptionist" } }"#,
            r#"{ "fallback": { "forward": { "to": "+34600000000", "ring_seconds": 25 } } }"#,
            r#"{ "fallback": { "reject": "busy" } }"#,
        ]),
    ) {
        tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
            let (once, twice) = (Setting::with_routing(table).await, Setting::with_routing(table).await);
            for pick in picks {
                let (place, fields) = DELIVERIES[pick];
                let request = signed(&format!("/webhooks/twilio/{place}"), fields);
                let answer = once.send(&request).await;
                for _ in 0..2 {
                    let again = twice.send(&request).await;
                    assert_eq!(again.status(), answer.status());
                }
            }
            let (once, twice) = (known(&once).await, known(&twice).await);
            assert!(once.0.len() <= 1, "{once:?}");
            assert_eq!(once, twice);
        });
    }
}

/// A call, the carriers' words on it, its log and its recordings.
type Kept = (Call, Vec<String>, Vec<String>, Vec<Recording>);

/// Every call with all that is kept of it, how many rows there are and how much the host has to do; ids apart.
async fn known(setting: &Setting) -> (Vec<Kept>, Vec<i64>, (usize, usize)) {
    let mut calls = Vec::new();
    for mut call in setting.calls().await {
        let state = setting.store.carrier_state(&setting.tenant, &call.id).await.unwrap();
        let said = state.record().iter().map(|kept| kept.event.id.clone()).collect();
        let recordings = setting.store.recordings(&setting.tenant, &call.id).await.unwrap();
        let log = setting.log_of(&call).await;
        call.id = "call".parse().unwrap();
        calls.push((call, said, log, recordings));
    }
    let commands = setting.store.lease_commands("test", NOW, Duration::ZERO, 10).await.unwrap().len();
    (calls, setting.rows().await, (setting.asked.borrow().len(), commands))
}
