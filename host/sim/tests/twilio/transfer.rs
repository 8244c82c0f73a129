//! Calls that are passed on: dialled, redirected, and warm through a conference.

use std::time::Duration;

use serde_json::json;
use sim::carrier::{Callee, End};

use crate::platform::{DEADLINE, Platform, Rest, THEM, US, field, words};

const COLLEAGUE: &str = "+15550009999";
const VOICE: &str = "/webhooks/twilio/voice";

#[tokio::test]
async fn a_dialled_colleague_and_the_caller_hear_each_other() {
    let (platform, twilio) = Platform::start().await;
    let rest = Rest::new(&twilio);
    platform.answer(
        VOICE,
        &format!(
            "<Dial action=\"/dialled\" callerId=\"{US}\" record=\"record-from-answer-dual\" \
             recordingStatusCallback=\"/recording\"><Number statusCallback=\"/leg\" \
             statusCallbackEvent=\"initiated ringing answered completed\">{COLLEAGUE}</Number></Dial>"
        ),
    );
    platform.answer("/dialled", "<Say>Welcome back.</Say><Pause length=\"30\"/>");
    let mut caller = twilio.place_call(THEM, US);
    let mut colleague = twilio.callee(COLLEAGUE, DEADLINE).await.unwrap();
    colleague.answered(DEADLINE).await.unwrap();
    caller.say("Who is there?").await.unwrap();
    colleague.wait_for("the caller", |text| text == "Who is there?", DEADLINE).await.unwrap();
    colleague.say("Only me.").await.unwrap();
    caller.wait_for("the colleague", |text| text == "Only me.", DEADLINE).await.unwrap();
    colleague.hang_up().await;

    let dialled = platform.until("/dialled", 1).await;
    let got = ["CallSid", "DialCallSid", "DialCallStatus"].map(|name| field(&dialled, name).to_owned());
    assert_eq!(got, [caller.sid(), colleague.sid(), "completed"]);
    assert!(field(&dialled, "DialCallDuration").parse::<u64>().unwrap() >= 1);
    caller.wait_for("the document", |text| text.ends_with("Welcome back."), DEADLINE).await.unwrap();
    assert_eq!(colleague.ended(DEADLINE).await.unwrap().end, End::CallerHungUp);
    assert_eq!(platform.fields("/leg", "CallStatus"), ["initiated", "ringing", "in-progress", "completed"]);
    assert_eq!(platform.fields("/leg", "ParentCallSid"), [caller.sid(); 4]);
    assert_eq!(platform.fields("/leg", "Direction"), ["outbound-dial"; 4]);
    assert_eq!(platform.fields("/leg", "From"), [US; 4]);
    let wav = rest
        .fetch(field(&platform.until("/recording", 1).await, "RecordingUrl"))
        .await
        .bytes()
        .await
        .unwrap();
    assert_eq!((words(&wav, 0), words(&wav, 1)), ("Who is there?".to_owned(), "Only me.".to_owned()));
    assert_eq!(twilio.placed(COLLEAGUE), 0, "a dialled leg is not placed by REST");
}

#[tokio::test]
async fn the_action_is_told_how_a_dial_came_out() {
    for (callee, status) in [
        (Callee::busy(), "busy"),
        (Callee::no_answer(), "no-answer"),
        (Callee::fails(404), "failed"),
        (Callee::person(["Wrong number."]).hangs_up(), "completed"),
    ] {
        let (platform, twilio) = Platform::start().await;
        platform.answer(VOICE, &format!("<Dial action=\"/dialled\" timeout=\"1\">{COLLEAGUE}</Dial>"));
        platform.answer("/dialled", "<Hangup/>");
        twilio.set_callee(COLLEAGUE, callee);
        let mut caller = twilio.place_call(THEM, US);
        caller.answered(DEADLINE).await.unwrap();
        if status == "completed" {
            caller.wait_for("the colleague", |text| text == "Wrong number.", DEADLINE).await.unwrap();
            caller.say("Sorry.").await.unwrap();
        }
        let dialled = platform.until("/dialled", 1).await;
        assert_eq!(field(&dialled, "DialCallStatus"), status);
        assert_eq!(field(&dialled, "DialCallDuration").is_empty(), status != "completed");
        let report = caller.ended(DEADLINE).await.unwrap();
        assert_eq!((report.end, report.dialled.as_deref()), (End::PlatformHungUp, Some(COLLEAGUE)));
    }
}

#[tokio::test]
async fn a_caller_who_gives_up_takes_the_ringing_with_them() {
    let (platform, twilio) = Platform::start().await;
    platform.answer(VOICE, &format!("<Dial action=\"/dialled\">{COLLEAGUE}</Dial>"));
    twilio.set_callee(COLLEAGUE, Callee::no_answer());
    let caller = twilio.place_call(THEM, US);
    let colleague = twilio.callee(COLLEAGUE, DEADLINE).await.unwrap();
    caller.hang_up().await;
    assert_eq!(caller.ended(DEADLINE).await.unwrap().end, End::CallerHungUp);
    assert_eq!(field(&platform.until("/dialled", 1).await, "DialCallStatus"), "canceled");
    assert_eq!(colleague.ended(DEADLINE).await.unwrap().end, End::Cancelled);
}

#[tokio::test]
async fn of_several_who_ring_the_first_to_answer_gets_the_call() {
    let (platform, twilio) = Platform::start().await;
    platform.answer(
        VOICE,
        &format!(
            "<Dial action=\"/dialled\"><Number>{COLLEAGUE}</Number><Number>+15550008888</Number></Dial>"
        ),
    );
    twilio.set_callee(COLLEAGUE, Callee::no_answer());
    twilio.set_callee("+15550008888", Callee::default().rings(Duration::from_millis(300)));
    let caller = twilio.place_call(THEM, US);
    let slow = twilio.callee(COLLEAGUE, DEADLINE).await.unwrap();
    let quick = twilio.callee("+15550008888", DEADLINE).await.unwrap();
    assert_eq!(slow.ended(DEADLINE).await.unwrap().end, End::Cancelled);
    quick.hang_up().await;
    let dialled = platform.until("/dialled", 1).await;
    assert_eq!(
        (field(&dialled, "DialCallSid"), field(&dialled, "DialCallStatus")),
        (quick.sid(), "completed")
    );
    drop(caller);
}

#[tokio::test]
async fn without_an_action_the_document_goes_on_after_a_dial() {
    let (platform, twilio) = Platform::start().await;
    platform.answer(VOICE, &format!("<Dial>{COLLEAGUE}</Dial><Say>Nobody is there.</Say>"));
    twilio.set_callee(COLLEAGUE, Callee::busy());
    let caller = twilio.place_call(THEM, US);
    caller.wait_for("the rest", |text| text == "Nobody is there.", DEADLINE).await.unwrap();
    assert_eq!(caller.ended(DEADLINE).await.unwrap().end, End::PlatformHungUp);
}

#[tokio::test]
async fn a_caller_is_handed_over_warm_through_a_conference() {
    let (platform, twilio) = Platform::start().await;
    let rest = Rest::new(&twilio);
    platform.answer(VOICE, "<Say>Hold on.</Say><Pause length=\"60\"/>");
    platform.answer(
        "/transfer",
        "<Dial action=\"/done\"><Conference startConferenceOnEnter=\"false\" statusCallback=\"/room\" \
         statusCallbackEvent=\"start end join leave\">room c-1</Conference></Dial>",
    );
    let mut caller = twilio.place_call(THEM, US);
    caller.wait_for("the agent", |text| text == "Hold on.", DEADLINE).await.unwrap();
    let url = platform.url("/transfer");
    let redirect = [("Url", url.as_str()), ("Method", "GET")];
    assert_eq!(rest.post(&format!("Calls/{}.json", caller.sid()), &redirect).await.0, 200);
    platform.until("/room", 1).await;
    let listed = rest.get("Conferences.json?FriendlyName=room%20c-1&Status=init").await.1;
    let conference = listed["conferences"][0]["sid"].as_str().unwrap().to_owned();

    let participants = format!("Conferences/{conference}/Participants.json");
    let join = [("From", US), ("To", COLLEAGUE), ("EndConferenceOnExit", "true")];
    let (status, joining) = rest.post(&participants, &join).await;
    assert_eq!(
        (status, &joining["status"], &joining["conference_sid"]),
        (201, &json!("queued"), &json!(conference))
    );
    let mut colleague = twilio.callee(COLLEAGUE, DEADLINE).await.unwrap();
    assert_eq!(joining["call_sid"], colleague.sid());
    platform.until("/room", 3).await;
    colleague.say("How can I help?").await.unwrap();
    caller.wait_for("the colleague", |text| text.ends_with("How can I help?"), DEADLINE).await.unwrap();
    caller.say("With this.").await.unwrap();
    colleague.wait_for("the caller", |text| text == "With this.", DEADLINE).await.unwrap();
    assert_eq!(rest.get(&participants).await.1["participants"].as_array().unwrap().len(), 2);

    let one = format!("Conferences/{conference}/Participants/{}.json", caller.sid());
    assert_eq!(rest.post(&one, &[("Hold", "true")]).await.1["hold"], true);
    colleague.hang_up().await;
    let done = platform.until("/done", 1).await;
    assert_eq!((field(&done, "CallSid"), field(&done, "DialCallStatus")), (caller.sid(), "answered"));
    let events = platform.fields("/room", "StatusCallbackEvent");
    assert_eq!(events[..3], ["participant-join", "participant-join", "conference-start"]);
    assert!(events[3..].contains(&"conference-end".to_owned()), "{events:?}");
    assert_eq!(rest.get(&format!("Conferences/{conference}.json")).await.1["status"], "completed");
    assert_eq!(twilio.placed(COLLEAGUE), 1);
}

#[tokio::test]
async fn who_is_shown_the_door_goes_on_with_their_document() {
    let (platform, twilio) = Platform::start().await;
    let rest = Rest::new(&twilio);
    platform.answer(
        VOICE,
        "<Dial><Conference statusCallback=\"/room\" statusCallbackEvent=\"join leave\">r</Conference></Dial>\
         <Say>Goodbye.</Say>",
    );
    let caller = twilio.place_call(THEM, US);
    let conference = field(&platform.until("/room", 1).await, "ConferenceSid").to_owned();
    let one = format!("Conferences/{conference}/Participants/{}.json", caller.sid());
    assert_eq!(rest.delete(&one).await, 204);
    caller.wait_for("the rest", |text| text == "Goodbye.", DEADLINE).await.unwrap();
    caller.ended(DEADLINE).await.unwrap();
    assert_eq!(platform.fields("/room", "StatusCallbackEvent"), ["participant-join", "participant-leave"]);
    assert_eq!(rest.delete(&one).await, 404);
}

#[tokio::test]
async fn a_conference_is_ended_by_rest_and_everybody_goes_on() {
    let (platform, twilio) = Platform::start().await;
    let rest = Rest::new(&twilio);
    platform.answer(
        VOICE,
        "<Dial action=\"/done\"><Conference statusCallback=\"/room\" statusCallbackEvent=\"join mute hold end\">r\
         </Conference></Dial>",
    );
    let calls = [twilio.place_call(THEM, US), twilio.place_call(COLLEAGUE, US)];
    let conference = field(&platform.until("/room", 2).await, "ConferenceSid").to_owned();
    let one = format!("Conferences/{conference}/Participants/{}.json", calls[0].sid());
    assert_eq!(rest.post(&one, &[("Muted", "true")]).await.1["muted"], true);
    assert_eq!(rest.post(&one, &[("Muted", "false")]).await.1["muted"], false);
    let end = format!("Conferences/{conference}.json");
    assert_eq!(rest.post(&end, &[("Status", "completed")]).await.1["status"], "completed");
    platform.until("/done", 2).await;
    let ended = platform.until("/room", 5).await;
    assert_eq!(field(&ended, "ReasonConferenceEnded"), "conference-ended-via-api");
    let mutes = &platform.fields("/room", "StatusCallbackEvent")[2..4];
    assert_eq!(mutes, ["participant-mute", "participant-unmute"]);
    assert_eq!(rest.post(&end, &[("Status", "completed")]).await.0, 404);
}
