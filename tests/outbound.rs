//! Calls that the platform places: what becomes of them with everybody who may be at the other end.
#![cfg(test)]

mod harness;

use harness::{CarrierStage, PATIENCE, count, eventually, hears};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use sim::carrier::Callee;

const PERSON: &str = "+15557770001";

/// The seconds that nobody's telephone rings: the fewest that both carriers take.
const RING: u32 = 5;

#[tokio::test(flavor = "multi_thread")]
async fn a_voicemail_is_known_and_left_a_message() {
    let stage = CarrierStage::set(&[]).await;
    stage.configure(json!({ "screening": { "voicemail_message": "Please call the practice." } })).await;
    let machine = "You have reached Byron and company. Please leave a message after the tone.";
    stage.twilio.set_callee(PERSON, Callee::voicemail(machine));
    ordered(&stage, "twilio", PERSON, json!({ "detect_machine": true })).await;
    let machine = stage.twilio.callee(PERSON, PATIENCE).await.unwrap();
    hears(&machine, "Please call the practice.").await;
    let detail = over(&stage, PERSON).await;
    assert_eq!(detail["call"]["status"], "completed");
    assert_eq!(detail["call"]["answered_by"], "machine", "{detail:#}");
    assert_eq!(ending(&detail), ("voicemail-reached", "callee"));
    let found = detail["events"].as_array().unwrap().iter().find(|event| event["type"] == "call.answered-by");
    assert_eq!(found.unwrap()["data"]["who"], "voicemail");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_does_not_answer_a_call_by_twilio_says_why() {
    let stage = CarrierStage::set(&[]).await;
    for (number, callee, ..) in unanswered() {
        stage.twilio.set_callee(number, callee);
    }
    nobody_answers(&stage, "twilio").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_does_not_answer_a_call_by_telnyx_says_why() {
    let stage = CarrierStage::set(&[]).await;
    for (number, callee, ..) in unanswered() {
        stage.telnyx.set_callee(number, callee);
    }
    nobody_answers(&stage, "telnyx").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_outside_its_hours_waits_and_can_be_called_off() {
    let stage = CarrierStage::set(&[]).await;
    let opens = opening_after_now();
    let hours =
        json!({ "time_zone": "UTC", "from": format!("{opens:02}:00"), "to": format!("{:02}:00", opens + 1) });
    let call = ordered(&stage, "twilio", PERSON, json!({ "schedule": { "hours": hours } })).await;
    // Until then it is looked at once, and put off until the hours begin.
    let target = format!("/v1/calls/{call}");
    let put_off = format!("T{opens:02}:00:00");
    eventually("the call to be put off", async || {
        let order = stage.server.get(&target).await.json()["order"].clone();
        let waits = order["state"] == "queued" && at(&order["next_at"]).contains(&put_off);
        waits.then_some(())
    })
    .await;
    let cancel = format!("{target}/cancel");
    for _ in 0..2 {
        let answer = stage.server.post(&cancel, &[("authorization", &bearer())], "").await;
        assert_eq!((answer.status, &answer.json()["order"]["state"]), (200, &json!("cancelled")));
    }
    let detail = stage.server.get(&target).await.json();
    assert_eq!(
        (detail["call"]["status"].as_str(), detail["order"]["attempts"].as_u64()),
        (Some("canceled"), Some(0))
    );
    assert_eq!(stage.twilio.placed(PERSON), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_known_of_the_person_is_in_the_greeting() {
    let stage = CarrierStage::set(&[]).await;
    stage.configure(json!({ "greeting": "Hello {{name}}, this is the practice." })).await;
    for (carrier, number) in [("twilio", PERSON), ("telnyx", "+15557770002")] {
        ordered(&stage, carrier, number, json!({ "variables": { "name": "Ada" } })).await;
    }
    stage.twilio.set_callee(PERSON, Callee::person(["Hello?"]));
    stage.telnyx.set_callee("+15557770002", Callee::person(["Hello?"]));
    let by_twilio = stage.twilio.callee(PERSON, PATIENCE).await.unwrap();
    hears(&by_twilio, "Hello Ada, this is the practice.").await;
    let by_telnyx = stage.telnyx.callee("+15557770002", PATIENCE).await.unwrap();
    hears(&by_telnyx, "Hello Ada, this is the practice.").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_recorded_call_by_twilio_is_fetched() {
    let stage = CarrierStage::set(&[]).await;
    stage.twilio.set_callee(PERSON, Callee::person(["Hello?", "No, thank you."]).hangs_up());
    is_recorded_and_fetched(&stage, "twilio").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_recorded_call_by_telnyx_is_fetched() {
    let stage = CarrierStage::set(&[]).await;
    stage.telnyx.set_callee(PERSON, Callee::person(["Hello?", "No, thank you."]).hangs_up());
    is_recorded_and_fetched(&stage, "telnyx").await;
}

/// Who does not answer: the number, the status, the end reason.
fn unanswered() -> [(&'static str, Callee, &'static str, &'static str); 3] {
    [
        ("+15557770011", Callee::busy(), "busy", "busy"),
        ("+15557770012", Callee::no_answer(), "no-answer", "no-answer"),
        ("+15557770013", Callee::declines(), "busy", "declined"),
    ]
}

async fn nobody_answers(stage: &CarrierStage, carrier: &str) {
    for (number, ..) in unanswered() {
        ordered(stage, carrier, number, json!({ "ring_seconds": RING })).await;
    }
    for (number, _, status, reason) in unanswered() {
        let ended =
            |detail: &Value| detail["call"]["ended_at"].is_number() || detail["call"]["ended_at"].is_string();
        let detail = stage.the_call_with(number, "the end", ended).await;
        assert_eq!(detail["call"]["status"], status, "{detail:#}");
        assert_eq!(ending(&detail), (reason, "callee"), "{detail:#}");
        assert_eq!(detail["order"]["state"], "placed");
        assert_eq!(detail["call"]["answered_at"], Value::Null);
        assert_eq!(count(&detail, "media.connected"), 0);
    }
}

async fn is_recorded_and_fetched(stage: &CarrierStage, carrier: &str) {
    let call = ordered(stage, carrier, PERSON, json!({ "record": true })).await;
    let recording = eventually("the recording to be fetched", async || {
        let recordings = stage.server.get(&format!("/v1/calls/{call}/recordings")).await.json();
        let one = recordings["items"].as_array().unwrap().first()?.clone();
        assert_ne!(one["state"], "failed", "{one:#}");
        (one["state"] == "fetched").then_some(one)
    })
    .await;
    let folder = stage.server.data().join("recordings").join("default").join(&call);
    let files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().path()).collect();
    assert_eq!(files.len(), 1, "{files:?}");
    let bytes = std::fs::read(&files[0]).unwrap();
    assert!(bytes.starts_with(b"RIFF"));
    assert_eq!(recording["bytes"], bytes.len());
    let sum: String = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(recording["sha256"], sum);
}

/// Orders a call; our name of it.
async fn ordered(stage: &CarrierStage, carrier: &str, to: &str, more: Value) -> String {
    let answer = stage.order_with(carrier, to, &format!("order of {to}").replace(' ', "-"), more).await;
    assert_eq!(answer.status, 202, "{answer:?}");
    answer.json()["call"]["id"].as_str().unwrap().to_owned()
}

async fn over(stage: &CarrierStage, number: &str) -> Value {
    let over = |detail: &Value| detail["call"]["status"] == "completed" && count(detail, "call.ended") == 1;
    stage.the_call_with(number, "the end", over).await
}

fn ending(detail: &Value) -> (&str, &str) {
    let text = |name: &str| detail["call"][name].as_str().unwrap_or("nothing");
    (text("end_reason"), text("end_fault"))
}

/// The hour of the day, by UTC, at which hours begin that now is not in and will not be soon.
fn opening_after_now() -> i8 {
    let hour = jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC).hour();
    if hour <= 20 { hour + 2 } else { 1 }
}

/// A time of the API's, as text.
fn at(time: &Value) -> String {
    match time.as_i64() {
        Some(millis) => jiff::Timestamp::from_millisecond(millis).unwrap().to_string(),
        None => time.as_str().unwrap_or_default().to_owned(),
    }
}

fn bearer() -> String {
    format!("Bearer {}", harness::API_KEY)
}
