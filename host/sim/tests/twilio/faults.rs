//! Webhooks and requests that go wrong.

use std::time::Duration;

use serde_json::json;
use sim::carrier::{Callee, End, Operation, RestFault, RestTrouble, Trouble, Webhook, WebhookFault};

use crate::platform::{DEADLINE, Platform, Rest, THEM, US, field};

const VOICE: &str = "/webhooks/twilio/voice";
const STATUS: &str = "/webhooks/twilio/status";

/// The statuses that arrive, in their order, when this goes wrong on the way.
async fn statuses(fault: WebhookFault, count: usize) -> Vec<String> {
    let (platform, twilio) = Platform::start().await;
    platform.answer(VOICE, "<Pause/>");
    twilio.add_webhook_fault(fault);
    let report = twilio.place_call(THEM, US).ended(DEADLINE).await.unwrap();
    assert_eq!((report.status, report.problems), ("completed", vec![]));
    platform.until(STATUS, count).await;
    platform.fields(STATUS, "CallStatus")
}

#[tokio::test]
async fn statuses_are_lost_repeated_late_and_out_of_order() {
    let fault = |trouble, status| WebhookFault::new(Webhook::Status, trouble).only(status);
    let [initiated, ringing, answered, completed] = ["initiated", "ringing", "in-progress", "completed"];
    assert_eq!(statuses(fault(Trouble::Lost, ringing), 3).await, [initiated, answered, completed]);
    assert_eq!(
        statuses(fault(Trouble::Repeated(2), completed), 6).await,
        [initiated, ringing, answered, completed, completed, completed]
    );
    assert_eq!(
        statuses(fault(Trouble::Late(Duration::from_secs(3)), answered), 4).await,
        [initiated, ringing, completed, answered]
    );
    assert_eq!(
        statuses(fault(Trouble::Reordered, ringing), 4).await,
        [initiated, answered, ringing, completed]
    );
    assert_eq!(
        statuses(WebhookFault::new(Webhook::Status, Trouble::Lost).after(1).times(2), 2).await,
        [initiated, completed]
    );
}

#[tokio::test]
async fn a_voice_webhook_is_repeated_and_its_answer_obeyed_once() {
    let (platform, twilio) = Platform::start().await;
    platform.answer(VOICE, "<Say>Once.</Say>");
    twilio.add_webhook_fault(WebhookFault::new(Webhook::Voice, Trouble::Repeated(2)));
    let report = twilio.place_call(THEM, US).ended(DEADLINE).await.unwrap();
    assert_eq!(platform.seen(VOICE).len(), 3);
    assert_eq!(platform.seen(VOICE)[0], platform.seen(VOICE)[2]);
    assert_eq!(report.heard.len(), 1);
}

#[tokio::test]
async fn a_call_whose_document_is_lost_on_the_way_fails() {
    for (trouble, asked) in [(Trouble::Lost, 0), (Trouble::AnswerLost, 1)] {
        let (platform, twilio) = Platform::start().await;
        platform.answer(VOICE, "<Say>Nobody hears this.</Say>");
        twilio.add_webhook_fault(WebhookFault::new(Webhook::Voice, trouble));
        let report = twilio.place_call(THEM, US).ended(DEADLINE).await.unwrap();
        assert_eq!((report.end, report.status, report.heard.len()), (End::Failed, "failed", 0));
        assert_eq!(report.problems, Vec::<String>::new(), "the platform did nothing wrong");
        assert_eq!(platform.seen(VOICE).len(), asked);
        assert_eq!(field(&platform.until(STATUS, 3).await, "CallStatus"), "failed");
    }
}

#[tokio::test]
async fn a_caller_may_hang_up_while_the_document_is_late() {
    let (platform, twilio) = Platform::start().await;
    platform.answer(VOICE, "<Say>Too late.</Say>");
    twilio.add_webhook_fault(WebhookFault::new(Webhook::Voice, Trouble::Late(Duration::from_secs(2))));
    let call = twilio.place_call(THEM, US);
    call.hang_up().await;
    let report = call.ended(DEADLINE).await.unwrap();
    assert_eq!((report.end, report.status), (End::CallerHungUp, "canceled"));
    platform.until(VOICE, 1).await;
}

#[tokio::test]
async fn a_request_that_strikes_a_fault_before_it_acts_places_nothing() {
    let (_platform, twilio) = Platform::start().await;
    let rest = Rest::new(&twilio);
    let call = [("To", THEM), ("From", US), ("Twiml", "<Response/>")];
    let retry_after = Duration::from_secs(7);
    for (trouble, status, code) in [
        (RestTrouble::TooMany { retry_after }, 429, 20429),
        (RestTrouble::ServerError, 500, 20500),
        (RestTrouble::Unavailable, 503, 20503),
    ] {
        twilio.add_rest_fault(RestFault::new(Operation::CreateCall, trouble));
        let response = rest.try_post("Calls.json", &call).await.unwrap();
        let after = response.headers().get("retry-after").map(|after| after.to_str().unwrap().to_owned());
        assert_eq!(after.as_deref(), (status == 429).then_some("7"));
        assert_eq!(response.status().as_u16(), status);
        let body: serde_json::Value = response.json().await.unwrap();
        assert_eq!(body["code"], json!(code));
    }
    twilio.add_rest_fault(RestFault::new(Operation::CreateCall, RestTrouble::Dropped));
    assert!(rest.try_post("Calls.json", &call).await.is_err());
    assert_eq!(twilio.placed(THEM), 0);
    assert_eq!(rest.post("Calls.json", &call).await.0, 201);
    assert_eq!(twilio.placed(THEM), 1);
}

#[tokio::test]
async fn a_call_whose_answer_is_lost_was_placed_and_can_be_found() {
    let (_platform, twilio) = Platform::start().await;
    let rest = Rest::new(&twilio);
    twilio.set_callee(THEM, Callee::busy());
    let call = [("To", THEM), ("From", US), ("Twiml", "<Response/>")];
    twilio.add_rest_fault(RestFault::new(Operation::CreateCall, RestTrouble::AnswerLost).after(1));
    let first = rest.call(&[("Twiml", "<Response/>")]).await;
    let error = rest.try_post("Calls.json", &call).await.unwrap_err();
    assert!(!error.is_connect() && !error.is_timeout(), "{error:?}");
    assert_eq!(twilio.placed(THEM), 2);
    twilio.add_rest_fault(RestFault::new(Operation::CreateCall, RestTrouble::ServerErrorAfter));
    assert_eq!(rest.post("Calls.json", &call).await.0, 500);
    assert_eq!(twilio.placed(THEM), 3);
    let listed = rest.get("Calls.json").await.1;
    assert_eq!(listed["calls"].as_array().unwrap().len(), 3);
    assert_eq!(listed["calls"][2]["sid"], first);
}

#[tokio::test]
async fn an_answer_may_come_after_the_client_has_given_up() {
    let (_platform, twilio) = Platform::start().await;
    let rest = Rest::new(&twilio).with_timeout(Duration::from_millis(500));
    let late = RestTrouble::AnswerLate(Duration::from_secs(20));
    twilio.add_rest_fault(RestFault::new(Operation::CreateCall, late));
    let call = [("To", THEM), ("From", US), ("Twiml", "<Response/>")];
    assert!(rest.try_post("Calls.json", &call).await.unwrap_err().is_timeout());
    assert_eq!(twilio.placed(THEM), 1);
}

#[tokio::test]
async fn news_of_recordings_and_of_who_answered_are_struck_by_themselves() {
    let (platform, twilio) = Platform::start().await;
    let rest = Rest::new(&twilio);
    twilio.set_callee(THEM, Callee::person(["Hello?"]));
    twilio.add_webhook_fault(WebhookFault::new(Webhook::Recording, Trouble::Repeated(1)).only("completed"));
    twilio.add_webhook_fault(WebhookFault::new(Webhook::AnsweredBy, Trouble::Lost));
    let (status, saved, who) =
        (platform.url("/status"), platform.url("/recording"), platform.url("/answered-by"));
    rest.call(&[
        ("Twiml", "<Response><Pause length=\"4\"/></Response>"),
        ("Record", "true"),
        ("RecordingStatusCallback", &saved),
        ("RecordingStatusCallbackEvent", "in-progress completed"),
        ("StatusCallback", &status),
        ("MachineDetection", "Enable"),
        ("AsyncAmd", "true"),
        ("AsyncAmdStatusCallback", &who),
    ])
    .await;
    platform.until("/recording", 3).await;
    assert_eq!(platform.fields("/recording", "RecordingStatus"), ["in-progress", "completed", "completed"]);
    let sids = platform.fields("/recording", "RecordingSid");
    assert!(sids.iter().all(|sid| *sid == sids[0]), "{sids:?}");
    assert_eq!(platform.fields("/status", "AnsweredBy"), ["human"], "it was found out");
    assert_eq!(platform.seen("/answered-by").len(), 0);
}

#[tokio::test]
async fn faults_strike_the_operation_that_they_name() {
    let (platform, twilio) = Platform::start().await;
    let rest = Rest::new(&twilio);
    platform.answer(VOICE, "<Pause length=\"60\"/>");
    let call = twilio.place_call(THEM, US);
    call.answered(DEADLINE).await.unwrap();
    let path = format!("Calls/{}.json", call.sid());
    twilio.add_rest_fault(RestFault::new(Operation::UpdateCall, RestTrouble::AnswerLost));
    twilio.add_rest_fault(RestFault::new(Operation::ListCalls, RestTrouble::ServerError));
    assert_eq!(rest.get(&path).await.0, 200);
    assert!(rest.try_post(&path, &[("Status", "completed")]).await.is_err());
    assert_eq!(call.ended(DEADLINE).await.unwrap().end, End::PlatformHungUp);
    assert_eq!(rest.get("Calls.json").await.0, 500);
    assert_eq!(rest.get("Calls.json").await.0, 200);
    twilio.add_rest_fault(RestFault::new(Operation::RecordingMedia, RestTrouble::Unavailable));
    assert_eq!(rest.get("Recordings/RE0.wav").await.0, 503);
    assert_eq!(rest.get("Recordings/RE0.json").await.0, 404);
}
