//! What becomes of commands: refused, repeated, and with faults.

use std::time::Duration;

use serde_json::json;
use sim::carrier::RestTrouble;
use sim::telnyx::RestFault;

use crate::platform::{APP, DEADLINE, KEY, Platform, Script, request, set_up};

const TO: &str = "+12025550111";

#[tokio::test]
async fn what_is_refused_is_refused_with_its_code() {
    let (platform, telnyx) = set_up(Script::Answer(json!({}))).await;
    let call = telnyx.place_call("+12025550143", "+12025550199");
    call.connected(DEADLINE).await.unwrap();
    let client = reqwest::Client::new();
    let url = format!("{}/v2/calls/{}/actions/hangup", platform.api(), call.sid());
    let (status, body) = request(client.post(&url), json!({})).await.unwrap();
    assert_eq!((status, &body["errors"][0]["code"]), (401, &json!("10009")));
    let (status, _) = request(client.post(&url).bearer_auth("KEY_other"), json!({})).await.unwrap();
    assert_eq!(status, 401);
    for (call, action, body, status, code) in [
        ("v3:unknown", "hangup", json!({}), 404, "10005"),
        ("unknown", "hangup", json!({}), 422, "90015"),
        (call.sid(), "levitate", json!({}), 404, "10005"),
        (call.sid(), "speak", json!({ "payload": "x" }), 422, "10004"),
        (call.sid(), "answer", json!({}), 422, "10015"),
        (call.sid(), "hangup", json!([]), 400, "10015"),
        (call.sid(), "record_stop", json!({}), 422, "10015"),
    ] {
        let (found, answer) = platform.act(call, action, body).await;
        let error = &answer["errors"][0];
        assert_eq!((found, &error["code"]), (status, &json!(code)), "{call} {action} {answer}");
        assert!(error["title"].is_string() && error["detail"].is_string());
    }
    assert!(call.is_streaming(), "nothing of that ended the call");
    assert_eq!(
        platform.act(call.sid(), "hangup", json!({})).await,
        (200, json!({ "data": { "result": "ok" } }))
    );
    call.ended(DEADLINE).await.unwrap();
    let (status, body) = platform.act(call.sid(), "hangup", json!({})).await;
    assert_eq!((status, &body["errors"][0]["code"]), (422, &json!("90018")));
}

#[tokio::test]
async fn a_call_is_only_placed_as_the_carrier_allows() {
    let (platform, telnyx) = set_up(Script::Wait).await;
    for (more, pointer) in [
        (json!({ "to": "12025550111" }), "/to"),
        (json!({ "from": "me" }), "/from"),
        (json!({ "connection_id": "another" }), "/connection_id"),
        (json!({ "timeout_secs": 601 }), "/timeout_secs"),
        (json!({ "answering_machine_detection": "yes" }), "/answering_machine_detection"),
        (json!({ "client_state": "{}" }), "/client_state"),
    ] {
        let (status, body) = platform.dial(TO, more).await;
        assert_eq!((status, &body["errors"][0]["source"]["pointer"]), (422, &json!(pointer)), "{body}");
    }
    assert_eq!(telnyx.placed(TO), 0);
}

#[tokio::test]
async fn a_command_id_acts_once_within_a_minute() {
    let (platform, telnyx) = set_up(Script::Wait).await;
    let command = json!({ "command_id": "891510ac-f3e4-11e8-af5b-de00688a4901" });
    let (status, first) = platform.dial(TO, command.clone()).await;
    assert_eq!((status, &first["data"]["record_type"]), (200, &json!("call")));
    assert_eq!(platform.dial(TO, command.clone()).await, (200, first));
    assert_eq!(telnyx.placed(TO), 1);
    platform.dial(TO, json!({ "command_id": "another" })).await;
    assert_eq!(telnyx.placed(TO), 2);
    telnyx.advance(Duration::from_secs(61));
    platform.dial(TO, command).await;
    assert_eq!(telnyx.placed(TO), 3, "after a minute the id is a new one");
}

#[tokio::test]
async fn a_command_that_was_refused_can_be_sent_again_under_its_id() {
    let (platform, telnyx) = set_up(Script::Wait).await;
    let id = "a-command";
    assert_eq!(platform.dial("nobody", json!({ "command_id": id })).await.0, 422);
    assert_eq!(platform.dial(TO, json!({ "command_id": id })).await.0, 200);
    assert_eq!(telnyx.placed(TO), 1);
}

#[tokio::test]
async fn a_command_id_is_of_its_call() {
    let (platform, telnyx) = set_up(Script::Wait).await;
    let calls = [
        telnyx.place_call("+12025550143", "+12025550199"),
        telnyx.place_call("+12025550144", "+12025550199"),
    ];
    platform.until(|seen| seen.webhooks.len() == 2).await;
    for call in &calls {
        for _ in 0..2 {
            let body = json!({ "command_id": "same" });
            assert_eq!(platform.act(call.sid(), "answer", body).await.0, 200);
        }
    }
    let answers = telnyx.commands().iter().filter(|(command, _)| command == "answer").count();
    assert_eq!(answers, 2);
}

#[tokio::test]
async fn faults_of_commands_are_what_they_say() {
    for (trouble, status, placed) in [
        (RestTrouble::TooMany { retry_after: Duration::from_secs(2) }, Some(429), 0),
        (RestTrouble::ServerError, Some(500), 0),
        (RestTrouble::Unavailable, Some(503), 0),
        (RestTrouble::ServerErrorAfter, Some(500), 1),
        (RestTrouble::Dropped, None, 0),
        (RestTrouble::AnswerLost, None, 1),
    ] {
        let (platform, telnyx) = set_up(Script::Wait).await;
        telnyx.add_rest_fault(RestFault::new("dial", trouble));
        let command = json!({ "command_id": "the-attempt" });
        let first = platform.try_dial(TO, command.clone()).await;
        assert_eq!(first.as_ref().ok().map(|(status, _)| *status), status, "{trouble:?} {first:?}");
        assert_eq!(telnyx.placed(TO), placed, "{trouble:?}");
        assert_eq!(platform.dial(TO, command).await.0, 200);
        assert_eq!(telnyx.placed(TO), 1, "the same command again places one call in all: {trouble:?}");
    }
}

#[tokio::test]
async fn a_client_is_told_how_long_to_wait() {
    let (platform, telnyx) = set_up(Script::Wait).await;
    let trouble = RestTrouble::TooMany { retry_after: Duration::from_secs(2) };
    telnyx.add_rest_fault(RestFault::of_any(trouble));
    let response = post_dial(&platform).await;
    assert_eq!(
        (response.status().as_u16(), &response.headers()["retry-after"]),
        (429, &"2".parse().unwrap())
    );
    assert_eq!(telnyx.placed(TO), 0);
}

async fn post_dial(platform: &Platform) -> reqwest::Response {
    let body = json!({ "connection_id": APP, "from": "+12025550199", "to": TO });
    let request = reqwest::Client::new().post(format!("{}/v2/calls", platform.api())).bearer_auth(KEY);
    request.body(body.to_string()).send().await.unwrap()
}
