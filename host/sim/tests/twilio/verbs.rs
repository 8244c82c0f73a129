//! What documents do to calls.

use std::time::Duration;

use sim::carrier::{Call, End, Twilio};

use crate::platform::{DEADLINE, Platform, Rest, THEM, US, field, words};

const VOICE: &str = "/webhooks/twilio/voice";
const STATUS: &str = "/webhooks/twilio/status";

async fn answered(twilio: &Twilio) -> Call {
    let call = twilio.place_call(THEM, US);
    call.answered(DEADLINE).await.unwrap();
    call
}

#[tokio::test]
async fn keys_are_gathered_until_the_last_or_the_one_that_finishes() {
    for (attributes, pressed, digits, finished_on) in [
        ("numDigits=\"3\"", "123", "123", ""),
        ("", "42#", "42", "#"),
        ("finishOnKey=\"*\"", "1#*", "1#", "*"),
        ("finishOnKey=\"\" timeout=\"1\"", "1#", "1#", ""),
    ] {
        let (platform, twilio) = Platform::start().await;
        let prompt = "<Say>Please enter your number now, and take all the time in the world.</Say>";
        platform.answer(VOICE, &format!("<Gather action=\"/keys\" {attributes}>{prompt}</Gather>"));
        platform.answer("/keys", "<Say>Thanks.</Say>");
        let call = answered(&twilio).await;
        for key in pressed.chars() {
            call.press(key).await.unwrap();
        }
        let form = platform.until("/keys", 1).await;
        assert_eq!((field(&form, "Digits"), field(&form, "FinishedOnKey")), (digits, finished_on));
        call.wait_for("thanks", |text| text.ends_with("Thanks."), DEADLINE).await.unwrap();
        assert!(!call.heard().iter().any(|word| word.text == "world."), "a key interrupts the prompt");
        assert_eq!(call.problems(), Vec::<String>::new());
    }
}

#[tokio::test]
async fn where_nothing_is_pressed_the_document_goes_on_or_the_action_is_asked() {
    for (attribute, asked) in [("", 0), ("actionOnEmptyResult=\"true\"", 1)] {
        let (platform, twilio) = Platform::start().await;
        platform.answer(
            VOICE,
            &format!("<Gather action=\"/keys\" timeout=\"1\" {attribute}><Say>Yes?</Say></Gather><Say>Nothing.</Say>"),
        );
        platform.answer("/keys", "<Say>Nothing.</Say>");
        let call = twilio.place_call(THEM, US);
        call.wait_for("the rest", |text| text == "Yes? Nothing.", DEADLINE).await.unwrap();
        assert_eq!(platform.fields("/keys", "Digits"), vec![""; asked]);
        let gap = {
            let heard = call.heard();
            heard[1].start - heard[0].end
        };
        assert!(gap >= Duration::from_secs(1), "the time counts from the end of the prompt: {gap:?}");
    }
}

#[tokio::test]
async fn speech_is_gathered_until_it_ends() {
    let (platform, twilio) = Platform::start().await;
    platform.answer(
        VOICE,
        "<Gather input=\"dtmf speech\" action=\"/said\" method=\"GET\" speechTimeout=\"auto\"><Say>How can I help?</Say></Gather>",
    );
    platform.answer("/said", "<Hangup/>");
    let mut call = answered(&twilio).await;
    call.say("I want to book a table.").await.unwrap();
    let form = platform.until("/said", 1).await;
    assert_eq!(field(&form, "SpeechResult"), "I want to book a table.");
    assert_eq!((field(&form, "Confidence"), field(&form, "Digits")), ("0.9", ""));
    assert_eq!(call.ended(DEADLINE).await.unwrap().end, End::PlatformHungUp);
}

#[tokio::test]
async fn a_message_is_recorded_and_can_be_fetched() {
    let (platform, twilio) = Platform::start().await;
    let rest = Rest::new(&twilio);
    platform.answer(
        VOICE,
        "<Say>Leave a message.</Say><Record action=\"/recorded\" finishOnKey=\"#\" \
         recordingStatusCallback=\"/saved\" recordingStatusCallbackEvent=\"in-progress completed\"/>",
    );
    platform.answer("/recorded", "<Hangup/>");
    let mut call = answered(&twilio).await;
    call.wait_for("the prompt", |text| text == "Leave a message.", DEADLINE).await.unwrap();
    assert_eq!(field(&platform.until("/saved", 1).await, "RecordingStatus"), "in-progress");
    call.say("Please call me back.").await.unwrap();
    call.press('#').await.unwrap();
    let recorded = platform.until("/recorded", 1).await;
    assert_eq!(field(&recorded, "Digits"), "#");
    let saved = platform.until("/saved", 2).await;
    let got = ["RecordingStatus", "RecordingSource", "RecordingSid", "RecordingTrack"]
        .map(|name| field(&saved, name));
    assert_eq!(got, ["completed", "RecordVerb", field(&recorded, "RecordingSid"), "inbound"]);
    let wav = rest.fetch(&format!("{}.wav", field(&saved, "RecordingUrl"))).await.bytes().await.unwrap();
    assert_eq!(words(&wav, 0), "Please call me back.");
}

#[tokio::test]
async fn a_caller_who_hangs_up_leaves_a_message_all_the_same_and_one_who_says_nothing_none() {
    let (platform, twilio) = Platform::start().await;
    let events = "recordingStatusCallback=\"/saved\" recordingStatusCallbackEvent=\"completed absent\"";
    platform.answer(
        VOICE,
        &format!("<Record action=\"/recorded\" playBeep=\"false\" timeout=\"2\" {events}/><Hangup/>"),
    );
    let mut call = answered(&twilio).await;
    call.say("Hello, and goodbye.").await.unwrap();
    call.hang_up().await;
    assert_eq!(field(&platform.until("/recorded", 1).await, "Digits"), "hangup");
    assert_eq!(field(&platform.until("/saved", 1).await, "RecordingStatus"), "completed");

    let call = twilio.place_call(THEM, US);
    assert_eq!(call.ended(DEADLINE).await.unwrap().end, End::PlatformHungUp, "the document went on");
    assert_eq!(field(&platform.until("/saved", 2).await, "RecordingStatus"), "absent");
    assert_eq!(platform.seen("/recorded").len(), 1);
}

#[tokio::test]
async fn files_and_keys_are_played_and_an_unreachable_file_is_a_problem() {
    let (platform, twilio) = Platform::start().await;
    platform.answer(VOICE, "<Play loop=\"2\">/hold.wav</Play><Play digits=\"5\"/><Play>http://127.0.0.1:1/x.wav</Play><Say>Done.</Say>");
    let report = twilio.place_call(THEM, US).ended(DEADLINE).await.unwrap();
    let heard: Vec<&str> = report.heard.iter().map(|word| word.text.as_str()).collect();
    assert!(heard.join(" ").starts_with("please hold please hold"), "{heard:?}");
    assert!(heard.join(" ").ends_with("Done."), "{heard:?}");
    let samples: Vec<i16> = report.heard_audio.iter().map(|byte| audio::g711::ulaw_decode(*byte)).collect();
    let mut keys = String::new();
    audio::dtmf::Detector::new().push(&samples, |key| keys.push(key));
    assert_eq!(keys, "5");
    assert_eq!(report.problems.len(), 1, "{:?}", report.problems);
    assert!(report.problems[0].starts_with("error 11200: <Play>"), "{:?}", report.problems);
}

#[tokio::test]
async fn a_document_leads_to_another_and_a_pause_takes_its_time() {
    let (platform, twilio) = Platform::start().await;
    platform.answer(VOICE, "<Pause length=\"2\"/><Redirect>/next?n=2</Redirect>");
    platform.answer("/next", "<Say>Here.</Say>");
    let report = twilio.place_call(THEM, US).ended(DEADLINE).await.unwrap();
    assert_eq!(field(&platform.until("/next", 1).await, "n"), "2");
    assert!(report.heard[0].start >= Duration::from_secs(2), "{:?}", report.heard);
}

#[tokio::test]
async fn a_streams_start_and_stop_are_told() {
    let (platform, twilio) = Platform::start().await;
    let socket = platform.url("/socket").replace("http", "ws");
    let stream = format!("<Connect><Stream url=\"{socket}\" statusCallback=\"/stream\"/></Connect>");
    platform.answer(VOICE, &format!("{stream}<Say>Again.</Say>"));
    let report = twilio.place_call(THEM, US).ended(DEADLINE).await.unwrap();
    assert_eq!((report.streams, report.problems), (1, vec![]));
    assert_eq!(platform.fields("/stream", "StreamEvent"), ["stream-started", "stream-stopped"]);
    let ids = platform.fields("/stream", "StreamSid");
    assert!(ids[0].starts_with("MZ") && ids[0] == ids[1], "{ids:?}");
}

#[tokio::test]
async fn a_stream_that_cannot_be_opened_is_told_and_the_document_goes_on() {
    let (platform, twilio) = Platform::start().await;
    platform.answer(
        VOICE,
        "<Connect><Stream name=\"audio\" url=\"ws://127.0.0.1:1/\" statusCallback=\"/stream\"/></Connect><Say>Sorry.</Say>",
    );
    let report = twilio.place_call(THEM, US).ended(DEADLINE).await.unwrap();
    let form = platform.until("/stream", 1).await;
    assert_eq!((field(&form, "StreamEvent"), field(&form, "StreamName")), ("stream-error", "audio"));
    assert!(field(&form, "StreamSid").starts_with("MZ") && field(&form, "StreamError").contains("31920"));
    assert_eq!((report.streams, report.heard[0].text.as_str()), (0, "Sorry."));
}

#[tokio::test]
async fn a_call_is_turned_down_in_two_ways() {
    for (reason, sip) in [("rejected", "603"), ("busy", "486")] {
        let (platform, twilio) = Platform::start().await;
        platform.answer(VOICE, &format!("<Reject reason=\"{reason}\"/>"));
        let report = twilio.place_call(THEM, US).ended(DEADLINE).await.unwrap();
        assert_eq!((report.end, report.status, report.duration), (End::Rejected, "busy", Duration::ZERO));
        let last = platform.until(STATUS, 3).await;
        assert_eq!((field(&last, "CallStatus"), field(&last, "SipResponseCode")), ("busy", sip));
    }
}

#[tokio::test]
async fn a_document_that_cannot_be_had_or_read_is_asked_of_the_fallback_once() {
    let fallback = |config: &mut sim::carrier::Config| {
        config.fallback_url = Some(config.voice_url.join("/fallback").unwrap());
    };
    let (platform, twilio) = Platform::start_with(fallback).await;
    platform.answer(VOICE, "<Connect/>");
    platform.answer("/fallback", "<Say>Sorry.</Say><Redirect>/webhooks/twilio/voice</Redirect>");
    let report = twilio.place_call(THEM, US).ended(DEADLINE).await.unwrap();
    let form = platform.until("/fallback", 1).await;
    assert_eq!(
        (field(&form, "ErrorCode"), field(&form, "ErrorUrl")),
        ("12100", platform.url(VOICE).as_str())
    );
    assert_eq!((report.end, report.heard[0].text.as_str()), (End::Failed, "Sorry."));
    assert_eq!(platform.seen("/fallback").len(), 1);
    assert_eq!(report.problems.len(), 2, "{:?}", report.problems);
}
