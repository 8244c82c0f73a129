use http::{Method, StatusCode};

use super::setting::{NUMBER, Setting, request, signed};
use crate::service::{Body, Settings, SettingsFault};

const VOICE: &str = "/webhooks/twilio/voice";
const STATUS: &str = "/webhooks/twilio/status";

#[tokio::test]
async fn what_is_not_proven_is_refused_in_a_document_and_leaves_no_row() {
    let setting = Setting::new().await;
    let mut other_field = signed(VOICE, &[]);
    let Body::Whole(body) = &mut other_field.body else { panic!() };
    body.extend_from_slice(b"&Extra=1");
    let mut other_target = signed(VOICE, &[]);
    other_target.target.push_str("?resume=1");
    let unsigned = request(VOICE, &[], b"CallSid=CA1".to_vec());
    let garbled = request(VOICE, &[("x-twilio-signature", "not base64!")], b"CallSid=CA1".to_vec());
    let json = request(VOICE, &[("x-twilio-signature", &signature(&signed(VOICE, &[])))], b"{}".to_vec());
    let mut too_large = signed(VOICE, &[]);
    too_large.body = Body::TooLarge;
    let mut broken = signed(VOICE, &[]);
    broken.body = Body::Broken;
    let mut get = signed(VOICE, &[]);
    get.method = Method::GET;
    for (request, status) in [
        (other_field, 403),
        (other_target, 403),
        (json, 403),
        (unsigned, 400),
        (garbled, 400),
        (too_large, 413),
        (broken, 400),
        (get, 405),
    ] {
        let response = setting.send(&request).await;
        assert_eq!(response.status().as_u16(), status, "{:?}", setting.log.borrow().last());
        let xml = response.body();
        assert!(xml.contains("<Say>This call cannot be answered. Goodbye.</Say><Hangup/>"), "{xml}");
        assert_eq!(response.headers()["content-type"], "text/xml; charset=utf-8");
        assert_eq!(response.headers()["x-request-id"], request.request_id.as_str());
    }
    assert_eq!(setting.rows().await, [0, 0, 0, 0]);
}

#[tokio::test]
async fn without_a_key_nothing_passes() {
    let mut setting = Setting::new().await;
    if let Ok(settings) = &mut setting.settings {
        settings.twilio_auth_tokens.clear();
    }
    for target in [VOICE, STATUS] {
        let response = setting.send(&signed(target, &[])).await;
        assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
    }
    assert!(setting.log.borrow()[0].contains("no-key"), "{:?}", setting.log.borrow());
}

#[tokio::test]
async fn a_configuration_that_cannot_be_used_stops_everything() {
    let mut setting = Setting::new().await;
    setting.settings = Err(SettingsFault::MediaTokenSecret);
    let response = setting.send(&signed(VOICE, &[])).await;
    assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
    assert!(setting.log.borrow()[0].contains("media_token_secret"), "{:?}", setting.log.borrow());
}

#[tokio::test]
async fn during_a_rotation_both_keys_pass() {
    let mut setting = Setting::new().await;
    if let Ok(Settings { twilio_auth_tokens, .. }) = &mut setting.settings {
        twilio_auth_tokens.insert(0, "the next one".into());
    }
    setting.voice("", &[]).await;
}

#[tokio::test]
async fn a_proven_form_without_its_fields_is_a_client_error() {
    let setting = Setting::new().await;
    for (fields, target) in
        [([("CallSid", "CA1")], VOICE), ([("To", "")], VOICE), ([("CallSid", "")], STATUS)]
    {
        let response = setting.send(&signed(target, &fields)).await;
        assert_eq!(response.status(), StatusCode::BAD_REQUEST, "{fields:?}");
        assert!(!response.body().contains(NUMBER));
    }
    assert_eq!(setting.rows().await, [0, 0, 0, 0]);
}

#[tokio::test]
async fn a_path_that_is_no_webhook_is_not_found() {
    let setting = Setting::new().await;
    for target in ["/webhooks/twilio", "/webhooks/twilio/voice/", "/webhooks/twilio/other"] {
        assert_eq!(setting.send(&signed(target, &[])).await.status(), StatusCode::NOT_FOUND, "{target}");
    }
}

#[tokio::test]
async fn a_machine_is_refused_by_a_problem_in_json_that_tells_no_internals() {
    let mut setting = Setting::new().await;
    let unsigned = request(STATUS, &[], b"CallSid=CA1".to_vec());
    let mut get = signed(STATUS, &[]);
    get.method = Method::GET;
    let lost = signed("/webhooks/nobody", &[]);
    for (request, status, code) in
        [(unsigned, 400, "missing-signature"), (get, 405, "method-not-allowed"), (lost, 404, "not-found")]
    {
        let response = setting.send(&request).await;
        assert_eq!(response.status().as_u16(), status);
        assert_eq!(response.headers()["content-type"], "application/problem+json");
        assert_eq!(response.headers().contains_key("allow"), status == 405);
        let problem: serde_json::Value = serde_json::from_str(response.body()).unwrap();
        assert_eq!(problem["code"], code);
        assert_eq!(problem["type"], format!("urn:voicehive:problem:{code}"));
        assert_eq!(problem["status"], status);
        assert_eq!(problem["request_id"], request.request_id.as_str());
    }
    setting.settings = Err(SettingsFault::MediaTokenSecret);
    let response = setting.send(&signed(STATUS, &[])).await;
    assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
    assert!(!response.body().contains("media_token_secret"), "{}", response.body());
}

#[tokio::test]
async fn a_line_of_the_log_names_request_and_trace() {
    let setting = Setting::new().await;
    let given = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let request = request(STATUS, &[("traceparent", given), ("x-request-id", "req-1")], Vec::new());
    setting.send(&request).await;
    let line: serde_json::Value = serde_json::from_str(&setting.log.borrow()[0]).unwrap();
    assert_eq!(line["trace_id"], "0af7651916cd43dd8448eb211c80319c");
    assert_eq!(line["span_id"], request.trace.span_id().to_string());
    assert_eq!(line["request_id"], "req-1");
}

#[tokio::test]
async fn a_request_id_is_kept_if_it_can_be_logged() {
    for (given, kept) in [("req-1.a_B", true), ("a b", false), ("\"", false), (&"x".repeat(129), false)] {
        let incoming = request(VOICE, &[("x-request-id", given)], Vec::new());
        assert_eq!(incoming.request_id == given, kept, "{given}");
        assert!(!incoming.request_id.is_empty());
    }
}

fn signature(request: &crate::service::Incoming) -> String {
    let (_, value) = request.headers.iter().find(|(name, _)| name == "x-twilio-signature").unwrap();
    value.clone()
}
