use events::{CallEvent, EndReason};
use store::projections::Projection;
use store::{CallStatus, Direction};

use super::setting::{CALLER, NOW, NUMBER, SID, Setting, claims, signed};

#[tokio::test]
async fn a_call_is_stored_and_connected_to_its_agent() {
    let setting = Setting::new().await;
    let xml = setting.voice("", &[]).await;
    let calls = setting.calls().await;
    let [call] = calls.as_slice() else { panic!("{calls:?}") };
    assert_eq!((call.from.as_str(), call.to.as_str()), (CALLER, NUMBER));
    assert_eq!((call.direction, call.status), (Direction::Inbound, CallStatus::Ringing));
    assert_eq!((call.carrier.as_str(), call.carrier_call_id.as_deref()), ("twilio", Some(SID)));
    assert_eq!(setting.log_of(call).await, ["call.received"]);

    let token = claims(&xml);
    assert_eq!((token.tenant.as_str(), token.agent.as_str()), ("default", "receptionist"));
    assert_eq!(token.call, call.id.as_str());
    assert_eq!(token.expires_at, NOW.as_secs() + 60);
    let parameter = format!("<Parameter name=\"call\" value=\"{}\"/>", call.id);
    assert!(xml.contains(&parameter), "{xml}");
    let redirect =
        "<Redirect method=\"POST\">https://voice.example.com/webhooks/twilio/voice?resume=1</Redirect>";
    assert!(xml.contains(redirect), "{xml}");
}

#[tokio::test]
async fn a_webhook_that_comes_twice_makes_one_call_and_two_tokens() {
    let setting = Setting::new().await;
    let (first, second) = (setting.voice("", &[]).await, setting.voice("", &[]).await);
    assert_eq!(setting.calls().await.len(), 1);
    let (first, second) = (claims(&first), claims(&second));
    assert_eq!(first.call, second.call);
    assert_ne!(first.nonce, second.nonce);
    assert_eq!(setting.log_of(&setting.calls().await[0]).await, ["call.received"]);
}

#[tokio::test]
async fn a_lost_media_socket_is_opened_again_three_times_and_no_more() {
    let setting = Setting::new().await;
    setting.voice("", &[]).await;
    let call = setting.calls().await.remove(0);
    let connected = CallEvent::MediaConnected { stream: "MZ1".into() };
    setting.store.append_event(&setting.tenant, &call.id, connected, NOW).await.unwrap();
    for _ in 0..3 {
        let xml = setting.voice("?resume=1", &[("CallStatus", "in-progress")]).await;
        assert_eq!(claims(&xml).call, call.id.as_str());
    }
    let xml = setting.voice("?resume=1", &[("CallStatus", "in-progress")]).await;
    assert!(xml.contains("<Gather ") && !xml.contains("<Stream"), "{xml}");
    let log = setting.log_of(&call).await;
    assert_eq!(log.iter().filter(|kind| *kind == "call.recovered").count(), 3);
}

#[tokio::test]
async fn a_call_that_was_connected_counts_as_recovered_however_the_carrier_asks() {
    let setting = Setting::new().await;
    setting.voice("", &[]).await;
    let call = setting.calls().await.remove(0);
    let connected = CallEvent::MediaConnected { stream: "MZ1".into() };
    setting.store.append_event(&setting.tenant, &call.id, connected, NOW).await.unwrap();
    setting.voice("", &[]).await;
    assert_eq!(setting.log_of(&call).await, ["call.received", "media.connected", "call.recovered"]);
}

#[tokio::test]
async fn a_media_plane_that_never_answers_is_not_asked_for_ever() {
    let setting = Setting::new().await;
    setting.voice("", &[]).await;
    for _ in 0..3 {
        claims(&setting.voice("?resume=1", &[]).await);
    }
    assert!(!setting.voice("?resume=1", &[]).await.contains("<Stream"));
}

#[tokio::test]
async fn a_call_that_the_agent_ended_is_hung_up() {
    let setting = Setting::new().await;
    setting.voice("", &[]).await;
    let call = setting.calls().await.remove(0);
    let ended = CallEvent::Ended { reason: EndReason::AgentHangup };
    setting.store.append_event(&setting.tenant, &call.id, ended, NOW).await.unwrap();
    let xml = setting.voice("?resume=1", &[("CallStatus", "in-progress")]).await;
    assert!(xml.ends_with("<Response><Hangup/></Response>"), "{xml}");
    assert_eq!(setting.log_of(&call).await, ["call.received", "call.ended"]);
}

#[tokio::test]
async fn a_call_that_a_restart_cut_off_goes_on() {
    for reason in [EndReason::CarrierLost, EndReason::Drained] {
        let setting = Setting::new().await;
        setting.voice("", &[]).await;
        let call = setting.calls().await.remove(0);
        let ended = CallEvent::Ended { reason };
        setting.store.append_event(&setting.tenant, &call.id, ended, NOW).await.unwrap();
        let xml = setting.voice("?resume=1", &[("CallStatus", "in-progress")]).await;
        assert_eq!(claims(&xml).call, call.id.as_str(), "{reason:?}");
    }
}

#[tokio::test]
async fn a_number_that_nobody_has_is_told_so_and_leaves_no_row() {
    let setting = Setting::new().await;
    for to in ["+34910000001", "sip:someone@example.com"] {
        let xml = setting.voice("", &[("To", to)]).await;
        assert!(xml.contains("<Say>This number is not in service. Goodbye.</Say><Hangup/>"), "{xml}");
    }
    assert_eq!(setting.rows().await, [0, 0, 0, 0]);
}

#[tokio::test]
async fn a_rule_decides_and_its_id_is_logged() {
    let setting = Setting::with_routing(
        r#"{ "blocked_callers": ["+1900*"],
             "rules": [{ "id": "vip", "priority": 1, "callers": ["+1555*"],
                         "decision": { "forward": { "to": "+34600000000", "ring_seconds": 25 } } }],
             "fallback": { "connect": "receptionist" } }"#,
    )
    .await;
    let xml = setting.voice("", &[]).await;
    assert!(xml.contains(" timeout=\"25\" ") && xml.contains(">+34600000000</Number></Dial>"), "{xml}");
    let call = setting.calls().await.remove(0);
    assert_eq!(call.agent, None);
    let event = setting.store.events(&setting.tenant, &call.id, 0).await.unwrap().remove(0).event();
    let (decision, reason) = ("forward".to_owned(), "rule vip".to_owned());
    assert_eq!(event, Some(CallEvent::Received { carrier: "twilio".into(), decision, reason }));
    // A repeated webhook gets the same answer and makes no second call.
    assert_eq!(setting.voice("", &[]).await, xml);
    assert_eq!(setting.calls().await.len(), 1);

    let blocked = "CA11111111111111111111111111111111";
    let xml = setting.voice("", &[("From", "+19005550000"), ("CallSid", blocked)]).await;
    assert!(xml.contains("<Reject"), "{xml}");
}

#[tokio::test]
async fn out_of_hours_a_message_is_taken_and_kept() {
    // 13:04 in Madrid's winter is 14:04; this tenant is open in the morning only.
    let setting = Setting::with_routing(
        r#"{ "hours": { "time_zone": "Europe/Madrid", "weekly": [{ "day": "friday", "opens": 540, "closes": 840 }] },
             "rules": [{ "id": "closed", "priority": 1, "hours": "closed",
                         "decision": { "voicemail": { "greeting": "We are closed.", "max_seconds": 90 } } }],
             "fallback": { "connect": "receptionist" } }"#,
    )
    .await;
    let xml = setting.voice("", &[]).await;
    assert!(xml.contains("<Say>We are closed.</Say><Record "), "{xml}");
    let recording = [("RecordingUrl", "https://api.example.com/RE1"), ("RecordingDuration", "7")];
    let thanks = setting.voice("?recorded=1", &recording).await;
    assert!(thanks.contains("Thank you for your message"), "{thanks}");
    assert_eq!(setting.voice("?recorded=1", &recording).await, thanks);
    let kept = setting
        .store
        .projected(&setting.tenant, Projection::Notifications, Some("new"), None, 10)
        .await
        .unwrap();
    assert_eq!(kept.items.len(), 1);
    assert_eq!(kept.items[0].data["recording_url"], "https://api.example.com/RE1");
    assert_eq!(kept.items[0].data["duration_s"], 7);
}

#[tokio::test]
async fn a_caller_without_a_number_reaches_the_agent() {
    let setting = Setting::new().await;
    claims(&setting.voice("", &[("From", "+266696687")]).await);
    assert_eq!(setting.calls().await[0].from, "");
}

#[tokio::test]
async fn an_outbound_call_belongs_to_the_number_it_comes_from() {
    let setting = Setting::new().await;
    let fields = [("Direction", "outbound-api"), ("From", NUMBER), ("To", CALLER)];
    claims(&setting.voice("", &fields).await);
    assert_eq!(setting.calls().await[0].direction, Direction::Outbound);
}

#[tokio::test]
async fn whatever_fails_inside_the_caller_hears_an_apology() {
    let mut down = Setting::new().await;
    down.database_is_down = true;
    let broken_table = Setting::with_routing("{}").await;
    let bad_zone = r#"{ "hours": { "time_zone": "Mars/Base" }, "fallback": { "connect": "a" } }"#;
    let unusable_table = Setting::with_routing(bad_zone).await;
    for (setting, code) in
        [(down, "call-not-stored"), (broken_table, "routing-table"), (unusable_table, "routing-table")]
    {
        let mut request = signed("/webhooks/twilio/voice", &[]);
        request.request_id = "req-7".into();
        let response = setting.send(&request).await;
        assert_eq!(response.status(), 200);
        assert!(response.body().contains("<Say>We are sorry"), "{}", response.body());
        assert!(!response.body().contains("secrets"), "{}", response.body());
        let log = setting.log.borrow();
        assert!(log[0].contains(code) && log[0].contains("req-7"), "{log:?}");
        assert!(!log[0].contains(CALLER), "{log:?}");
    }
}
