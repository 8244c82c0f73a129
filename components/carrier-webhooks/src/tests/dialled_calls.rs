use call_state::{EndReason, Phase};
use store::CallStatus;

use super::setting::{SID, Setting};

const CHILD: &str = "CA22222222222222222222222222222222";

/// Forwards everything; a rule that comes after takes messages.
const FORWARDING: &str = r#"{
    "rules": [
        { "id": "desk", "priority": 1, "decision": { "forward": { "to": "+34600000000", "ring_seconds": 25 } } },
        { "id": "answerphone", "priority": 2, "decision": { "voicemail": { "greeting": "The desk is away.", "max_seconds": 60 } } }
    ],
    "fallback": { "connect": "receptionist" }
}"#;

#[tokio::test]
async fn whoever_spoke_to_somebody_is_done() {
    for word in ["completed", "answered"] {
        let setting = Setting::with_routing(FORWARDING).await;
        setting.voice("", &[]).await;
        let xml = setting.document("dial", &dialled(word)).await;
        assert!(xml.ends_with("<Response><Hangup/></Response>"), "{xml}");
    }
}

#[tokio::test]
async fn whom_nobody_answers_may_leave_the_message_that_the_table_takes() {
    for word in ["busy", "no-answer", "failed", "canceled"] {
        let setting = Setting::with_routing(FORWARDING).await;
        setting.voice("", &[]).await;
        let xml = setting.document("dial", &dialled(word)).await;
        assert!(xml.contains("<Say>The desk is away.</Say><Record "), "{word}: {xml}");
        assert!(xml.contains("maxLength=\"60\"") && !xml.contains("<Dial"), "{xml}");
        // The answer was lost, and the carrier asks again.
        assert_eq!(setting.document("dial", &dialled(word)).await, xml);
        let call = setting.calls().await.remove(0);
        let state = setting.store.carrier_state(&setting.tenant, &call.id).await.unwrap();
        assert_eq!(state.record().len(), 2, "the offer and one outcome");
        let leg = &state.facts().further_legs()[CHILD];
        assert_eq!(leg.phase(), Phase::Ended);
        assert_eq!(call.status, CallStatus::Ringing, "only the other leg is over");
    }
}

#[tokio::test]
async fn a_table_without_a_message_has_a_plain_one() {
    let setting = Setting::with_routing(
        r#"{ "fallback": { "forward": { "to": "+34600000000", "ring_seconds": 25 } } }"#,
    )
    .await;
    setting.voice("", &[]).await;
    let xml = setting.document("dial", &dialled("no-answer")).await;
    assert!(xml.contains("Please leave a message after the tone.</Say><Record "), "{xml}");
}

#[tokio::test]
async fn a_caller_who_gave_up_is_asked_nothing() {
    let setting = Setting::with_routing(FORWARDING).await;
    setting.voice("", &[]).await;
    let mut fields = dialled("canceled");
    fields.push(("CallStatus", "completed"));
    let xml = setting.document("dial", &fields).await;
    assert!(xml.ends_with("<Response><Hangup/></Response>"), "{xml}");
}

#[tokio::test]
async fn both_legs_are_known_and_the_call_ends_with_the_first() {
    let setting = Setting::with_routing(FORWARDING).await;
    let xml = setting.voice("", &[]).await;
    assert!(xml.contains("statusCallback=\"https://voice.example.com/webhooks/twilio/status\""), "{xml}");
    let child = |word, number| {
        [
            ("CallSid", CHILD),
            ("ParentCallSid", SID),
            ("Direction", "outbound-dial"),
            ("To", "+34600000000"),
            ("CallStatus", word),
            ("SequenceNumber", number),
            ("CallDuration", "30"),
        ]
    };
    for (word, number) in [("ringing", "1"), ("initiated", "0"), ("in-progress", "2"), ("completed", "3")] {
        setting.report("status", &child(word, number)).await;
    }
    setting.report("status", &[("CallStatus", "completed"), ("CallDuration", "42")]).await;
    let call = setting.calls().await.remove(0);
    assert_eq!((call.status, call.duration_s), (CallStatus::Completed, Some(42)));
    let state = setting.store.carrier_state(&setting.tenant, &call.id).await.unwrap();
    let leg = &state.facts().further_legs()[CHILD];
    assert_eq!((leg.was_answered(), leg.duration().unwrap().as_secs()), (true, 30));
    assert_eq!(state.facts().end().unwrap().reason, EndReason::Completed);
    assert_eq!(setting.calls().await.len(), 1);
}

#[tokio::test]
async fn a_word_that_cannot_be_read_costs_the_caller_nothing() {
    let setting = Setting::with_routing(FORWARDING).await;
    setting.voice("", &[]).await;
    let fields = [dialled("no-answer"), vec![("DialCallDuration", "long")]].concat();
    let xml = setting.document("dial", &fields).await;
    assert!(xml.contains("<Record "), "{xml}");
    assert_eq!(setting.last_code(), "malformed-form");
}

#[tokio::test]
async fn a_dial_of_an_unknown_call_or_number_ends() {
    let setting = Setting::with_routing(FORWARDING).await;
    for fields in [dialled("no-answer"), [dialled("no-answer"), vec![("To", "+34910000001")]].concat()] {
        let xml = setting.document("dial", &fields).await;
        assert!(xml.ends_with("<Response><Hangup/></Response>"), "{xml}");
    }
    assert_eq!(setting.rows().await, [0, 0, 0, 0]);
}

fn dialled(word: &'static str) -> Vec<(&'static str, &'static str)> {
    vec![("CallStatus", "in-progress"), ("DialCallSid", CHILD), ("DialCallStatus", word)]
}
