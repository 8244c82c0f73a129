use store::projections::Projection;

use super::setting::{SID, Setting};
use crate::service::HostFault;

const RECORDING: &str = "RE0123456789abcdef0123456789abcdef";

const SAVED: [(&str, &str); 8] = [
    ("RecordingSid", RECORDING),
    ("RecordingStatus", "completed"),
    ("RecordingUrl", "https://api.example.com/RE1"),
    ("RecordingDuration", "7"),
    ("CallStatus", ""),
    ("From", ""),
    ("To", ""),
    ("Direction", ""),
];

#[tokio::test]
async fn a_recording_is_noted_once_and_the_host_is_told_to_fetch_it() {
    let setting = Setting::new().await;
    setting.voice("", &[]).await;
    let call = setting.calls().await.remove(0);
    for code in ["report-applied", "report-duplicate"] {
        setting.report("recording", &SAVED).await;
        assert_eq!(setting.last_code(), code);
    }
    let kept = setting.store.recordings(&setting.tenant, &call.id).await.unwrap();
    assert_eq!(kept.len(), 1);
    assert_eq!(
        (kept[0].id.as_str(), kept[0].url.as_deref()),
        (RECORDING, Some("https://api.example.com/RE1"))
    );
    assert_eq!(*setting.asked.borrow(), [("/internal/v1/wake".to_owned(), String::new())]);
}

#[tokio::test]
async fn a_host_that_cannot_be_woken_changes_nothing() {
    let mut setting = Setting::new().await;
    setting.host = Err(HostFault::TimedOut);
    setting.voice("", &[]).await;
    setting.report("recording", &SAVED).await;
    let codes: Vec<String> = setting.log.borrow().iter().map(|line| code(line)).collect();
    assert_eq!(codes, ["host-not-woken", "report-applied"]);
}

#[tokio::test]
async fn a_recording_of_nobodys_call_is_taken_and_forgotten() {
    let setting = Setting::new().await;
    setting.report("recording", &SAVED).await;
    assert_eq!(setting.last_code(), "unknown-call");
    assert!(setting.asked.borrow().is_empty());
}

#[tokio::test]
async fn a_voicemail_is_a_message_and_a_recording() {
    let table = r#"{ "fallback": { "voicemail": { "greeting": "Hello.", "max_seconds": 60 } } }"#;
    let setting = Setting::with_routing(table).await;
    let xml = setting.voice("", &[]).await;
    let callback = "recordingStatusCallback=\"https://voice.example.com/webhooks/twilio/recording\"";
    assert!(xml.contains(callback), "{xml}");
    let left = [
        ("RecordingUrl", "https://api.example.com/RE1"),
        ("RecordingDuration", "7"),
        ("RecordingSid", RECORDING),
    ];
    assert!(setting.voice("?recorded=1", &left).await.contains("Thank you for your message"));
    setting.report("recording", &SAVED).await;
    let messages =
        setting.store.projected(&setting.tenant, Projection::Notifications, None, None, 10).await.unwrap();
    assert_eq!(messages.items.len(), 1);
    let call = setting.calls().await.remove(0);
    assert_eq!(call.carrier_call_id.as_deref(), Some(SID));
    assert_eq!(setting.store.recordings(&setting.tenant, &call.id).await.unwrap().len(), 1);
}

fn code(line: &str) -> String {
    let line: serde_json::Value = serde_json::from_str(line).unwrap();
    line["code"].as_str().unwrap().to_owned()
}
