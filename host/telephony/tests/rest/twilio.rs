#![cfg(test)]

use std::time::Duration;

use call_state::EndReason;
use serde_json::json;
use store::Timestamp;
use telephony::twilio::{Account, Consultation, Instructions, NewCall, RecordingId, Rest};
use telephony::{Cause, Fault, FetchError, Secret, Timeouts};

use crate::server::Server;

const ACCOUNT: &str = "ACaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
const CALL: &str = "CA0123456789abcdef0123456789abcdef";
const HUMAN: &str = "CAffffffffffffffffffffffffffffffff";
const RECORDING: &str = "RE0123456789abcdef0123456789abcdef";
const CONFERENCE: &str = "CF0123456789abcdef0123456789abcdef";

fn rest(server: &Server) -> Rest {
    let account = Account { sid: ACCOUNT.into(), api_key: None, secret: Secret::new("token") };
    Rest::new(account, Some(server.url.clone()), Timeouts::default()).unwrap()
}

fn call_object(sid: &str, direction: &str, created: Option<&str>) -> serde_json::Value {
    json!({
        "sid": sid, "account_sid": ACCOUNT, "to": "+34600000000", "from": "+15550100000", "status": "queued",
        "direction": direction, "date_created": created, "start_time": null, "duration": null, "price": null,
    })
}

fn error(code: u32, status: u16) -> String {
    let more = format!("https://www.twilio.com/docs/errors/{code}");
    json!({ "code": code, "message": "quotes +34600000000", "more_info": more, "status": status }).to_string()
}

#[tokio::test]
async fn a_call_is_placed_by_a_signed_form() {
    let server = Server::start().await;
    server.answer(201, call_object(CALL, "outbound-api", None).to_string());
    let url = "https://voice.example.com/webhooks/twilio/voice?call=0198-a&b=c d";
    let mut call = NewCall::new("+15550100000", "+34600000000", Instructions::Url(url.into()));
    call.status_callback = Some("https://voice.example.com/webhooks/twilio/status?call=0198-a".into());
    assert_eq!(rest(&server).place(&call).await.unwrap(), CALL);
    let asked = server.asked_once();
    assert_eq!(
        (asked.method.as_str(), asked.target.clone()),
        ("POST", format!("/2010-04-01/Accounts/{ACCOUNT}/Calls.json"))
    );
    // base64 of the account, a colon and the token.
    assert_eq!(
        asked.header("authorization"),
        "Basic QUNhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYTp0b2tlbg=="
    );
    let form = asked.form();
    assert_eq!(
        (form["To"].as_str(), form["From"].as_str(), form["Url"].as_str()),
        ("+34600000000", "+15550100000", url)
    );
    assert_eq!(form["StatusCallbackEvent"], "initiated,ringing,answered,completed");
}

#[tokio::test]
async fn an_api_key_signs_for_its_account() {
    let server = Server::start().await;
    let key = "SKbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";
    let account = Account { sid: ACCOUNT.into(), api_key: Some(key.into()), secret: Secret::new("s") };
    let rest = Rest::new(account, Some(server.url.clone()), Timeouts::default()).unwrap();
    server.answer(200, "{}");
    rest.end(CALL).await.unwrap();
    let asked = server.asked_once();
    assert!(asked.target.contains(ACCOUNT));
    assert_eq!(asked.header("authorization"), "Basic U0tiYmJiYmJiYmJiYmJiYmJiYmJiYmJiYmJiYmJiYmJiYjpz");
}

#[tokio::test]
async fn a_refusal_has_twilios_code_and_our_reason_and_no_text() {
    let server = Server::start().await;
    server.answer(400, error(21211, 400));
    let call = NewCall::new("+15550100000", "+34", Instructions::Url("https://a.example".into()));
    let fault = rest(&server).place(&call).await.unwrap_err();
    let Fault::Refused { refusal } = &fault else { panic!("{fault}") };
    assert_eq!((refusal.code.as_deref(), refusal.reason), (Some("21211"), EndReason::InvalidDestination));
    assert!(!format!("{fault} {fault:?}").contains("+34"));
}

#[tokio::test]
async fn a_rate_limit_says_when_to_come_back_and_a_server_error_says_nothing() {
    let server = Server::start().await;
    let call = NewCall::new("+15550100000", "+34600000000", Instructions::Url("https://a.example".into()));
    server.answer_with(429, &[("retry-after", "3")], error(20429, 429));
    let retry_after = Some(Duration::from_secs(3));
    let expected = Fault::NotDone { cause: Cause::TooMany, retry_after };
    assert_eq!(rest(&server).place(&call).await.unwrap_err(), expected);
    server.answer(500, error(20500, 500));
    assert_eq!(rest(&server).place(&call).await.unwrap_err(), Fault::Unknown { cause: Cause::Failed(500) });
    server.answer(201, "<html>");
    assert_eq!(rest(&server).place(&call).await.unwrap_err(), Fault::Unknown { cause: Cause::Unreadable });
}

#[tokio::test]
async fn a_call_that_is_over_has_been_ended() {
    let server = Server::start().await;
    server.answer(200, call_object(CALL, "inbound", None).to_string());
    server.answer(404, error(20404, 404)).answer(404, "").answer(400, error(21220, 400));
    server.answer(401, error(20003, 401));
    let rest = rest(&server);
    for _ in 0..4 {
        rest.end(CALL).await.unwrap();
    }
    assert!(matches!(rest.end(CALL).await, Err(Fault::Refused { refusal }) if refusal.status == 401));
    for asked in server.asked() {
        assert_eq!(asked.target, format!("/2010-04-01/Accounts/{ACCOUNT}/Calls/{CALL}.json"));
        assert_eq!(asked.form()["Status"], "completed");
    }
}

#[tokio::test]
async fn a_call_goes_on_with_other_instructions() {
    let server = Server::start().await;
    server.answer(200, "{}").answer(200, "{}").answer(404, error(20404, 404));
    let rest = rest(&server);
    let dial = twiml::Response::new().dial(twiml::Dial::new().number("+34600000000"));
    rest.redirect(CALL, &Instructions::from(&dial)).await.unwrap();
    rest.send_dtmf(CALL, "1w2#", "https://voice.example.com/go-on").await.unwrap();
    let over = rest.redirect(CALL, &Instructions::Url("https://a.example".into())).await.unwrap_err();
    assert!(matches!(over, Fault::Refused { .. }));
    let asked = server.asked();
    assert!(asked[0].form()["Twiml"].contains("<Dial><Number>+34600000000</Number></Dial>"));
    let keys = &asked[1].form()["Twiml"];
    assert!(
        keys.contains(r#"<Play digits="1w2#"/><Redirect>https://voice.example.com/go-on</Redirect>"#),
        "{keys}"
    );
    assert_eq!(asked[2].form()["Method"], "POST");
}

#[tokio::test]
async fn nothing_that_a_webhook_wrote_becomes_another_path() {
    let server = Server::start().await;
    let rest = rest(&server);
    for sid in [
        "",
        "CA1",
        "CA0123456789abcdef0123456789abcde/",
        "../../Accounts/AC1",
        HUMAN.trim_start_matches("CA"),
    ] {
        assert!(matches!(rest.end(sid).await, Err(Fault::Refused { .. })), "{sid}");
        assert!(rest.start_recording(sid, "https://a.example").await.is_err());
        assert!(rest.participants(sid).await.is_err());
    }
    assert!(rest.send_dtmf(CALL, "<x>", "https://a.example").await.is_err());
    assert!(server.asked().is_empty());
}

#[tokio::test]
async fn calls_are_looked_for_among_those_that_wait_and_those_that_began() {
    let server = Server::start().await;
    let since = Timestamp(1_795_176_000_000);
    let after = Some("Fri, 20 Nov 2026 12:00:01 +0000");
    let sid = |n: u8| format!("CA{n:032x}");
    let page = |calls: &[serde_json::Value], next: Option<String>| {
        json!({ "calls": calls, "next_page_uri": next }).to_string()
    };
    let next = format!("/2010-04-01/Accounts/{ACCOUNT}/Calls.json?PageSize=100&Page=1&PageToken=PA1");
    server.answer(200, page(&[call_object(&sid(1), "outbound-api", None)], None));
    server.answer(
        200,
        page(
            &[
                call_object(&sid(1), "outbound-api", None),
                call_object(&sid(2), "outbound-dial", after),
                call_object(&sid(3), "outbound-api", Some("Fri, 20 Nov 2026 11:59:59 +0000")),
            ],
            Some(next.clone()),
        ),
    );
    server.answer(200, page(&[call_object(&sid(4), "outbound-api", after)], None));
    let found = rest(&server).placed_since("+15550100000", "+34600000000", since).await.unwrap();
    let found: Vec<&str> = found.iter().map(|call| call.sid.as_str()).collect();
    assert_eq!(found, [sid(1), sid(4)]);
    let asked: Vec<String> = server.asked().into_iter().map(|asked| asked.target).collect();
    let list = format!("/2010-04-01/Accounts/{ACCOUNT}/Calls.json?To=%2B34600000000&From=%2B15550100000");
    assert_eq!(
        asked,
        [
            format!("{list}&Status=queued&PageSize=100"),
            format!("{list}&StartTime%3E=2026-11-20&PageSize=100"),
            next,
        ]
    );
}

#[tokio::test]
async fn who_sees_only_a_part_of_the_list_concludes_nothing() {
    let server = Server::start().await;
    let rest = rest(&server);
    let since = Timestamp(0);
    for next in ["https://evil.example/Calls.json", "/2010-04-01/again"] {
        for _ in 0..12 {
            server.answer(200, json!({ "calls": [], "next_page_uri": next }).to_string());
        }
        assert!(
            matches!(
                rest.placed_since("+15550100000", "+34600000000", since).await,
                Err(Fault::Unknown { .. })
            ),
            "{next}"
        );
    }
}

#[tokio::test]
async fn a_call_is_known_or_not() {
    let server = Server::start().await;
    server.answer(200, call_object(CALL, "outbound-api", None).to_string()).answer(404, error(20404, 404));
    let rest = rest(&server);
    let call = rest.call(CALL).await.unwrap().unwrap();
    assert_eq!((call.status.as_str(), call.to.as_str(), call.created_at), ("queued", "+34600000000", None));
    assert_eq!(rest.call(CALL).await.unwrap(), None);
}

#[tokio::test]
async fn a_warm_transfer_calls_the_human_and_then_moves_the_caller() {
    let server = Server::start().await;
    server.answer(201, call_object(HUMAN, "outbound-api", None).to_string()).answer(200, "{}");
    let consultation = Consultation {
        to: "+34600000000".into(),
        from: "+15550100000".into(),
        conference: "transfer-1".into(),
        briefing: "A caller about <a & b>".into(),
        reports: format!("https://voice.example.com/webhooks/twilio/conference?caller={CALL}"),
        ring: Duration::from_secs(20),
    };
    assert_eq!(rest(&server).warm_transfer(CALL, &consultation).await.unwrap(), HUMAN);
    let asked = server.asked();
    let (human, caller) = (asked[0].form(), asked[1].form());
    let room = r#"endConferenceOnExit="true""#;
    let briefing = "<Say>A caller about &lt;a &amp; b&gt;</Say><Dial><Conference";
    assert!(human["Twiml"].contains(briefing) && human["Twiml"].contains(room), "{}", human["Twiml"]);
    assert_eq!((human["To"].as_str(), human["Timeout"].as_str()), ("+34600000000", "20"));
    assert_eq!(human["StatusCallback"], consultation.reports);
    assert!(asked[1].target.ends_with(&format!("/Calls/{CALL}.json")));
    assert!(caller["Twiml"].contains(r#"<Dial action="https://voice.example.com/"#), "{}", caller["Twiml"]);
    assert!(caller["Twiml"].contains(">transfer-1</Conference>") && caller["Twiml"].contains(room));
}

#[tokio::test]
async fn a_caller_who_cannot_be_moved_does_not_leave_a_human_alone() {
    let server = Server::start().await;
    server.answer(201, call_object(HUMAN, "outbound-api", None).to_string());
    server.answer(500, "").answer(404, error(20404, 404)).answer(200, "{}");
    let consultation = Consultation {
        to: "+34600000000".into(),
        from: "+15550100000".into(),
        conference: "transfer-1".into(),
        briefing: "A caller".into(),
        reports: "https://a.example".into(),
        ring: Duration::from_secs(20),
    };
    assert!(matches!(rest(&server).warm_transfer(CALL, &consultation).await, Err(Fault::Refused { .. })));
    let asked = server.asked();
    assert_eq!(asked.len(), 4);
    assert!(asked[3].target.ends_with(&format!("/Calls/{HUMAN}.json")));
    assert_eq!(asked[3].form()["Status"], "completed");
}

#[tokio::test]
async fn a_conference_is_seen_and_ended() {
    let server = Server::start().await;
    let conferences = json!({ "conferences": [
        { "sid": "CF1", "status": "completed" }, { "sid": CONFERENCE, "status": "in-progress" },
    ] });
    server.answer(200, conferences.to_string());
    server.answer(
        200,
        json!({ "participants": [{ "call_sid": CALL, "status": "connected", "hold": false }] }).to_string(),
    );
    server.answer(200, "{}").answer(404, error(20404, 404));
    let rest = rest(&server);
    assert_eq!(rest.conference("a b").await.unwrap().unwrap().sid, CONFERENCE);
    assert_eq!(rest.participants(CONFERENCE).await.unwrap()[0].call_sid, CALL);
    rest.end_conference(CONFERENCE).await.unwrap();
    rest.end_conference(CONFERENCE).await.unwrap();
    assert!(server.asked()[0].target.ends_with("/Conferences.json?FriendlyName=a+b&PageSize=20"));
}

#[tokio::test]
async fn a_recording_is_started_listed_and_stopped() {
    let server = Server::start().await;
    server.answer(201, json!({ "sid": RECORDING, "status": "in-progress" }).to_string());
    server.answer(200, json!({ "recordings": [{ "sid": RECORDING }, { "sid": "odd" }] }).to_string());
    server.answer(200, "{}").answer(404, error(20404, 404));
    let rest = rest(&server);
    let id = rest.start_recording(CALL, "https://voice.example.com/rec").await.unwrap();
    assert_eq!(rest.recordings(CALL).await.unwrap(), [id]);
    rest.stop_recording(CALL).await.unwrap();
    rest.stop_recording(CALL).await.unwrap();
    let asked = server.asked();
    assert_eq!(asked[0].form()["RecordingChannels"], "dual");
    assert!(asked[2].target.ends_with(&format!("/Calls/{CALL}/Recordings/Twilio.CURRENT.json")));
    assert_eq!(asked[2].form()["Status"], "stopped");
}

#[tokio::test]
async fn a_recording_is_in_its_file_once_it_is_whole() {
    let server = Server::start().await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("tenant/call/a.wav");
    let rest = rest(&server);
    let id = RecordingId::parse(RECORDING).unwrap();
    server.answer(200, "abc");
    let fetched = rest.fetch_recording(&id, &file, 3).await.unwrap();
    assert_eq!(fetched.bytes, 3);
    // FIPS 180-2, appendix B.1.
    assert_eq!(fetched.sha256, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    assert_eq!(std::fs::read(&file).unwrap(), b"abc");
    let asked = server.asked_once();
    assert_eq!(asked.target, format!("/2010-04-01/Accounts/{ACCOUNT}/Recordings/{RECORDING}.wav"));
    assert!(asked.header("authorization").starts_with("Basic "));
    assert_eq!(std::fs::read_dir(file.parent().unwrap()).unwrap().count(), 1);
}

#[tokio::test]
async fn a_recording_that_is_too_long_leaves_nothing_behind() {
    let server = Server::start().await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a.wav");
    let rest = rest(&server);
    let id = RecordingId::parse(RECORDING).unwrap();
    server.answer(200, "abcd");
    assert!(matches!(rest.fetch_recording(&id, &file, 3).await, Err(FetchError::TooLong { limit: 3 })));
    // Without an announced length it is known by what comes.
    let chunks = futures_of(["ab", "cd"]);
    server.answer(200, axum::body::Body::from_stream(chunks));
    assert!(matches!(rest.fetch_recording(&id, &file, 3).await, Err(FetchError::TooLong { limit: 3 })));
    server.answer(404, error(20404, 404));
    let absent = rest.fetch_recording(&id, &file, 3).await.unwrap_err();
    assert!(matches!(absent, FetchError::Carrier(Fault::Refused { refusal }) if refusal.status == 404));
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

fn futures_of(
    chunks: [&'static str; 2],
) -> impl futures::Stream<Item = Result<&'static str, std::io::Error>> {
    futures::stream::iter(chunks.map(Ok))
}

#[test]
fn an_account_that_is_none_is_refused_at_once() {
    let rest = |sid: &str, key: Option<&str>, secret: &str| {
        let account =
            Account { sid: sid.into(), api_key: key.map(str::to_owned), secret: Secret::new(secret) };
        Rest::new(account, None, Timeouts::default())
    };
    assert!(rest(ACCOUNT, None, "token").is_ok());
    assert!(rest("AC1", None, "token").is_err());
    assert!(rest(ACCOUNT, Some("key"), "token").is_err());
    assert!(rest(ACCOUNT, None, "").is_err());
}
