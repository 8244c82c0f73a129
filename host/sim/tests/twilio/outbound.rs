//! Calls that the platform places.

use std::time::Duration;

use audio::dtmf::Detector;
use serde_json::json;
use sim::carrier::{Callee, End};

use crate::platform::{DEADLINE, Platform, Rest, THEM, US, field, words};

const EVENTS: [(&str, &str); 4] = [
    ("StatusCallbackEvent", "initiated"),
    ("StatusCallbackEvent", "ringing"),
    ("StatusCallbackEvent", "answered"),
    ("StatusCallbackEvent", "completed"),
];

#[tokio::test]
async fn a_person_picks_up_and_talks_with_the_document() {
    let (platform, twilio) = Platform::start().await;
    let rest = Rest::new(&twilio);
    twilio.set_callee(
        THEM,
        Callee::person(["Hello?", "Thank you."]).rings(Duration::from_millis(300)).hangs_up(),
    );
    platform.answer("/voice", "<Pause length=\"2\"/><Say>Your table is ready.</Say><Pause length=\"30\"/>");
    let (url, status) = (platform.url("/voice?call=c-1"), platform.url("/status?call=c-1"));
    let sid = rest.call(&[&[("Url", url.as_str()), ("StatusCallback", &status)], &EVENTS[..]].concat()).await;

    let call = twilio.callee(THEM, DEADLINE).await.unwrap();
    assert_eq!(call.sid(), sid);
    let report = call.ended(DEADLINE).await.unwrap();
    assert_eq!((report.end, report.status), (End::CallerHungUp, "completed"));
    assert_eq!(report.problems, Vec::<String>::new());
    let said: Vec<&str> = report.said.iter().map(|said| said.text.as_str()).collect();
    assert_eq!(said, ["Hello?", "Thank you."]);
    let heard: Vec<&str> = report.heard.iter().map(|word| word.text.as_str()).collect();
    assert_eq!(heard.join(" "), "Your table is ready.");

    let asked = platform.until("/voice", 1).await;
    for (name, value) in [
        ("CallSid", sid.as_str()),
        ("Direction", "outbound-api"),
        ("CallStatus", "in-progress"),
        ("From", US),
        ("To", THEM),
        ("call", "c-1"),
    ] {
        assert_eq!(field(&asked, name), value, "{name}");
    }
    assert_eq!(
        platform.fields("/status", "CallStatus"),
        ["initiated", "ringing", "in-progress", "completed"]
    );
    assert_eq!(platform.fields("/status", "SequenceNumber"), ["0", "1", "2", "3"]);
    assert_eq!(platform.fields("/status", "call"), ["c-1"; 4]);
    assert_eq!(twilio.placed(THEM), 1);

    let (_, resource) = rest.get(&format!("Calls/{sid}.json")).await;
    assert_eq!(resource["status"], "completed");
    assert_eq!(resource["direction"], "outbound-api");
    let seconds: u64 = resource["duration"].as_str().unwrap().parse().unwrap();
    assert_eq!(seconds, report.duration.as_secs());
    for time in ["start_time", "end_time", "date_created"] {
        assert!(resource[time].as_str().unwrap().ends_with(" +0000"), "{time}");
    }
}

#[tokio::test]
async fn whoever_does_not_pick_up_ends_the_call_in_the_carriers_words() {
    let (platform, twilio) = Platform::start().await;
    let rest = Rest::new(&twilio);
    let late = Callee::default().rings(Duration::from_secs(20));
    for (number, (callee, status, sip, end)) in [
        (Callee::busy(), "busy", "486", End::Busy),
        (Callee::declines().rings(Duration::from_millis(100)), "busy", "603", End::Busy),
        (Callee::no_answer(), "no-answer", "487", End::NoAnswer),
        (late, "no-answer", "487", End::NoAnswer),
        (Callee::fails(404), "failed", "404", End::Unreachable),
        (Callee::fails(503), "failed", "503", End::Unreachable),
    ]
    .into_iter()
    .enumerate()
    {
        let to = format!("+3460000000{number}");
        let path = format!("/status/{number}");
        let (voice, callback) = (platform.url("/voice"), platform.url(&path));
        twilio.set_callee(&to, callee);
        let fields = [
            ("To", to.as_str()),
            ("From", US),
            ("Url", &voice),
            ("Timeout", "1"),
            ("StatusCallback", &callback),
        ];
        let (created, _) = rest.post("Calls.json", &fields).await;
        assert_eq!(created, 201);
        let form = platform.until(&path, 1).await;
        let got = ["CallStatus", "SipResponseCode", "CallDuration", "SequenceNumber", "Duration"]
            .map(|name| field(&form, name));
        assert_eq!(got, [status, sip, "0", "0", ""], "{to}");
        let report = twilio.callee(&to, DEADLINE).await.unwrap().ended(DEADLINE).await.unwrap();
        assert_eq!((report.end, report.status), (end, status));
        assert_eq!(platform.seen(&path).len(), 1, "only `completed` was subscribed to");
    }
    assert_eq!(platform.seen("/voice").len(), 0);
}

#[tokio::test]
async fn a_call_is_cancelled_while_it_rings_and_not_redirected() {
    let (platform, twilio) = Platform::start().await;
    let rest = Rest::new(&twilio);
    twilio.set_callee(THEM, Callee::no_answer());
    let status = platform.url("/status");
    let events = [&EVENTS[..], &[("Twiml", "<Response/>"), ("StatusCallback", &status)]].concat();
    let sid = rest.call(&events).await;
    platform.until("/status", 2).await;
    let path = format!("Calls/{sid}.json");
    let (refused, error) = rest.post(&path, &[("Twiml", "<Response/>")]).await;
    assert_eq!((refused, &error["code"]), (400, &json!(21220)));
    assert_eq!(rest.post(&path, &[("Status", "canceled")]).await.0, 200);
    let form = platform.until("/status", 3).await;
    assert_eq!((field(&form, "CallStatus"), field(&form, "SipResponseCode")), ("canceled", "487"));
    assert_eq!(rest.post(&path, &[("Status", "canceled")]).await.0, 404);
    let end = twilio.callee(THEM, DEADLINE).await.unwrap().ended(DEADLINE).await.unwrap().end;
    assert_eq!(end, End::Cancelled);
}

#[tokio::test]
async fn cancelling_leaves_a_call_alone_that_was_answered_and_completing_ends_it() {
    let (_platform, twilio) = Platform::start().await;
    let rest = Rest::new(&twilio);
    let twiml = "<Response><Pause length=\"1\"/><Say>Still here.</Say><Pause length=\"60\"/></Response>";
    let sid = rest.call(&[("Twiml", twiml)]).await;
    let call = twilio.callee(THEM, DEADLINE).await.unwrap();
    call.answered(DEADLINE).await.unwrap();
    let path = format!("Calls/{sid}.json");
    assert_eq!(rest.post(&path, &[("Status", "canceled")]).await.0, 200);
    call.wait_for("words", |text| text == "Still here.", DEADLINE).await.unwrap();
    assert_eq!(rest.post(&path, &[("Status", "completed")]).await.0, 200);
    assert_eq!(call.ended(DEADLINE).await.unwrap().end, End::PlatformHungUp);
}

#[tokio::test]
async fn a_message_is_left_after_the_beep() {
    let (platform, twilio) = Platform::start().await;
    let rest = Rest::new(&twilio);
    let greeting = "You have reached nobody. Please leave a message after the tone.";
    twilio.set_callees(THEM, [Callee::voicemail(greeting), Callee::person(["Hello?"])]);
    platform.answer("/voice", "<Say>Please call back.</Say>");
    let (url, status) = (platform.url("/voice"), platform.url("/status"));
    let fields =
        [("Url", url.as_str()), ("StatusCallback", &status), ("MachineDetection", "DetectMessageEnd")];
    for (count, who) in [(1, "machine_end_beep"), (2, "human")] {
        let sid = rest.call(&fields).await;
        let asked = platform.until("/voice", count).await;
        assert_eq!(field(&asked, "AnsweredBy"), who);
        let call = twilio.callee(THEM, DEADLINE).await.unwrap();
        let report = call.ended(DEADLINE).await.unwrap();
        assert_eq!(report.answered_by, Some(who));
        let first_word = report.heard.first().unwrap();
        assert!(first_word.start >= report.said[0].end, "{first_word:?} over {:?}", report.said);
        assert_eq!(field(&platform.until("/status", count).await, "AnsweredBy"), who);
        assert_eq!(rest.get(&format!("Calls/{sid}.json")).await.1["answered_by"], who);
    }
}

#[tokio::test]
async fn who_answered_is_found_out_beside_the_call() {
    let (platform, twilio) = Platform::start().await;
    let rest = Rest::new(&twilio);
    twilio
        .set_callee(THEM, Callee::voicemail_without_beep("This is a machine, and it talks for a long time."));
    platform.answer("/voice", "<Pause length=\"60\"/>");
    let (url, amd) = (platform.url("/voice"), platform.url("/answered-by?call=c-1"));
    let fields = [
        ("Url", url.as_str()),
        ("MachineDetection", "Enable"),
        ("AsyncAmd", "true"),
        ("AsyncAmdStatusCallback", &amd),
    ];
    let sid = rest.call(&fields).await;
    assert_eq!(field(&platform.until("/voice", 1).await, "AnsweredBy"), "");
    let found = platform.until("/answered-by", 1).await;
    let got = ["CallSid", "AnsweredBy", "CallStatus", "call"].map(|name| field(&found, name));
    assert_eq!(got, [sid.as_str(), "machine_start", "", "c-1"]);
    assert!(field(&found, "MachineDetectionDuration").parse::<u64>().unwrap() >= 2_400);
}

#[tokio::test]
async fn keys_are_pressed_after_the_answer() {
    let (_platform, twilio) = Platform::start().await;
    let rest = Rest::new(&twilio);
    rest.call(&[("SendDigits", "1w2#"), ("Twiml", "<Response><Pause/></Response>")]).await;
    let report = twilio.callee(THEM, DEADLINE).await.unwrap().ended(DEADLINE).await.unwrap();
    let samples: Vec<i16> = report.heard_audio.iter().map(|byte| audio::g711::ulaw_decode(*byte)).collect();
    let mut keys = String::new();
    Detector::new().push(&samples, |key| keys.push(key));
    assert_eq!(keys, "12#");
}

#[tokio::test]
async fn a_recorded_call_can_be_fetched_with_both_sides_in_it() {
    let (platform, twilio) = Platform::start().await;
    let rest = Rest::new(&twilio);
    twilio.set_callee(THEM, Callee::person(["This is me."]));
    let (status, saved) = (platform.url("/status"), platform.url("/recording"));
    rest.call(&[
        ("Twiml", "<Response><Pause length=\"2\"/><Say>And this is us.</Say></Response>"),
        ("Record", "true"),
        ("RecordingChannels", "dual"),
        ("RecordingStatusCallback", &saved),
        ("StatusCallback", &status),
    ])
    .await;
    let completed = platform.until("/status", 1).await;
    let recorded = platform.until("/recording", 1).await;
    for name in ["RecordingSid", "RecordingUrl", "RecordingDuration"] {
        assert_eq!(field(&completed, name), field(&recorded, name));
    }
    let got = ["RecordingStatus", "RecordingSource", "RecordingChannels", "RecordingTrack"]
        .map(|name| field(&recorded, name));
    assert_eq!(got, ["completed", "OutboundAPI", "2", "both"]);
    let response = rest.fetch(&format!("{}.wav", field(&recorded, "RecordingUrl"))).await;
    assert_eq!(
        (response.status().as_u16(), &response.headers()["content-type"]),
        (200, &"audio/x-wav".parse().unwrap())
    );
    let wav = response.bytes().await.unwrap();
    assert_eq!((words(&wav, 0), words(&wav, 1)), ("This is me.".to_owned(), "And this is us.".to_owned()));
}

#[tokio::test]
async fn a_call_ends_at_its_limit() {
    let (_platform, twilio) = Platform::start().await;
    let rest = Rest::new(&twilio);
    rest.call(&[("TimeLimit", "1"), ("Twiml", "<Response><Pause length=\"60\"/></Response>")]).await;
    let report = twilio.callee(THEM, DEADLINE).await.unwrap().ended(DEADLINE).await.unwrap();
    assert_eq!((report.end, report.duration), (End::PlatformHungUp, Duration::from_secs(1)));
}
