use std::time::Duration;

use call_state::Ids;
use store::{CallStatus, Direction, OrderState};

use super::setting::{CALLER, NOW, NUMBER, SID, Setting, claims};

const OTHER_SID: &str = "CAffffffffffffffffffffffffffffffff";
const OUTBOUND: [(&str, &str); 3] = [("Direction", "outbound-api"), ("From", NUMBER), ("To", CALLER)];

#[tokio::test]
async fn an_ordered_call_gets_its_name_when_it_is_answered_and_is_connected_to_its_agent() {
    let setting = Setting::new().await;
    let call = setting.order("key").await;
    let answered = with(&[("CallStatus", "in-progress")]);
    let voice = format!("voice?call={}", call.id);
    let xml = setting.document(&voice, &answered).await;
    assert_eq!(claims(&xml).call, call.id.as_str());
    assert!(!xml.contains("answered_by"), "{xml}");
    // The answer was lost, and the carrier asks again.
    assert_eq!(claims(&setting.document(&voice, &answered).await).call, call.id.as_str());
    assert_eq!(setting.calls().await.len(), 1);
    let call = setting.call(&call.id).await;
    assert_eq!((call.carrier_call_id.as_deref(), call.status), (Some(SID), CallStatus::InProgress));
    assert_eq!(call.direction, Direction::Outbound);
    let order = setting.store.order(&setting.tenant, &call.id).await.unwrap().unwrap();
    assert_eq!(order.state, OrderState::Placed);
}

#[tokio::test]
async fn a_status_callback_names_the_call_before_anybody_answers() {
    let setting = Setting::new().await;
    let call = setting.order("key").await;
    let status = format!("status?call={}", call.id);
    for (word, number, stands) in [
        ("ringing", "1", CallStatus::Ringing),
        ("initiated", "0", CallStatus::Ringing),
        ("busy", "2", CallStatus::Busy),
    ] {
        let fields = with(&[("CallStatus", word), ("SequenceNumber", number)]);
        setting.report(&status, &fields).await;
        let call = setting.call(&call.id).await;
        assert_eq!((call.carrier_call_id.as_deref(), call.status), (Some(SID), stands), "{word}");
    }
    let call = setting.call(&call.id).await;
    assert_eq!((call.end_reason.as_deref(), call.end_fault.as_deref()), (Some("busy"), Some("callee")));
    // Too late: the line is closed.
    let xml = setting.document(&format!("voice?call={}", call.id), &with(&[])).await;
    assert!(xml.ends_with("<Response><Hangup/></Response>"), "{xml}");
}

#[tokio::test]
async fn a_second_call_of_one_order_is_hung_up_and_leaves_the_first_as_it_is() {
    let setting = Setting::new().await;
    let call = setting.order("key").await;
    let voice = format!("voice?call={}", call.id);
    claims(&setting.document(&voice, &with(&[("CallStatus", "in-progress")])).await);
    let second = with(&[("CallSid", OTHER_SID), ("CallStatus", "in-progress")]);
    let xml = setting.document(&voice, &second).await;
    assert!(xml.ends_with("<Response><Hangup/></Response>"), "{xml}");
    assert_eq!(setting.last_code(), "placed-twice");
    let ended = with(&[("CallSid", OTHER_SID), ("CallStatus", "completed")]);
    setting.report(&format!("status?call={}", call.id), &ended).await;
    let call = setting.call(&call.id).await;
    assert_eq!((call.carrier_call_id.as_deref(), call.status), (Some(SID), CallStatus::InProgress));
}

#[tokio::test]
async fn a_call_that_nobody_ordered_is_hung_up_and_stored_nowhere() {
    let setting = Setting::new().await;
    for call in ["0190b5a0-0000-7000-8000-000000000000", "%20", ""] {
        let xml = setting.document(&format!("voice?call={call}"), &with(&[])).await;
        assert!(xml.ends_with("<Response><Hangup/></Response>"), "{call}: {xml}");
        setting.report(&format!("status?call={call}"), &with(&[("CallStatus", "completed")])).await;
        assert_eq!(setting.last_code(), "unknown-call");
    }
    assert_eq!(setting.rows().await, [0, 0, 0, 0]);
}

#[tokio::test]
async fn who_answered_is_told_to_the_media_plane_and_kept() {
    for (word, kept) in [("human", "human"), ("machine_end_beep", "machine"), ("unknown", "unknown")] {
        let setting = Setting::new().await;
        let call = setting.order("key").await;
        let fields = with(&[("CallStatus", "in-progress"), ("AnsweredBy", word)]);
        let xml = setting.document(&format!("voice?call={}", call.id), &fields).await;
        assert!(xml.contains(&format!("<Parameter name=\"answered_by\" value=\"{word}\"/>")), "{xml}");
        assert_eq!(setting.call(&call.id).await.answered_by.as_deref(), Some(kept));
    }
}

#[tokio::test]
async fn a_fax_is_hung_up_on() {
    let setting = Setting::new().await;
    let call = setting.order("key").await;
    let fields = with(&[("CallStatus", "in-progress"), ("AnsweredBy", "fax")]);
    let xml = setting.document(&format!("voice?call={}", call.id), &fields).await;
    assert!(xml.ends_with("<Response><Hangup/></Response>"), "{xml}");
    assert_eq!(setting.call(&call.id).await.answered_by.as_deref(), Some("fax"));
}

#[tokio::test]
async fn a_detection_that_comes_later_is_kept_once() {
    let setting = Setting::new().await;
    let call = setting.order("key").await;
    claims(
        &setting.document(&format!("voice?call={}", call.id), &with(&[("CallStatus", "in-progress")])).await,
    );
    // This callback has no status and no numbers.
    let fields = [
        ("AnsweredBy", "machine_start"),
        ("MachineDetectionDuration", "3100"),
        ("CallStatus", ""),
        ("Direction", ""),
        ("From", ""),
        ("To", ""),
    ];
    for code in ["report-applied", "report-duplicate"] {
        setting.report("answered-by", &fields).await;
        assert_eq!(setting.last_code(), code);
    }
    assert_eq!(setting.call(&call.id).await.answered_by.as_deref(), Some("machine"));
}

#[tokio::test]
async fn a_leg_that_was_dialled_from_an_ordered_call_does_not_take_its_name() {
    let setting = Setting::new().await;
    let call = setting.order("key").await;
    let child = with(&[("CallSid", OTHER_SID), ("ParentCallSid", SID), ("CallStatus", "ringing")]);
    setting.report(&format!("status?call={}", call.id), &child).await;
    assert_eq!(setting.call(&call.id).await.carrier_call_id, None);
    let ids = Ids { leg: Some(SID.to_owned()), ..Ids::default() };
    setting.store.name_call(&setting.tenant, &call.id, &ids, NOW).await.unwrap();
    setting.report(&format!("status?call={}", call.id), &child).await;
    let state = setting.store.carrier_state(&setting.tenant, &call.id).await.unwrap();
    assert_eq!(state.facts().further_legs().keys().collect::<Vec<_>>(), [OTHER_SID]);
}

fn with<'a>(fields: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    [&OUTBOUND[..], fields].concat()
}

#[tokio::test]
async fn a_fax_that_is_found_while_the_agent_talks_is_hung_up_on_once() {
    let setting = Setting::new().await;
    let call = setting.order("key").await;
    claims(
        &setting.document(&format!("voice?call={}", call.id), &with(&[("CallStatus", "in-progress")])).await,
    );
    let commands = async || setting.store.lease_commands("test", NOW, Duration::ZERO, 10).await.unwrap();
    let fields = with(&[("AnsweredBy", "fax"), ("CallStatus", "")]);
    for _ in 0..2 {
        setting.report("answered-by", &fields).await;
    }

    let told: Vec<_> = commands().await.into_iter().map(|told| (told.action, told.carrier_call_id)).collect();
    assert_eq!(told, [("hangup".to_owned(), SID.to_owned())]);
}

#[tokio::test]
async fn a_fax_that_calls_us_is_the_agents_to_deal_with() {
    let setting = Setting::new().await;
    claims(&setting.document("voice", &[]).await);
    setting.report("answered-by", &[("AnsweredBy", "fax"), ("CallStatus", "")]).await;
    assert!(setting.store.lease_commands("test", NOW, Duration::ZERO, 10).await.unwrap().is_empty());
}
