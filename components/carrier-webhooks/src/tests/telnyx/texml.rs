//! TeXML: Twilio's language with Telnyx's proof, ids and streams.

use base64::Engine as _;
use serde_json::json;
use store::CallStatus;
use telnyx::Codec;

use super::line::{LEG, setting, setting_with_routing, table};
use crate::service::Incoming;
use crate::tests::senders::telnyx_form;
use crate::tests::setting::{BASE, CALLER, NOW, NUMBER, Setting};

#[tokio::test]
async fn a_call_is_connected_to_a_socket_that_talks_in_rtp() {
    for (codec, name) in [(Codec::Pcmu, "PCMU"), (Codec::Pcma, "PCMA")] {
        let mut setting = setting().await;
        setting.settings.as_mut().unwrap().telnyx_codec = codec;
        let xml = voice(&setting, "", &[]).await;
        let (_, rest) = xml.split_once("<Stream url=\"wss://voice.example.com/media/telnyx/").expect(&xml);
        let (_, attributes) = rest.split_once('"').unwrap();
        let expected = format!(" codec=\"{name}\" bidirectionalMode=\"rtp\" bidirectionalCodec=\"{name}\">");
        assert!(attributes.starts_with(&expected), "{xml}");
        let again =
            format!("<Redirect method=\"POST\">{BASE}/webhooks/telnyx/texml/voice?resume=1</Redirect>");
        assert!(xml.contains(&again), "{xml}");
        let call = setting.only_call().await;
        assert_eq!((call.carrier.as_str(), call.carrier_call_id.as_deref()), ("telnyx", Some(LEG)));
        assert!(setting.actions().await.is_empty());
    }
}

#[tokio::test]
async fn a_call_ends_as_its_callback_says_once() {
    let setting = setting().await;
    voice(&setting, "", &[]).await;
    let ended = [
        ("CallStatus", "completed"),
        ("CallDuration", "42"),
        ("CallbackSource", "call-progress-events"),
        ("SequenceNumber", "2"),
        ("Timestamp", "2026-11-20T13:05:00Z"),
    ];
    for _ in 0..2 {
        let response = setting.send(&form("status", &ended)).await;
        assert_eq!(response.status().as_u16() / 100, 2, "{:?}", setting.log.borrow());
    }
    let call = setting.only_call().await;
    assert_eq!((call.status, call.duration_s), (CallStatus::Completed, Some(42)));
}

#[tokio::test]
async fn a_message_is_recorded_at_texmls_own_addresses() {
    let voicemail = json!({ "voicemail": { "greeting": "Leave a message.", "max_seconds": 60 } });
    let setting = setting_with_routing(&table(&voicemail)).await;
    let xml = voice(&setting, "", &[]).await;
    assert!(xml.contains(&format!("action=\"{BASE}/webhooks/telnyx/texml/voice?recorded=1\"")), "{xml}");
    let callback = format!("recordingStatusCallback=\"{BASE}/webhooks/telnyx/texml/recording\"");
    assert!(xml.contains(&callback), "{xml}");
    let saved = [
        ("RecordingSid", "rec-1"),
        ("RecordingStatus", "completed"),
        ("RecordingUrl", "https://recordings.example.com/1.mp3"),
        ("RecordingDuration", "7"),
    ];
    let response = setting.send(&form("recording", &saved)).await;
    assert_eq!(response.status().as_u16() / 100, 2, "{:?}", setting.log.borrow());
    let call = setting.only_call().await;
    let recordings = setting.store.recordings(&setting.tenant, &call.id).await.unwrap();
    assert_eq!(recordings[0].url.as_deref(), Some("https://recordings.example.com/1.mp3"));
}

#[tokio::test]
async fn a_call_that_nobody_takes_is_told_what_follows() {
    let forward = json!({ "forward": { "to": "+34600000000", "ring_seconds": 25 } });
    let setting = setting_with_routing(&table(&forward)).await;
    let xml = voice(&setting, "", &[]).await;
    assert!(xml.contains(&format!("<Dial action=\"{BASE}/webhooks/telnyx/texml/dial\"")), "{xml}");
    let fields = [("DialCallStatus", "no-answer"), ("DialCallSid", "v3:second-leg")];
    let response = setting.send(&form("dial", &fields)).await;
    assert!(response.body().contains("<Record "), "{}", response.body());
}

#[tokio::test]
async fn a_form_that_telnyx_did_not_sign_is_refused_in_its_language() {
    let setting = setting().await;
    let mut request = form("voice", &[]);
    let signature = base64::engine::general_purpose::STANDARD.encode([0; 64]);
    for (name, value) in &mut request.headers {
        if name == "telnyx-signature-ed25519" {
            signature.clone_into(value);
        }
    }
    let response = setting.send(&request).await;
    assert_eq!(response.status(), 403);
    assert!(response.body().contains("<Say>"), "{}", response.body());
    assert_eq!(setting.rows().await, [0, 0, 0, 0]);
}

async fn voice(setting: &Setting, query: &str, fields: &[(&str, &str)]) -> String {
    let response = setting.send(&form(&format!("voice{query}"), fields)).await;
    assert_eq!(response.status(), 200, "{:?}", setting.log.borrow());
    assert_eq!(response.headers()["content-type"], "text/xml; charset=utf-8");
    response.into_body()
}

fn form(place: &str, fields: &[(&str, &str)]) -> Incoming {
    let mut all = vec![
        ("AccountSid", "61bf923e-5e4d-4595-a110-56190ea18a1b"),
        ("CallSid", LEG),
        ("CallStatus", "ringing"),
        ("ConnectionId", "1684641123236054244"),
        ("Direction", "inbound"),
        ("From", CALLER),
        ("To", NUMBER),
    ];
    all.retain(|(name, _)| !fields.iter().any(|(given, _)| given == name));
    all.extend_from_slice(fields);
    let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(all).finish();
    telnyx_form(&format!("/webhooks/telnyx/texml/{place}"), &body, NOW)
}
