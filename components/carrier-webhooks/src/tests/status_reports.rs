use http::StatusCode;
use store::{CallStatus, Timestamp};

use super::setting::{CALLER, Setting, signed};

const STATUS: &str = "/webhooks/twilio/status";

#[tokio::test]
async fn reports_move_the_call_whatever_order_they_come_in() {
    let completed = [
        ("CallStatus", "completed"),
        ("SequenceNumber", "3"),
        ("CallDuration", "42"),
        ("Timestamp", "Fri, 20 Nov 2026 13:05:00 +0000"),
    ];
    let answered = [
        ("CallStatus", "in-progress"),
        ("SequenceNumber", "2"),
        ("Timestamp", "Fri, 20 Nov 2026 13:04:18 +0000"),
    ];
    // The log says how the call moved; a report that comes late moves nothing.
    for (reports, logged) in [
        ([&completed[..], &answered[..], &completed[..]], &["call.received", "call.status"][..]),
        ([&answered[..], &answered[..], &completed[..]], &["call.received", "call.status", "call.status"]),
    ] {
        let setting = Setting::new().await;
        setting.voice("", &[]).await;
        for report in reports {
            let response = setting.send(&signed(STATUS, report)).await;
            assert_eq!(response.status(), StatusCode::NO_CONTENT, "{:?}", setting.log.borrow());
            assert_eq!(response.body(), "");
        }
        let call = setting.calls().await.remove(0);
        assert_eq!((call.status, call.duration_s), (CallStatus::Completed, Some(42)));
        assert_eq!(call.answered_at, Some(Timestamp(1_795_179_858_000)));
        assert_eq!(call.ended_at, Some(Timestamp(1_795_179_900_000)));
        assert_eq!(setting.log_of(&call).await, logged);
        let state = setting.store.carrier_state(&setting.tenant, &call.id).await.unwrap();
        assert_eq!(state.record().len(), 3, "the offer and two reports, each once");
    }
}

#[tokio::test]
async fn a_call_that_the_carrier_ended_is_hung_up_when_it_asks_again() {
    let setting = Setting::new().await;
    setting.voice("", &[]).await;
    setting.send(&signed(STATUS, &[("CallStatus", "completed"), ("SequenceNumber", "1")])).await;
    let xml = setting.voice("?resume=1", &[]).await;
    assert!(xml.ends_with("<Response><Hangup/></Response>"), "{xml}");
}

#[tokio::test]
async fn reports_that_concern_nobody_are_taken_and_leave_no_row() {
    let setting = Setting::new().await;
    for (fields, code) in [
        (&[][..], "unknown-call"),
        (&[("To", "+34910000001")][..], "unknown-call"),
        (&[("To", "+34910000001"), ("CallStatus", "completed")][..], "unknown-call"),
        (&[("CallStatus", "hovering")][..], "unknown-report"),
    ] {
        let response = setting.send(&signed(STATUS, fields)).await;
        assert_eq!(response.status(), StatusCode::NO_CONTENT);
        assert!(setting.log.borrow().last().unwrap().contains(code), "{:?}", setting.log.borrow());
    }
    assert_eq!(setting.rows().await, [0, 0, 0, 0]);
}

#[tokio::test]
async fn a_call_whose_offer_was_lost_is_known_by_its_end_and_a_late_offer_does_not_revive_it() {
    let setting = Setting::new().await;
    let ended = [("CallStatus", "no-answer"), ("SequenceNumber", "2")];
    for code in ["call-missed", "report-duplicate"] {
        setting.report("status", &ended).await;
        assert_eq!(setting.last_code(), code);
    }
    let xml = setting.voice("", &[]).await;
    assert!(xml.ends_with("<Response><Hangup/></Response>"), "{xml}");
    let calls = setting.calls().await;
    let [call] = calls.as_slice() else { panic!("{calls:?}") };
    assert_eq!((call.status, call.from.as_str()), (CallStatus::NoAnswer, CALLER));
}

#[tokio::test]
async fn a_carrier_that_could_not_follow_an_answer_says_so_in_the_log() {
    let setting = Setting::new().await;
    let failed = [("ErrorCode", "11205"), ("ErrorUrl", "https://voice.example.com/webhooks/twilio/voice")];
    assert!(setting.voice("", &failed).await.contains("<Stream "));
    assert_eq!(setting.last_code(), "carrier-fell-back");
    assert!(setting.log.borrow()[0].contains("11205"));
}

#[tokio::test]
async fn a_report_that_could_not_be_stored_is_asked_for_again() {
    let mut setting = Setting::new().await;
    setting.database_is_down = true;
    let response = setting.send(&signed(STATUS, &[])).await;
    assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert!(!response.body().contains("secrets"), "{}", response.body());
}
