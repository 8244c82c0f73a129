#![cfg(test)]
//! What the worker asks of the carriers, as it stands on the wire.

use std::time::Duration;

use serde_json::{Value, json};
use store::{Command, Order, OrderState, Timestamp};
use telephony::dispatch::{Carrier, Telnyx, Twilio};
use telephony::{Fault, Secret, Timeouts, telnyx, twilio};

use crate::server::Server;

const ACCOUNT: &str = "ACaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
const CALL: &str = "CA0123456789abcdef0123456789abcdef";
const PUBLIC: &str = "https://voice.example.com/";
const NOW: Timestamp = Timestamp(1_795_176_000_000);

fn twilio(server: &Server) -> Twilio {
    let account = twilio::Account { sid: ACCOUNT.into(), api_key: None, secret: Secret::new("token") };
    Twilio::new(twilio::Rest::new(account, Some(server.url.clone()), Timeouts::default()).unwrap(), PUBLIC)
}

fn telnyx(server: &Server) -> Telnyx {
    let key = Secret::new("KEY0123");
    let rest = telnyx::Rest::new(key, "149", Some(server.url.clone()), Timeouts::default()).unwrap();
    Telnyx::new(rest, PUBLIC)
}

fn order(detect_machine: bool, record: bool) -> Order {
    Order {
        tenant: "t".parse().unwrap(),
        call: "0198-a".parse().unwrap(),
        key: "k".into(),
        fingerprint: "f".into(),
        carrier: "any".into(),
        agent: "a".parse().unwrap(),
        from: "+15550100000".parse().unwrap(),
        to: "+34600000000".parse().unwrap(),
        variables: serde_json::Map::new(),
        not_before: NOW,
        not_after: NOW,
        hours: None,
        detect_machine,
        record,
        ring: Duration::from_secs(25),
        max_live: None,
        state: OrderState::Placing,
        attempts: 1,
        attempt_id: Some("attempt".into()),
        attempted_at: Some(NOW),
        next_at: NOW,
        error: None,
    }
}

fn command(action: &str, attempts: u32, body: Value) -> Command {
    Command {
        tenant: "t".parse().unwrap(),
        call: "0198-a".parse().unwrap(),
        id: "4c0f4f3a-6d24-4a04-8c54-5a29f6f4a5c6".into(),
        carrier: "any".into(),
        carrier_call_id: CALL.into(),
        action: action.into(),
        body,
        attempts,
        expires_at: NOW,
    }
}

#[tokio::test]
async fn every_webhook_of_a_twilio_call_says_which_call_of_ours_it_is_about() {
    let server = Server::start().await;
    server.answer(201, json!({ "sid": CALL }).to_string()).answer(201, json!({ "sid": CALL }).to_string());
    let twilio = twilio(&server);
    assert_eq!(twilio.place(&order(true, true), "attempt").await.unwrap().leg.as_deref(), Some(CALL));
    twilio.place(&order(false, false), "attempt").await.unwrap();
    let asked = server.asked();
    let form = asked[0].form();
    for (field, webhook) in [
        ("Url", "voice"),
        ("StatusCallback", "status"),
        ("AsyncAmdStatusCallback", "answered-by"),
        ("RecordingStatusCallback", "recording"),
    ] {
        assert_eq!(form[field], format!("https://voice.example.com/webhooks/twilio/{webhook}?call=0198-a"));
    }
    assert_eq!((form["Timeout"].as_str(), form["MachineDetection"].as_str()), ("25", "DetectMessageEnd"));
    let plain = asked[1].form();
    assert!(!plain.contains_key("MachineDetection") && !plain.contains_key("Record"));
}

#[tokio::test]
async fn a_telnyx_call_carries_our_id_and_the_name_of_the_attempt() {
    let server = Server::start().await;
    server.answer(
        200,
        json!({ "data": { "call_control_id": "v3:a", "call_leg_id": "l", "call_session_id": "s" } })
            .to_string(),
    );
    let ids = telnyx(&server).place(&order(true, true), "attempt").await.unwrap();
    assert_eq!(
        (ids.leg.as_deref(), ids.alias.as_deref(), ids.session.as_deref()),
        (Some("v3:a"), Some("l"), Some("s"))
    );
    let expected = json!({
        "connection_id": "149", "from": "+15550100000", "to": "+34600000000", "command_id": "attempt",
        "client_state": "eyJjYWxsIjoiMDE5OC1hIn0=", "timeout_secs": 25, "answering_machine_detection": "greeting_end",
        "record": "record-from-answer", "record_channels": "dual", "record_format": "wav",
        "webhook_url": "https://voice.example.com/webhooks/telnyx/call", "webhook_url_method": "POST",
    });
    assert_eq!(server.asked_once().json(), expected);
}

/// By one API two accounts are asked, each by its own name only.
#[tokio::test]
async fn a_tenants_own_account_is_asked_by_its_own_credentials_and_tells_on_the_tenants_own_paths() {
    const OWN: &str = "ACbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";
    const PATHS: &str = "https://voice.example.com/webhooks/tenants/acme";
    let (server, tenant) = (Server::start().await, "acme".parse().unwrap());
    server.answer(201, json!({ "sid": CALL }).to_string());
    let account = twilio::Account { sid: OWN.into(), api_key: None, secret: Secret::new("own-token") };
    let api = twilio::Api::new(Some(server.url.clone()), Timeouts::default()).unwrap();
    let own = Twilio::of_tenant(api.with(account).unwrap(), PUBLIC, &tenant);
    own.place(&order(false, false), "attempt").await.unwrap();
    let asked = server.asked_once();
    assert_eq!(asked.target, format!("/2010-04-01/Accounts/{OWN}/Calls.json"));
    // The SID, a colon and the token.
    let expected = "Basic QUNiYmJiYmJiYmJiYmJiYmJiYmJiYmJiYmJiYmJiYmJiYjpvd24tdG9rZW4=";
    assert_eq!(asked.header("authorization"), expected);
    assert_eq!(asked.form()["Url"], format!("{PATHS}/twilio/voice?call=0198-a"));

    server.answer(200, json!({ "data": { "call_control_id": "v3:a" } }).to_string());
    let api = telnyx::Api::new(Some(server.url.clone()), Timeouts::default()).unwrap();
    let own = Telnyx::of_tenant(api.with(Secret::new("KEYown"), "150").unwrap(), PUBLIC, &tenant);
    own.place(&order(false, false), "attempt").await.unwrap();
    let asked = server.asked_once();
    assert_eq!(asked.header("authorization"), "Bearer KEYown");
    let body = asked.json();
    assert_eq!(
        (&body["connection_id"], &body["webhook_url"]),
        (&json!("150"), &json!(format!("{PATHS}/telnyx/call")))
    );
}

#[tokio::test]
async fn a_call_that_somebody_else_placed_later_is_not_the_one_that_was_lost() {
    let server = Server::start().await;
    let call = |n: u8, created: &str| {
        json!({
            "sid": format!("CA{n:032x}"), "direction": "outbound-api", "to": "+34600000000", "from": "+15550100000",
            "status": "completed", "date_created": created,
        })
    };
    let calls = [
        call(1, "Fri, 20 Nov 2026 11:58:59 +0000"),
        call(2, "Fri, 20 Nov 2026 11:59:30 +0000"),
        call(3, "Fri, 20 Nov 2026 12:01:59 +0000"),
        call(4, "Fri, 20 Nov 2026 12:02:01 +0000"),
    ];
    server.answer(200, json!({ "calls": [] }).to_string()).answer(200, json!({ "calls": calls }).to_string());
    let found = twilio(&server).find(&order(false, false), NOW).await.unwrap();
    let found: Vec<String> = found.into_iter().filter_map(|ids| ids.leg).collect();
    assert_eq!(found, [format!("CA{:032x}", 2), format!("CA{:032x}", 3)]);
}

#[tokio::test]
async fn twilio_is_commanded_in_words_of_our_own() {
    let server = Server::start().await;
    let twilio = twilio(&server);
    for _ in 0..6 {
        server.answer(200, json!({ "sid": "RE0123456789abcdef0123456789abcdef" }).to_string());
    }
    for (action, body) in [
        ("hangup", json!({})),
        ("redirect", json!({ "url": "https://voice.example.com/v", "method": "POST" })),
        ("redirect", json!({ "twiml": "<Response/>" })),
        ("send_dtmf", json!({ "digits": "1", "url": "https://voice.example.com/v" })),
        ("record_start", json!({ "callback": "https://voice.example.com/r" })),
        ("record_stop", json!({})),
    ] {
        twilio.command(&command(action, 1, body)).await.unwrap();
    }
    let forms: Vec<_> = server.asked().iter().map(|asked| (asked.target.clone(), asked.form())).collect();
    assert_eq!(forms[0].1["Status"], "completed");
    assert_eq!(forms[1].1["Url"], "https://voice.example.com/v");
    assert_eq!(forms[2].1["Twiml"], "<Response/>");
    assert!(forms[3].1["Twiml"].contains(r#"<Play digits="1"/>"#));
    assert!(forms[4].0.ends_with(&format!("/Calls/{CALL}/Recordings.json")));
    assert!(forms[5].0.ends_with("/Recordings/Twilio.CURRENT.json"));
    for odd in
        [command("redirect", 1, json!({})), command("sing", 1, json!({})), command("send_dtmf", 1, json!(1))]
    {
        assert!(matches!(twilio.command(&odd).await, Err(Fault::Refused { .. })));
    }
    assert!(server.asked().is_empty());
}

#[tokio::test]
async fn a_recording_that_may_have_begun_is_not_begun_twice() {
    let server = Server::start().await;
    let twilio = twilio(&server);
    let start =
        |attempts| command("record_start", attempts, json!({ "callback": "https://voice.example.com/r" }));
    let recording = json!({ "sid": "RE0123456789abcdef0123456789abcdef" });
    server.answer(200, json!({ "recordings": [recording] }).to_string());
    twilio.command(&start(2)).await.unwrap();
    assert_eq!(server.asked_once().method, "GET");
    server.answer(200, json!({ "recordings": [] }).to_string()).answer(201, recording.to_string());
    twilio.command(&start(2)).await.unwrap();
    assert_eq!(server.asked().len(), 2);
}

#[tokio::test]
async fn telnyx_is_commanded_in_its_own_words_by_the_commands_name() {
    let server = Server::start().await;
    server.answer(200, r#"{"data":{"result":"ok"}}"#);
    telnyx(&server).command(&command("speak", 1, json!({ "payload": "Hello", "voice": "v" }))).await.unwrap();
    let asked = server.asked_once();
    assert_eq!(asked.target, format!("/v2/calls/{CALL}/actions/speak"));
    let id = "4c0f4f3a-6d24-4a04-8c54-5a29f6f4a5c6";
    assert_eq!(asked.json(), json!({ "payload": "Hello", "voice": "v", "command_id": id }));
}
