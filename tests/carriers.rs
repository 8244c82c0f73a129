//! What goes wrong between a carrier and us, and what becomes of the call: for each carrier and each fault one call, which
//! ends in the right state and was acted on once. The carriers are simulators that speak the carriers' protocols.
#![cfg(test)]

mod harness;

use std::time::Duration;

use harness::{CarrierStage, NUMBER, PATIENCE, count};
use serde_json::{Value, json};
use sim::carrier::{
    Call, Callee, CarrierFaults, Operation, RestFault, RestTrouble, Trouble, Webhook as Kind, WebhookFault,
};
use sim::telnyx;
use sim::vapi::{Answer as Answered, Conversation, Shape, ToolUse, VapiFaults};

const PERSON: &str = "+15557770001";

/// Later than whatever else a call sends.
const LATE: Duration = Duration::from_secs(3);

#[tokio::test(flavor = "multi_thread")]
async fn twilio_late_webhooks_end_in_the_right_state() {
    let late = WebhookFault::new(Kind::Status, Trouble::Late(LATE)).times(9);
    twilio_inbound(late).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn twilio_repeated_webhooks_are_one_call() {
    let stage = CarrierStage::set(&[]).await;
    stage.twilio.add_webhook_fault(WebhookFault::new(Kind::Voice, Trouble::Repeated(2)));
    stage.twilio.add_webhook_fault(WebhookFault::new(Kind::Status, Trouble::Repeated(2)).times(9));
    stage.talk(stage.twilio.place_call(PERSON, NUMBER)).await;
    inbound_is_over_once(&stage).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn twilio_reordered_webhooks_end_in_the_right_state() {
    twilio_inbound(WebhookFault::new(Kind::Status, Trouble::Reordered).times(9)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn twilio_lost_webhooks_leave_no_call_open() {
    twilio_inbound(WebhookFault::new(Kind::Status, Trouble::Lost).times(9)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn twilio_too_many_requests_place_one_call_later() {
    twilio_outbound(RestTrouble::TooMany { retry_after: Duration::from_secs(1) }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn twilio_server_errors_place_one_call() {
    twilio_outbound(RestTrouble::ServerError).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn twilio_answers_lost_after_acting_place_no_second_call() {
    twilio_outbound(RestTrouble::AnswerLost).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn telnyx_late_webhooks_end_in_the_right_state() {
    telnyx_inbound(&["call.answered", "call.hangup"], Trouble::Late(LATE)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn telnyx_repeated_webhooks_are_one_call() {
    let every = ["call.initiated", "call.answered", "streaming.started", "call.hangup"];
    telnyx_inbound(&every, Trouble::Repeated(2)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn telnyx_reordered_webhooks_end_in_the_right_state() {
    telnyx_inbound(&["call.answered", "streaming.started", "call.hangup"], Trouble::Reordered).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn telnyx_lost_webhooks_leave_no_call_open() {
    telnyx_inbound(&["call.answered", "streaming.started", "call.hangup"], Trouble::Lost).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn telnyx_too_many_requests_place_one_call_later() {
    telnyx_outbound(RestTrouble::TooMany { retry_after: Duration::from_secs(1) }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn telnyx_server_errors_place_one_call() {
    telnyx_outbound(RestTrouble::ServerError).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn telnyx_answers_lost_after_acting_place_no_second_call() {
    telnyx_outbound(RestTrouble::AnswerLost).await;
}

/// The answer is the command by which everything else comes about.
#[tokio::test(flavor = "multi_thread")]
async fn telnyx_answers_once_where_the_commands_answer_is_lost() {
    let stage = CarrierStage::set(&[]).await;
    stage.telnyx.add_rest_fault(telnyx::RestFault::new("answer", RestTrouble::AnswerLost));
    stage.talk(stage.telnyx.place_call(PERSON, NUMBER)).await;
    inbound_is_over_once(&stage).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn telnyx_a_call_whose_line_breaks_is_connected_again_and_goes_on() {
    let stage = CarrierStage::set(&[]).await;
    let drop_connection_at = Some(Duration::from_millis(1500));
    let line = CarrierFaults { drop_connection_at, ..CarrierFaults::default() };
    let faults = telnyx::TelnyxFaults { line, ..telnyx::TelnyxFaults::default() };
    let call = stage.telnyx.place_call_with(PERSON, NUMBER, faults);
    goes_on(&stage, call).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn telnyx_a_killed_platform_goes_on_with_the_call() {
    let mut stage = CarrierStage::set(&[]).await;
    let mut call = stage.telnyx.place_call(PERSON, NUMBER);
    call.wait_for("the greeting", |heard| heard.contains("How can I help you?"), PATIENCE).await.unwrap();
    call.say("I would like an appointment, please.").await.unwrap();
    let begun = |heard: &str| heard.contains("I can offer you");
    call.wait_for("the answer", begun, PATIENCE).await.unwrap();
    stage.server.kill().await;
    stage.server.start_again().await;
    goes_on(&stage, call).await;
}

async fn goes_on(stage: &CarrierStage, call: Call) {
    let recovered = |heard: &str| heard.contains("Sorry, we were cut off.");
    if let Err(error) = call.wait_for("the recovery line", recovered, PATIENCE).await {
        panic!("{error}; the carrier says {:?}", call.problems());
    }
    assert_eq!(call.streams(), 2);
    call.hang_up().await;
    call.ended(PATIENCE).await.unwrap();
    let over = |detail: &Value| detail["call"]["status"] == "completed" && count(detail, "call.ended") > 0;
    let detail = stage.the_call_with(PERSON, "the end", over).await;
    assert_eq!((count(&detail, "call.recovered"), count(&detail, "media.connected")), (1, 2), "{detail:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn vapi_books_through_the_same_tool_and_shows_as_a_call() {
    let stage = CarrierStage::set(&[]).await;
    let report = stage.vapi.call(&booking()).await;
    assert_eq!(report.problems, Vec::<String>::new());
    let Answered::Assistant(assistant) = &report.answer else { panic!("{:?}", report.answer) };
    let offered = assistant["model"]["tools"].to_string();
    assert!(offered.contains("appointments"), "{offered}");
    let told: Vec<&Result<String, String>> = report.tools.iter().map(|tool| &tool.told).collect();
    assert!(told.len() == 2 && told.iter().all(|told| told.is_ok()), "{told:?}");
    booked_once(&stage).await;
    let detail =
        stage.the_call_with(PERSON, "the end", |detail| detail["call"]["status"] == "completed").await;
    assert_eq!(detail["call"]["carrier"], "vapi");
    assert_eq!(detail["call"]["end_reason"], "caller-hangup", "{detail:#}");
    let said = detail["transcript"].to_string();
    assert!(said.contains("I need an appointment") && said.contains("You are booked"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn vapi_repeated_messages_book_once() {
    vapi_with(VapiFaults { duplicate: true, ..VapiFaults::default() }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn vapi_reordered_messages_end_in_the_right_state() {
    vapi_with(VapiFaults { reorder: true, ..VapiFaults::default() }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn vapi_late_messages_end_in_the_right_state() {
    vapi_with(VapiFaults { late_statuses: true, ..VapiFaults::default() }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn vapi_lost_messages_leave_no_call_open() {
    vapi_with(VapiFaults { lose: vec!["status-update".into()], ..VapiFaults::default() }).await;
}

async fn twilio_inbound(fault: WebhookFault) {
    let stage = CarrierStage::set(&[]).await;
    stage.twilio.add_webhook_fault(fault);
    stage.talk(stage.twilio.place_call(PERSON, NUMBER)).await;
    inbound_is_over_once(&stage).await;
}

async fn telnyx_inbound(kinds: &[&str], trouble: Trouble) {
    let stage = CarrierStage::set(&[]).await;
    for kind in kinds {
        stage.telnyx.add_webhook_fault(telnyx::WebhookFault::new(kind, trouble));
    }
    stage.talk(stage.telnyx.place_call(PERSON, NUMBER)).await;
    inbound_is_over_once(&stage).await;
    let answers = stage.telnyx.commands().into_iter().filter(|(action, _)| action == "answer").count();
    assert_eq!(answers, 1, "{:?}", stage.telnyx.commands());
}

async fn inbound_is_over_once(stage: &CarrierStage) {
    let over = |detail: &Value| detail["call"]["status"] == "completed" && count(detail, "call.ended") == 1;
    let detail = stage.the_call_with(PERSON, "the end", over).await;
    assert_eq!(detail["call"]["end_reason"], "caller-hangup", "{detail:#}");
    assert_eq!(count(&detail, "call.received"), 1, "{detail:#}");
    assert_eq!(count(&detail, "media.connected"), 1, "{detail:#}");
}

async fn twilio_outbound(trouble: RestTrouble) {
    let stage = CarrierStage::set(&[]).await;
    stage.twilio.set_callee(PERSON, Callee::person(["Hello?", "No thank you. Goodbye."]).hangs_up());
    stage.twilio.add_rest_fault(RestFault::new(Operation::CreateCall, trouble));
    outbound_is_over_once(&stage, "twilio").await;
    assert_eq!(stage.twilio.placed(PERSON), 1);
}

async fn telnyx_outbound(trouble: RestTrouble) {
    let stage = CarrierStage::set(&[]).await;
    stage.telnyx.set_callee(PERSON, Callee::person(["Hello?", "No thank you. Goodbye."]).hangs_up());
    stage.telnyx.add_rest_fault(telnyx::RestFault::new("dial", trouble));
    outbound_is_over_once(&stage, "telnyx").await;
    assert_eq!(stage.telnyx.placed(PERSON), 1);
}

/// Ordered twice with one key, placed once, answered, spoken with, over.
async fn outbound_is_over_once(stage: &CarrierStage, carrier: &str) {
    let first = stage.order(carrier, PERSON, "the-first-order").await;
    assert_eq!(first.status, 202, "{first:?}");
    let again = stage.order(carrier, PERSON, "the-first-order").await;
    assert_eq!((again.status, &again.json()["call"]["id"]), (200, &first.json()["call"]["id"]), "{again:?}");
    let over = |detail: &Value| detail["call"]["status"] == "completed" && count(detail, "call.ended") == 1;
    let detail = stage.the_call_with(PERSON, "the end", over).await;
    assert_eq!(detail["call"]["direction"], "outbound");
    assert_eq!(detail["order"]["state"], "placed", "{detail:#}");
    assert_eq!(count(&detail, "media.connected"), 1, "{detail:#}");
}

async fn vapi_with(faults: VapiFaults) {
    let stage = CarrierStage::set(&[]).await;
    let report = stage.vapi.call_with(&booking(), faults).await;
    assert_eq!(report.problems, Vec::<String>::new());
    booked_once(&stage).await;
    let over = |detail: &Value| detail["call"]["status"] == "completed";
    let detail = stage.the_call_with(PERSON, "the end", over).await;
    assert_eq!(detail["call"]["end_reason"], "caller-hangup", "{detail:#}");
}

/// A caller asks for free slots and takes one, with two of the shapes that Vapi's tool calls have.
fn booking() -> Conversation {
    let list = ToolUse::new("appointments", json!({ "action": "list", "date": day() }));
    let start = format!("{}T10:00", day());
    let book = ToolUse::new("appointments", json!({ "action": "book", "start": start, "name": "Ada" }));
    Conversation::from(PERSON)
        .customer("I need an appointment next week.")
        .tools([list.shaped(Shape::Arguments)])
        .assistant("Ten o'clock is free.")
        .customer("I take it.")
        .tools([book.with_id("call_the_booking")])
        .assistant("You are booked.")
}

/// A working day in the next two weeks.
fn day() -> String {
    let today = jiff::Zoned::now().date();
    let monday = today.nth_weekday(1, jiff::civil::Weekday::Monday).unwrap();
    monday.nth_weekday(1, jiff::civil::Weekday::Tuesday).unwrap().to_string()
}

async fn booked_once(stage: &CarrierStage) {
    let booked = stage.server.get("/v1/appointments").await.json();
    let items = booked["items"].as_array().unwrap();
    assert_eq!(items.len(), 1, "{booked:#}");
    assert_eq!(items[0]["data"]["start"], format!("{}T10:00:00", day()), "{booked:#}");
}
