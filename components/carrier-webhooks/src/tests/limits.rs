use std::time::Duration;

use store::{CallStatus, Timestamp};

use super::setting::{NOW, Setting, claims, signed};
use crate::service;

#[tokio::test]
async fn who_calls_too_often_hears_why_and_may_call_again_later() {
    let setting = limited_to(3).await;
    for number in 0..3 {
        claims(&call(&setting, number, &[]).await);
    }
    let xml = call(&setting, 3, &[]).await;
    assert!(xml.contains("<Say>We have received too many calls from your number"), "{xml}");
    assert!(xml.contains("<Hangup/>") && !xml.contains("<Stream"), "{xml}");
    assert_eq!(setting.calls().await.len(), 3, "a refused call is no call");
    // Others are not concerned, neither are those who withhold their number.
    claims(&call(&setting, 4, &[("From", "+15551230001")]).await);
    claims(&call(&setting, 5, &[("From", "anonymous")]).await);
    let later = NOW.plus(Duration::from_secs(20));
    claims(&call_at(&setting, 6, &[], later).await);
}

#[tokio::test]
async fn what_belongs_to_a_known_call_is_not_counted() {
    let setting = limited_to(1).await;
    claims(&call(&setting, 0, &[]).await);
    for _ in 0..5 {
        claims(&call(&setting, 0, &[]).await);
        let status = signed("/webhooks/twilio/status", &[("CallSid", &sid(0)), ("CallStatus", "ringing")]);
        assert_eq!(setting.send(&status).await.status(), 204);
    }
    assert!(!call(&setting, 1, &[]).await.contains("<Stream"));
}

#[tokio::test]
async fn a_tenant_with_all_its_lines_taken_sounds_busy_until_one_is_free() {
    let setting = Setting::new().await;
    setting.store.set_max_live_calls(&setting.tenant, Some(2)).await.unwrap();
    claims(&call(&setting, 0, &[]).await);
    claims(&call(&setting, 1, &[]).await);
    let xml = call(&setting, 2, &[]).await;
    assert!(xml.ends_with("<Response><Reject reason=\"busy\"/></Response>"), "{xml}");
    assert_eq!(setting.calls().await.len(), 2);
    // A known call is none more.
    claims(&call(&setting, 1, &[]).await);
    setting.report("status", &[("CallSid", &sid(0)), ("CallStatus", "completed")]).await;
    claims(&call(&setting, 2, &[]).await);
}

#[tokio::test]
async fn who_is_turned_down_takes_no_line() {
    let setting = Setting::with_routing(
        r#"{ "blocked_callers": ["+1900*"], "fallback": { "connect": "receptionist" } }"#,
    )
    .await;
    setting.store.set_max_live_calls(&setting.tenant, Some(1)).await.unwrap();
    let blocked = [("From", "+19005550000")];
    let xml = call(&setting, 0, &blocked).await;
    assert!(xml.contains("<Reject reason=\"rejected\"/>"), "{xml}");
    assert_eq!(call(&setting, 0, &blocked).await, xml, "and is turned down again, not answered");
    let refused = setting.calls().await.remove(0);
    assert_eq!((refused.status, refused.end_reason.as_deref()), (CallStatus::Busy, Some("rejected")));
    claims(&call(&setting, 1, &[]).await);
    assert!(call(&setting, 2, &blocked).await.contains("<Reject reason=\"rejected\"/>"));
}

async fn limited_to(count: u32) -> Setting {
    let mut setting = Setting::new().await;
    setting.settings.as_mut().unwrap().webhooks_per_minute = count;
    setting
}

async fn call(setting: &Setting, number: u32, fields: &[(&str, &str)]) -> String {
    call_at(setting, number, fields, NOW).await
}

async fn call_at(setting: &Setting, number: u32, fields: &[(&str, &str)], now: Timestamp) -> String {
    let sid = sid(number);
    let fields = [fields, &[("CallSid", sid.as_str())]].concat();
    let response = service::handle(setting, &signed("/webhooks/twilio/voice", &fields), now).await;
    assert_eq!(response.status(), 200);
    response.into_body()
}

fn sid(number: u32) -> String {
    format!("CA{number:032x}")
}
