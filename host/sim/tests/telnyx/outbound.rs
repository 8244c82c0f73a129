//! Calls that the platform places, and those it passes on.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use sim::carrier::{Callee, End};

use crate::platform::{DEADLINE, Platform, Script, set_up};

const TO: &str = "+12025550111";

#[tokio::test]
async fn a_person_answers_and_talks_over_the_stream() {
    let (platform, telnyx) = set_up(Script::Wait).await;
    telnyx.set_callee(TO, Callee::person(["Byron speaking."]));
    let mut more = platform.stream("PCMU");
    more["client_state"] = json!(STANDARD.encode(r#"{"call":"c-9"}"#));
    more["answering_machine_detection"] = json!("detect");
    let (status, body) = platform.dial(TO, more.clone()).await;
    assert_eq!((status, &body["data"]["is_alive"]), (200, &json!(false)));
    let mut call = telnyx.callee(TO, DEADLINE).await.unwrap();
    assert_eq!(body["data"]["call_control_id"], call.sid());
    call.wait_for("the greeting", |text| text == "Hello there.", DEADLINE).await.unwrap();
    platform.until(|seen| seen.heard == "Byron speaking.").await;
    call.say("Who is it?").await.unwrap();
    platform.until(|seen| seen.heard == "Byron speaking. Who is it?").await;
    assert_eq!(telnyx.placed(TO), 1);
    assert_eq!(platform.told("call.machine.detection.ended").await["result"], "human");
    let initiated = platform.told("call.initiated").await;
    assert_eq!((&initiated["direction"], &initiated["to"]), (&json!("outgoing"), &json!(TO)));
    assert_eq!(initiated["client_state"], more["client_state"]);
    platform.act(call.sid(), "hangup", json!({})).await;
    assert_eq!(call.ended(DEADLINE).await.unwrap().end, End::PlatformHungUp);
    let report = &telnyx.reports(TO)[0];
    assert_eq!((report.status, report.answered_by), ("completed", Some("human")));
    let hangup = platform.told("call.hangup").await;
    assert_eq!(
        (&hangup["hangup_cause"], &hangup["hangup_source"]),
        (&json!("normal_clearing"), &json!("caller"))
    );
}

#[tokio::test]
async fn those_who_do_not_answer_say_why() {
    for (callee, cause, source, sip) in [
        (Callee::busy(), "user_busy", "callee", "486"),
        (Callee::declines(), "call_rejected", "callee", "603"),
        (Callee::fails(404), "not_found", "unknown", "404"),
        (Callee::fails(503), "unspecified", "unknown", "503"),
    ] {
        let (platform, telnyx) = set_up(Script::Wait).await;
        telnyx.set_callee(TO, callee);
        platform.dial(TO, json!({})).await;
        let hangup = platform.told("call.hangup").await;
        let found = (&hangup["hangup_cause"], &hangup["hangup_source"], &hangup["sip_hangup_cause"]);
        assert_eq!(found, (&json!(cause), &json!(source), &json!(sip)));
        assert!(!platform.events().contains(&"call.answered".to_owned()));
    }
}

#[tokio::test]
async fn a_telephone_rings_as_long_as_it_was_asked_to() {
    let (platform, telnyx) = set_up(Script::Wait).await;
    telnyx.set_callee(TO, Callee::no_answer());
    telnyx.set_callee("+12025550112", Callee::default().rings(Duration::from_secs(60)));
    let (_, first) = platform.dial(TO, json!({ "timeout_secs": 5 })).await;
    let (_, second) = platform.dial("+12025550112", json!({ "timeout_secs": 5 })).await;
    for body in [first, second] {
        let id = body["data"]["call_control_id"].clone();
        let ended = |told: &Value| {
            told["data"]["event_type"] == "call.hangup"
                && told["data"]["payload"]["call_control_id"] == id
                && told["data"]["payload"]["hangup_cause"] == "timeout"
        };
        platform.until(|seen| seen.webhooks.iter().any(ended)).await;
    }
}

#[tokio::test]
async fn a_call_is_cancelled_while_it_rings() {
    let (platform, telnyx) = set_up(Script::Wait).await;
    telnyx.set_callee(TO, Callee::no_answer());
    let (_, body) = platform.dial(TO, json!({})).await;
    let id = body["data"]["call_control_id"].as_str().unwrap();
    assert_eq!(platform.act(id, "hangup", json!({})).await.0, 200);
    let hangup = platform.told("call.hangup").await;
    assert_eq!(
        (&hangup["hangup_cause"], &hangup["sip_hangup_cause"]),
        (&json!("originator_cancel"), &json!("487"))
    );
}

#[tokio::test]
async fn a_machine_is_found_and_its_tone_waited_for() {
    let (platform, telnyx) = set_up(Script::Wait).await;
    telnyx.set_callee(
        TO,
        Callee::voicemail("You have reached Byron and company. Please leave a message after the tone."),
    );
    let (_, body) = platform.dial(TO, json!({ "answering_machine_detection": "detect_beep" })).await;
    let id = body["data"]["call_control_id"].as_str().unwrap();
    let call = telnyx.callee(TO, DEADLINE).await.unwrap();
    assert_eq!(platform.told("call.machine.greeting.ended").await["result"], "beep_detected");
    let greeting = call.said();
    assert!(greeting[0].text.ends_with("after the tone."), "{greeting:?}");
    assert!(call.now() >= greeting[0].end + Duration::from_millis(300), "not before the tone");
    platform.act(id, "speak", json!({ "payload": "Call us back.", "voice": "female" })).await;
    call.wait_for("the message", |text| text == "Call us back.", DEADLINE).await.unwrap();
    let events = platform.events();
    let place = |event: &str| events.iter().position(|told| told == event);
    assert!(place("call.machine.detection.ended") < place("call.machine.greeting.ended"));
}

#[tokio::test]
async fn a_transferred_caller_talks_to_the_other_and_both_end_together() {
    let (platform, telnyx) = set_up(Script::Answer(json!({}))).await;
    let mut caller = telnyx.place_call("+12025550143", "+12025550199");
    caller.connected(DEADLINE).await.unwrap();
    let state = STANDARD.encode("the other leg");
    let body = json!({ "to": TO, "target_leg_client_state": state });
    assert_eq!(platform.act(caller.sid(), "transfer", body).await.0, 200);
    let mut other = telnyx.callee(TO, DEADLINE).await.unwrap();
    bridged(&platform, [caller.sid(), other.sid()]).await;
    caller.say("Hello, are you the doctor?").await.unwrap();
    other.wait_for("the caller", |text| text == "Hello, are you the doctor?", DEADLINE).await.unwrap();
    other.say("Yes, I am.").await.unwrap();
    caller.wait_for("the doctor", |text| text.ends_with("Yes, I am."), DEADLINE).await.unwrap();
    let initiated = platform.seen().webhooks;
    let legs: Vec<&Value> = initiated
        .iter()
        .filter(|told| told["data"]["event_type"] == "call.initiated")
        .map(|told| &told["data"]["payload"])
        .collect();
    assert_eq!(legs[0]["call_session_id"], legs[1]["call_session_id"]);
    assert_eq!((&legs[1]["client_state"], &legs[1]["from"]), (&json!(state), &json!("+12025550199")));
    other.hang_up().await;
    assert_eq!(other.ended(DEADLINE).await.unwrap().end, End::CallerHungUp);
    let report = caller.ended(DEADLINE).await.unwrap();
    assert_eq!((report.end, report.dialled.as_deref()), (End::PlatformHungUp, Some(TO)));
}

async fn bridged(platform: &Platform, legs: [&str; 2]) {
    platform
        .until(|seen| {
            legs.iter().all(|leg| {
                seen.webhooks.iter().any(|told| {
                    told["data"]["event_type"] == "call.bridged"
                        && told["data"]["payload"]["call_control_id"] == *leg
                })
            })
        })
        .await;
}

#[tokio::test]
async fn a_transfer_that_nobody_takes_leaves_the_caller_where_they_are() {
    let (platform, telnyx) = set_up(Script::Answer(json!({}))).await;
    telnyx.set_callee(TO, Callee::busy());
    let mut caller = telnyx.place_call("+12025550143", "+12025550199");
    caller.connected(DEADLINE).await.unwrap();
    platform.act(caller.sid(), "transfer", json!({ "to": TO })).await;
    assert_eq!(platform.told("call.hangup").await["hangup_cause"], "user_busy");
    caller.say("Are you still there?").await.unwrap();
    platform.until(|seen| seen.heard == "Are you still there?").await;
    assert!(!platform.events().contains(&"call.bridged".to_owned()));
}

#[tokio::test]
async fn two_calls_are_bridged_and_the_parked_one_stays() {
    let (platform, telnyx) = set_up(Script::Answer(json!({}))).await;
    let caller = telnyx.place_call("+12025550143", "+12025550199");
    caller.connected(DEADLINE).await.unwrap();
    platform.dial(TO, json!({})).await;
    let mut agent = telnyx.callee(TO, DEADLINE).await.unwrap();
    platform
        .until(|seen| {
            seen.webhooks.iter().filter(|told| told["data"]["event_type"] == "call.answered").count() == 2
        })
        .await;
    let body = json!({ "call_control_id": caller.sid(), "park_after_unbridge": "self" });
    assert_eq!(platform.act(agent.sid(), "bridge", body).await.0, 200);
    bridged(&platform, [caller.sid(), agent.sid()]).await;
    agent.say("Good morning.").await.unwrap();
    caller.wait_for("the agent", |text| text.ends_with("Good morning."), DEADLINE).await.unwrap();
    caller.hang_up().await;
    caller.ended(DEADLINE).await.unwrap();
    let speak = json!({ "payload": "The caller has left.", "voice": "female" });
    assert_eq!(platform.act(agent.sid(), "speak", speak).await.0, 200, "park_after_unbridge keeps this leg");
    agent.wait_for("the carrier", |text| text.ends_with("The caller has left."), DEADLINE).await.unwrap();
}
