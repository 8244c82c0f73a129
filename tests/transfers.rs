//! Callers who are handed over to a human: at once, or after the human was told what it is about.
#![cfg(test)]

mod harness;

use harness::{CarrierStage, NUMBER, PATIENCE, converse, count, eventually, hears};
use serde_json::{Value, json};
use sim::carrier::{Call, Callee};

const CALLER: &str = "+15557770001";
const HUMAN: &str = "+15557770009";
const BRIEFING: &str = "A caller would like an appointment.";

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_by_twilio_is_handed_over_at_once() {
    let stage = CarrierStage::set(&[]).await;
    let mut caller = greeted(stage.twilio.place_call(CALLER, NUMBER)).await;
    hand_over(&stage).await;
    let mut human = stage.twilio.callee(HUMAN, PATIENCE).await.unwrap();
    human.answered(PATIENCE).await.unwrap();
    converse(&mut caller, &mut human).await;
    human.hang_up().await;
    caller.ended(PATIENCE).await.unwrap();
    is_transferred(&stage).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_by_telnyx_is_handed_over_at_once() {
    let stage = CarrierStage::set(&[]).await;
    let mut caller = greeted(stage.telnyx.place_call(CALLER, NUMBER)).await;
    hand_over(&stage).await;
    let mut human = stage.telnyx.callee(HUMAN, PATIENCE).await.unwrap();
    human.answered(PATIENCE).await.unwrap();
    converse(&mut caller, &mut human).await;
    human.hang_up().await;
    caller.ended(PATIENCE).await.unwrap();
    is_transferred(&stage).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_human_hears_first_what_it_is_about() {
    let stage = CarrierStage::set(&[]).await;
    stage.configure(json!({ "transfer_briefing": BRIEFING })).await;
    let mut caller = greeted(stage.twilio.place_call(CALLER, NUMBER)).await;
    hand_over(&stage).await;
    let mut human = stage.twilio.callee(HUMAN, PATIENCE).await.unwrap();
    hears(&human, BRIEFING).await;
    // The briefing is the human's alone, and over before they meet.
    have_met(&stage).await;
    assert!(!words(&caller).contains(BRIEFING), "{}", words(&caller));
    converse(&mut caller, &mut human).await;
    human.hang_up().await;
    caller.ended(PATIENCE).await.unwrap();
    is_transferred(&stage).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_whose_human_does_not_answer_is_back_with_the_agent() {
    let stage = CarrierStage::set(&[]).await;
    stage.configure(json!({ "transfer_briefing": BRIEFING })).await;
    stage.twilio.set_callee(HUMAN, Callee::declines());
    let mut caller = greeted(stage.twilio.place_call(CALLER, NUMBER)).await;
    hand_over(&stage).await;
    hears(&caller, "Where were we?").await;
    caller.say("Hello, I would like an appointment, please.").await.unwrap();
    hears(&caller, "which one would suit you best?").await;
    assert_eq!(stage.twilio.placed(HUMAN), 1);
    caller.hang_up().await;
    let over = |detail: &Value| detail["call"]["status"] == "completed" && count(detail, "call.ended") == 2;
    let detail = stage.the_call_with(CALLER, "the end", over).await;
    assert_eq!(count(&detail, "call.recovered"), 1, "{detail:#}");
}

/// The call, once its greeting was heard.
async fn greeted(call: Call) -> Call {
    hears(&call, "How can I help you?").await;
    call
}

/// An operator hands the caller over.
async fn hand_over(stage: &CarrierStage) {
    let live = |detail: &Value| detail["call"]["status"] == "in-progress";
    let detail = stage.the_call_with(CALLER, "the middle", live).await;
    let call = detail["call"]["id"].as_str().unwrap();
    let transfer = json!({ "transfer": { "to": HUMAN, "line": "I connect you now." } });
    let answer = stage.server.command(call, &transfer).await;
    assert_eq!(answer.status, 202, "{answer:?}");
}

/// Waits until the carrier has told that the human is where the caller is.
async fn have_met(stage: &CarrierStage) {
    let detail = stage.the_call_with(CALLER, "the transfer", |_| true).await;
    let (store, tenant) = (stage.server.store(), "default".parse().unwrap());
    let call = detail["call"]["id"].as_str().unwrap().parse().unwrap();
    eventually("caller and human to meet", async || {
        let state = store.carrier_state(&tenant, &call).await.unwrap();
        let mut humans = state.facts().further_legs().values();
        humans.any(|leg| leg.bridged_at().is_some()).then_some(())
    })
    .await;
}

async fn is_transferred(stage: &CarrierStage) {
    let over = |detail: &Value| detail["call"]["status"] == "completed" && count(detail, "call.ended") == 1;
    let detail = stage.the_call_with(CALLER, "the end", over).await;
    assert_eq!(count(&detail, "call.transferred"), 1, "{detail:#}");
    assert_eq!(detail["call"]["end_reason"], "transferred", "{detail:#}");
    assert_eq!(detail["call"]["end_fault"], "agent", "{detail:#}");
}

fn words(call: &Call) -> String {
    call.heard().into_iter().map(|word| word.text).collect::<Vec<_>>().join(" ")
}
