use std::time::Duration;

use store::{Call, Command};

use super::setting::{CALLER, NOW, NUMBER, SID, Setting};

const HUMAN: &str = "CA33333333333333333333333333333333";
const CONFERENCE: &str = "CF33333333333333333333333333333333";
const PLACE: &str = "conference?caller=CA0123456789abcdef0123456789abcdef&room=one";
const SECOND: &str = "conference?caller=CA0123456789abcdef0123456789abcdef&room=two";
const RESUME: &str = "https://voice.example.com/webhooks/twilio/voice?resume=1";

#[tokio::test]
async fn a_caller_who_waits_for_a_human_who_never_comes_is_brought_back_once() {
    for outcome in ["no-answer", "busy", "failed", "canceled"] {
        let setting = with_call().await;
        setting.report(PLACE, &joined(SID)).await;
        setting.report(PLACE, &human("ringing", "1")).await;
        assert!(commands(&setting).await.is_empty());
        for _ in 0..2 {
            setting.report(PLACE, &human(outcome, "2")).await;
        }
        setting.report(PLACE, &human("initiated", "0")).await;
        let commands = commands(&setting).await;
        let [command] = commands.as_slice() else { panic!("{outcome}: {commands:?}") };
        assert_eq!((command.action.as_str(), command.carrier_call_id.as_str()), ("redirect", SID));
        assert_eq!(
            (command.body["url"].as_str(), command.body["method"].as_str()),
            (Some(RESUME), Some("POST"))
        );
        assert_eq!(*setting.asked.borrow(), [("/internal/v1/wake".to_owned(), String::new())]);
        let xml = setting.voice("?resume=1", &[("CallStatus", "in-progress")]).await;
        assert!(xml.contains("<Stream "), "{xml}");
    }
}

#[tokio::test]
async fn the_order_of_what_is_told_does_not_matter() {
    let setting = with_call().await;
    setting.report(PLACE, &human("no-answer", "2")).await;
    assert!(commands(&setting).await.is_empty(), "the caller still speaks with the agent");
    setting.report(PLACE, &joined(SID)).await;
    assert_eq!(commands(&setting).await.len(), 1);
}

#[tokio::test]
async fn a_caller_whom_a_human_met_is_not_brought_back() {
    let setting = with_call().await;
    for joiner in [SID, HUMAN] {
        setting.report(PLACE, &joined(joiner)).await;
    }
    setting.report(PLACE, &human("completed", "3")).await;
    assert!(commands(&setting).await.is_empty());
    let xml = setting.document(PLACE, &left()).await;
    assert!(xml.ends_with("<Response><Hangup/></Response>"), "{xml}");
}

#[tokio::test]
async fn a_caller_who_is_gone_is_not_brought_back() {
    let setting = with_call().await;
    setting.report(PLACE, &joined(SID)).await;
    setting.report("status", &[("CallStatus", "completed")]).await;
    setting.report(PLACE, &human("no-answer", "2")).await;
    assert!(commands(&setting).await.is_empty());
    let xml = setting.document(PLACE, &left()).await;
    assert!(xml.ends_with("<Response><Hangup/></Response>"), "{xml}");
}

#[tokio::test]
async fn a_caller_who_left_alone_goes_on_with_the_agent() {
    let setting = with_call().await;
    setting.report(PLACE, &joined(SID)).await;
    let again = format!("<Response><Redirect method=\"POST\">{RESUME}</Redirect></Response>");
    for _ in 0..2 {
        let xml = setting.document(PLACE, &left()).await;
        assert!(xml.ends_with(&again), "{xml}");
    }
}

#[tokio::test]
async fn a_second_transfer_is_judged_by_what_is_said_of_it_alone() {
    let setting = with_call().await;
    setting.report(PLACE, &joined(SID)).await;
    setting.report(PLACE, &human("no-answer", "2")).await;
    assert_eq!(commands(&setting).await.len(), 1);
    // The next human's ringing is never reported; the caller still speaks with the agent, and waits only then.
    let next = |word| [human(word, "2"), vec![("CallSid", "CA44444444444444444444444444444444")]].concat();
    setting.report(SECOND, &next("busy")).await;
    assert_eq!(setting.asked.borrow().len(), 1);
    let entered = [joined(SID), vec![("ConferenceSid", "CF44444444444444444444444444444444")]].concat();
    setting.report(SECOND, &entered).await;
    assert_eq!(setting.asked.borrow().len(), 2);
    let again = format!("<Response><Redirect method=\"POST\">{RESUME}</Redirect></Response>");
    assert!(setting.document(SECOND, &left()).await.ends_with(&again));
}

#[tokio::test]
async fn without_the_conferences_reports_a_human_came_if_one_answered() {
    let setting = with_call().await;
    setting.report(PLACE, &human("in-progress", "1")).await;
    let xml = setting.document(PLACE, &left()).await;
    assert!(xml.ends_with("<Response><Hangup/></Response>"), "{xml}");
}

#[tokio::test]
async fn the_humans_leg_is_no_call_and_strangers_move_nothing() {
    let setting = with_call().await;
    setting.report(PLACE, &human("ringing", "1")).await;
    let place = "conference?caller=CAffffffffffffffffffffffffffffffff";
    setting.report(place, &human("no-answer", "2")).await;
    assert_eq!(setting.last_code(), "unknown-call");
    for odd in ["participant-leave", "conference-end", "tomorrow"] {
        let mut fields = joined(SID);
        fields[0] = ("StatusCallbackEvent", odd);
        setting.report(PLACE, &fields).await;
        assert_eq!(setting.last_code(), "unknown-report");
    }
    assert_eq!(setting.calls().await.len(), 1);
}

#[tokio::test]
async fn our_own_id_of_the_call_finds_it_by_the_number_that_calls_the_human() {
    let setting = with_call().await;
    let call: Call = setting.calls().await.remove(0);
    let place = format!("conference?call={}&room=one", call.id);
    setting.report(PLACE, &joined(SID)).await;
    setting.report(&place, &human("busy", "2")).await;
    assert_eq!(commands(&setting).await.len(), 1);
}

async fn with_call() -> Setting {
    let setting = Setting::new().await;
    setting.voice("", &[]).await;
    setting
}

async fn commands(setting: &Setting) -> Vec<Command> {
    setting.store.lease_commands("test", NOW, Duration::from_millis(0), 10).await.unwrap()
}

fn joined(leg: &'static str) -> Vec<(&'static str, &'static str)> {
    vec![
        ("StatusCallbackEvent", "participant-join"),
        ("ConferenceSid", CONFERENCE),
        ("CallSid", leg),
        ("CallStatus", ""),
        ("From", ""),
        ("To", ""),
        ("Direction", ""),
    ]
}

fn human(word: &'static str, number: &'static str) -> Vec<(&'static str, &'static str)> {
    vec![
        ("CallSid", HUMAN),
        ("CallStatus", word),
        ("Direction", "outbound-api"),
        ("From", NUMBER),
        ("To", "+34600000000"),
        ("SequenceNumber", number),
    ]
}

fn left() -> Vec<(&'static str, &'static str)> {
    vec![("CallStatus", "in-progress"), ("From", CALLER), ("DialCallStatus", "completed")]
}
