use serde_json::json;
use store::{Agent, CallStatus};

use super::setting::{NOW, SID, Setting, claims};

#[tokio::test]
async fn a_caller_whom_the_media_plane_cannot_serve_is_offered_what_works_without_it() {
    let setting = unreachable(None).await;
    let xml = setting.voice("?resume=1", &[]).await;
    assert!(
        xml.contains("<Gather ") && xml.contains("numDigits=\"1\"") && xml.contains("input=\"dtmf\""),
        "{xml}"
    );
    let answer = "https://voice.example.com/webhooks/twilio/gather?asked=1";
    assert!(xml.contains(&format!("action=\"{answer}\"")), "{xml}");
    assert!(xml.contains(&format!("<Redirect method=\"POST\">{answer}</Redirect>")), "{xml}");
    assert!(xml.contains("leave a message, press 1") && !xml.contains("press 2"), "{xml}");

    let message = setting.document("gather?asked=1", &[("Digits", "1")]).await;
    assert!(message.contains("<Record ") && message.contains("recorded=1"), "{message}");
    let end = setting.document("gather?asked=1", &[("Digits", "0")]).await;
    assert!(end.contains("Goodbye.</Say><Hangup/>"), "{end}");
    // Nobody is there to be put through to.
    let other = setting.document("gather?asked=1", &[("Digits", "2")]).await;
    assert!(other.contains("<Gather ") && other.contains("gather?asked=2"), "{other}");
}

#[tokio::test]
async fn an_agent_that_hands_over_offers_its_human() {
    let setting = unreachable(Some("+34600000000")).await;
    let xml = setting.voice("?resume=1", &[]).await;
    assert!(xml.contains("speak to a person, press 2"), "{xml}");
    let xml = setting.document("gather?asked=1", &[("Digits", "2")]).await;
    assert!(xml.contains(">+34600000000</Number></Dial>"), "{xml}");
    // Whom the human does not answer either, may leave a message.
    let xml = setting.document("dial", &[("DialCallStatus", "no-answer")]).await;
    assert!(xml.contains("<Record ") && !xml.contains("<Dial"), "{xml}");
}

#[tokio::test]
async fn who_presses_nothing_is_asked_three_times_and_no_more() {
    let setting = unreachable(None).await;
    for (asked, next) in [("1", Some("asked=2")), ("2", Some("asked=3")), ("3", None)] {
        for digits in ["", "9", "#", "12"] {
            let xml = setting.document(&format!("gather?asked={asked}"), &[("Digits", digits)]).await;
            match next {
                Some(next) => assert!(xml.contains("<Gather ") && xml.contains(next), "{xml}"),
                None => assert!(xml.contains("Goodbye.</Say><Hangup/>"), "{xml}"),
            }
        }
    }
    for odd in ["gather", "gather?asked=many", "gather?asked=4294967295"] {
        assert!(setting.document(odd, &[]).await.contains("Goodbye.</Say><Hangup/>"), "{odd}");
    }
}

#[tokio::test]
async fn a_key_is_kept_once_however_often_it_is_told() {
    let setting = unreachable(None).await;
    for _ in 0..3 {
        setting.document("gather?asked=1", &[("Digits", "9"), ("CallStatus", "in-progress")]).await;
    }
    setting.document("gather?asked=2", &[("Digits", "1"), ("CallStatus", "in-progress")]).await;
    let call = setting.calls().await.remove(0);
    let state = setting.store.carrier_state(&setting.tenant, &call.id).await.unwrap();
    let keys: Vec<_> = state.record().iter().map(|kept| kept.event.id.as_str()).collect();
    assert_eq!(keys, [format!("{SID}/ringing"), format!("{SID}/menu/1"), format!("{SID}/menu/2")]);
}

#[tokio::test]
async fn a_call_that_is_over_or_unknown_has_no_menu() {
    let setting = Setting::new().await;
    assert!(setting.document("gather?asked=1", &[]).await.ends_with("<Response><Hangup/></Response>"));
    let setting = unreachable(None).await;
    setting.report("status", &[("CallStatus", "completed")]).await;
    assert_eq!(setting.calls().await[0].status, CallStatus::Completed);
    let xml = setting.document("gather?asked=1", &[("Digits", "1")]).await;
    assert!(xml.ends_with("<Response><Hangup/></Response>"), "{xml}");
}

/// A call that was connected again as often as it may be.
async fn unreachable(transfer_to: Option<&str>) -> Setting {
    let setting = Setting::new().await;
    let agent = Agent {
        id: "receptionist".parse().unwrap(),
        name: "Receptionist".to_owned(),
        config: json!({ "transfer_to": transfer_to }),
        tools: Vec::new(),
    };
    setting.store.put_agent(&setting.tenant, &agent, NOW).await.unwrap();
    setting.voice("", &[]).await;
    for _ in 0..3 {
        claims(&setting.voice("?resume=1", &[]).await);
    }
    setting
}
