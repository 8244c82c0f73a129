#![cfg(test)]

use std::time::Duration;

use ::telnyx::{ClientState, RecordStop, SendDtmf, Transfer};
use call_state::EndReason;
use serde_json::json;
use telephony::telnyx::Rest;
use telephony::{Cause, Fault, FetchError, Secret, Timeouts};

use crate::server::Server;

const LEG: &str = "v3:MdI91X4lWFEs7IgbBEOT9M4AigoY08M0WWZFISt1Yw2axZ_IiE4pqg";
const PATH: &str = "/v2/calls/v3%3AMdI91X4lWFEs7IgbBEOT9M4AigoY08M0WWZFISt1Yw2axZ_IiE4pqg/actions";
const COMMAND: &str = "4c0f4f3a-6d24-4a04-8c54-5a29f6f4a5c6";

fn rest(server: &Server) -> Rest {
    Rest::new(Secret::new("KEY0123"), "1494404757140276705", Some(server.url.clone()), Timeouts::default())
        .unwrap()
}

fn error(code: &str) -> String {
    json!({ "errors": [{ "code": code, "title": "t", "detail": "about +34600000000", "meta": {} }] })
        .to_string()
}

#[tokio::test]
async fn a_call_is_placed_under_its_name() {
    let server = Server::start().await;
    let placed = json!({ "data": { "call_control_id": LEG, "call_leg_id": "l", "call_session_id": "s", "is_alive": false, "record_type": "call" } });
    server.answer(200, placed.to_string());
    let rest = rest(&server);
    let state = ClientState::of_call("0198-a").unwrap();
    let dial = rest.dial("+15550100000", "+34600000000").unwrap().command_id(COMMAND).client_state(&state);
    let ids = rest.place(dial.ring(Duration::from_secs(20)).unwrap()).await.unwrap();
    assert_eq!((ids.call_control_id.as_str(), ids.call_leg_id.as_deref()), (LEG, Some("l")));
    let asked = server.asked_once();
    assert_eq!((asked.method.as_str(), asked.target.as_str()), ("POST", "/v2/calls"));
    assert_eq!(asked.header("authorization"), "Bearer KEY0123");
    let expected = json!({
        "connection_id": "1494404757140276705", "from": "+15550100000", "to": "+34600000000",
        "command_id": COMMAND, "client_state": "eyJjYWxsIjoiMDE5OC1hIn0=", "timeout_secs": 20,
    });
    assert_eq!(asked.json(), expected);
}

#[tokio::test]
async fn what_telnyx_answers_is_told_apart() {
    let server = Server::start().await;
    let rest = rest(&server);
    let dial = || rest.dial("+15550100000", "+34600000000").unwrap().command_id(COMMAND);
    server.answer_with(429, &[("retry-after", "9")], error("10011"));
    let retry_after = Some(Duration::from_secs(9));
    assert_eq!(rest.place(dial()).await.unwrap_err(), Fault::NotDone { cause: Cause::TooMany, retry_after });
    server.answer(500, error("10007"));
    assert_eq!(rest.place(dial()).await.unwrap_err(), Fault::Unknown { cause: Cause::Failed(500) });
    server.answer(200, r#"{"data":{}}"#);
    assert_eq!(rest.place(dial()).await.unwrap_err(), Fault::Unknown { cause: Cause::Unreadable });
    server.answer(422, error("10016"));
    let fault = rest.place(dial()).await.unwrap_err();
    assert!(matches!(&fault, Fault::Refused { refusal } if refusal.reason == EndReason::InvalidDestination));
    assert!(!format!("{fault} {fault:?}").contains("+34"));
}

#[tokio::test]
async fn a_command_goes_to_its_leg_under_its_name() {
    let server = Server::start().await;
    let rest = rest(&server);
    for _ in 0..3 {
        server.answer(200, r#"{"data":{"result":"ok"}}"#);
    }
    rest.command(LEG, Transfer::to("+34600000000").unwrap().into(), COMMAND).await.unwrap();
    rest.command(LEG, SendDtmf::new("1w#").unwrap().into(), COMMAND).await.unwrap();
    rest.command(LEG, RecordStop::new().into(), COMMAND).await.unwrap();
    let asked = server.asked();
    let targets: Vec<&str> = asked.iter().map(|asked| asked.target.as_str()).collect();
    assert_eq!(
        targets,
        [format!("{PATH}/transfer"), format!("{PATH}/send_dtmf"), format!("{PATH}/record_stop")]
    );
    assert!(asked.iter().all(|asked| asked.json()["command_id"] == COMMAND));
    assert_eq!(asked[0].json()["to"], "+34600000000");
}

#[tokio::test]
async fn a_leg_that_is_over_has_been_ended_but_takes_no_other_command() {
    let server = Server::start().await;
    let rest = rest(&server);
    server
        .answer(422, error("90018"))
        .answer(404, error("10005"))
        .answer(422, error("10015"))
        .answer(422, error("90018"));
    rest.end(LEG, COMMAND).await.unwrap();
    rest.end(LEG, COMMAND).await.unwrap();
    assert!(rest.end(LEG, COMMAND).await.is_err());
    assert!(rest.act(LEG, "speak", json!({}), COMMAND).await.is_err());
}

#[tokio::test]
async fn nothing_that_a_webhook_wrote_becomes_another_path() {
    let server = Server::start().await;
    let rest = rest(&server);
    for (leg, action) in [("", "hangup"), ("..", "hangup"), (LEG, "../x"), (LEG, "hangup?")] {
        assert!(
            matches!(rest.act(leg, action, json!({}), COMMAND).await, Err(Fault::Refused { .. })),
            "{leg} {action}"
        );
    }
    assert!(rest.is_alive("..").await.is_err());
    assert!(server.asked().is_empty());
    server.answer(200, "{}");
    rest.act("a/../../x?y", "hangup", json!({}), COMMAND).await.unwrap();
    assert_eq!(server.asked_once().target, "/v2/calls/a%2F..%2F..%2Fx%3Fy/actions/hangup");
}

#[tokio::test]
async fn a_call_that_goes_on_is_found_by_its_state() {
    let server = Server::start().await;
    let rest = rest(&server);
    let active = |leg: &str, state: Option<String>| json!({ "call_control_id": leg, "call_leg_id": "l", "call_session_id": "s", "client_state": state, "call_duration": 5, "record_type": "call" });
    let ours = ClientState::of_call("0198-a").unwrap().encoded();
    let further = ClientState::of_leg("0198-a", "forward").unwrap().encoded();
    let next = "/v2/connections/1494404757140276705/active_calls?page[after]=v1:g3QAAA==";
    let first = json!({ "data": [active("v3:x", None), active("v3:y", Some(further))], "meta": { "total_items": 3, "next": next } });
    let second = json!({ "data": [active(LEG, Some(ours))], "meta": { "total_items": 3 } });
    server.answer(200, first.to_string()).answer(200, second.to_string());
    assert_eq!(rest.active_call("0198-a").await.unwrap().unwrap().call_control_id, LEG);
    let asked = server.asked();
    assert_eq!(asked[0].target, "/v2/connections/1494404757140276705/active_calls");
    assert_eq!(asked[1].target, next);
    server.answer(200, r#"{"data":[],"meta":{}}"#);
    assert_eq!(rest.active_call("0198-a").await.unwrap(), None);
    server.answer(200, r#"{"data":[],"meta":{"next":"https://evil.example/"}}"#);
    assert!(matches!(rest.active_call("0198-a").await, Err(Fault::Unknown { .. })));
}

#[tokio::test]
async fn a_leg_is_alive_dead_or_forgotten() {
    let server = Server::start().await;
    let rest = rest(&server);
    server.answer(200, r#"{"data":{"is_alive":true,"call_control_id":"v3:a"}}"#);
    server.answer(200, r#"{"data":{"is_alive":false}}"#).answer(404, error("10005"));
    assert_eq!(rest.is_alive(LEG).await.unwrap(), Some(true));
    assert_eq!(rest.is_alive(LEG).await.unwrap(), Some(false));
    assert_eq!(rest.is_alive(LEG).await.unwrap(), None);
}

#[tokio::test]
async fn a_recording_is_fetched_without_the_key() {
    let (api, files) = (Server::start().await, Server::start().await);
    let rest = rest(&api);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a.wav");
    files.answer(200, "abc");
    let url = format!("{}a.wav?X-Amz-Expires=600&X-Amz-Signature=00", files.url);
    assert_eq!(rest.fetch_recording(&url, &file, 100).await.unwrap().bytes, 3);
    let asked = files.asked_once();
    assert_eq!(asked.target, "/a.wav?X-Amz-Expires=600&X-Amz-Signature=00");
    assert_eq!(asked.header("authorization"), "");
    files.answer(403, "<Error><Code>AccessDenied</Code></Error>");
    let dead = rest.fetch_recording(&url, &file, 100).await.unwrap_err();
    assert!(matches!(dead, FetchError::Carrier(Fault::Refused { refusal }) if refusal.status == 403));
    for bad in ["http://files.example.com/a.wav", "file:///etc/passwd", "a.wav"] {
        assert!(rest.fetch_recording(bad, &file, 100).await.is_err(), "{bad}");
    }
}
