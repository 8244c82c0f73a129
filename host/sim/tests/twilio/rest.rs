//! The REST interface: what it refuses, lists and keeps.

use std::time::Duration;

use serde_json::{Value, json};
use sim::carrier::{Callee, Config};

use crate::platform::{DEADLINE, Platform, Rest, SID, THEM, US, field, words};

#[tokio::test]
async fn calls_that_cannot_be_placed_are_refused_by_their_codes() {
    let (_platform, twilio) = Platform::start_with(|config| config.numbers = vec![US.into()]).await;
    let rest = Rest::new(&twilio);
    let url = ("Url", "https://example.com/voice");
    let (to, from) = (("To", THEM), ("From", US));
    let long = "x".repeat(4_001);
    for (fields, code) in [
        (vec![from, url], 21201),
        (vec![to, url], 21213),
        (vec![("To", "555"), from, url], 21211),
        (vec![("To", "+0123456789"), from, url], 21211),
        (vec![to, ("From", "me"), url], 21212),
        (vec![to, ("From", THEM), url], 21210),
        (vec![to, from], 21205),
        (vec![to, from, ("Url", "/voice")], 21205),
        (vec![to, from, ("Url", "ftp://example.com/")], 21205),
        (vec![to, from, ("ApplicationSid", "AP1")], 21218),
        (vec![to, from, ("Twiml", &long)], 20001),
        (vec![to, from, url, ("StatusCallback", "nowhere")], 21609),
        (vec![to, from, url, ("StatusCallbackEvent", "hovering")], 21626),
        (vec![to, from, url, ("Timeout", "0")], 20001),
        (vec![to, from, url, ("MachineDetection", "Maybe")], 20001),
        (vec![to, from, url, ("MachineDetection", "Enable"), ("MachineDetectionTimeout", "60")], 20001),
        (vec![to, from, url, ("SendDigits", "1a")], 20001),
    ] {
        let (status, error) = rest.post("Calls.json", &fields).await;
        assert_eq!(
            (status, &error["code"], &error["status"]),
            (400, &json!(code), &json!(400)),
            "{fields:?}"
        );
        assert_eq!(error["more_info"], format!("https://www.twilio.com/docs/errors/{code}"));
    }
    assert_eq!((twilio.placed(THEM), twilio.placed("555")), (0, 0));
}

#[tokio::test]
async fn nobody_else_is_let_in_and_nothing_else_is_there() {
    let (_platform, twilio) = Platform::start().await;
    let url = format!("{}/2010-04-01/Accounts/{SID}/Calls.json", twilio.api_url());
    let client = reqwest::Client::new();
    for request in [client.get(&url), client.get(&url).basic_auth(SID, Some("wrong"))] {
        let response = request.send().await.unwrap();
        let status = response.status().as_u16();
        let error: Value = response.json().await.unwrap();
        assert_eq!((status, &error["code"]), (401, &json!(20003)));
    }
    let rest = Rest::new(&twilio);
    for path in ["Calls/CA0.json", "Recordings/RE0.json", "Conferences/CF0.json", "Messages.json"] {
        let (status, error) = rest.get(path).await;
        assert_eq!((status, &error["code"]), (404, &json!(20404)), "{path}");
    }
}

#[tokio::test]
async fn another_account_is_asked_at_the_same_address_and_is_another() {
    const OTHER: &str = "ACfedcba9876543210fedcba9876543210";
    let (platform, twilio) = Platform::start().await;
    let config = Config::new(OTHER, "another token", &platform.base).unwrap();
    let other = twilio.open_account(config).await.unwrap();
    other.set_callee(THEM, Callee::busy());
    let client = reqwest::Client::new();
    let url = format!("{}/2010-04-01/Accounts/{OTHER}/Calls.json", twilio.api_url());
    for (user, password, status) in
        [(SID, "a token", 401), (OTHER, "a token", 401), (OTHER, "another token", 201)]
    {
        let form = "To=%2B15550001111&From=%2B15550002222&Url=https%3A%2F%2Fexample.com%2Fvoice";
        let request = client.post(&url).basic_auth(user, Some(password)).body(form);
        let answer =
            request.header("content-type", "application/x-www-form-urlencoded").send().await.unwrap();
        assert_eq!(answer.status().as_u16(), status, "{user} {password}");
    }
    assert_eq!((twilio.placed(THEM), other.placed(THEM)), (0, 1));
}

#[tokio::test]
async fn calls_are_listed_by_what_is_asked_page_by_page_the_newest_first() {
    let (_platform, twilio) = Platform::start().await;
    let rest = Rest::new(&twilio);
    twilio.set_callee(THEM, Callee::busy());
    let mut sids = Vec::new();
    for _ in 0..5 {
        sids.push(rest.call(&[("Twiml", "<Response/>")]).await);
    }
    for _ in 0..5 {
        twilio.callee(THEM, DEADLINE).await.unwrap().ended(DEADLINE).await.unwrap();
    }
    let other =
        rest.post("Calls.json", &[("To", "+15550003333"), ("From", US), ("Twiml", "<Response/>")]).await.1;
    sids.reverse();

    let mut listed = Vec::new();
    let mut path =
        format!("Calls.json?To={}&From={}&PageSize=2", THEM.replace('+', "%2B"), US.replace('+', "%2B"));
    for page in 0..3 {
        let (status, body) = rest.get(&path).await;
        assert_eq!((status, &body["page"], &body["page_size"]), (200, &json!(page), &json!(2)));
        listed.extend(
            body["calls"].as_array().unwrap().iter().map(|call| call["sid"].as_str().unwrap().to_owned()),
        );
        match body["next_page_uri"].as_str() {
            Some(next) => {
                path = next.strip_prefix(&format!("/2010-04-01/Accounts/{SID}/")).unwrap().to_owned()
            }
            None => assert_eq!(page, 2),
        }
        // What comes in front does not shift the pages.
        if page == 0 {
            rest.call(&[("Twiml", "<Response/>")]).await;
        }
    }
    assert_eq!(listed, sids);

    let count = async |query: &str| {
        rest.get(&format!("Calls.json?{query}")).await.1["calls"].as_array().unwrap().len()
    };
    assert_eq!(count("To=%2B15550003333").await, 1);
    assert_eq!(count("Status=no-answer").await, 0);
    assert_eq!(count("StartTime%3E=2020-01-01T00%3A00%3A00Z").await, 7);
    assert_eq!(count("StartTime%3E=2999-01-01").await, 0);
    assert_eq!(count("StartTime%3C=2020-01-01").await, 0);
    assert_eq!(rest.get("Calls.json?StartTime%3E=soon").await.0, 400);
    assert_eq!(other["to"], "+15550003333");
}

#[tokio::test]
async fn a_call_shows_in_the_list_after_the_carriers_delay_only() {
    let (_platform, twilio) =
        Platform::start_with(|config| config.list_delay = Duration::from_secs(3_600)).await;
    let rest = Rest::new(&twilio);
    let sid = rest.call(&[("Twiml", "<Response/>")]).await;
    assert_eq!(rest.get("Calls.json").await.1["calls"], json!([]));
    assert_eq!(rest.get(&format!("Calls/{sid}.json")).await.0, 200);
}

#[tokio::test]
async fn a_live_call_is_recorded_from_when_it_is_asked_until_it_is_stopped() {
    let (platform, twilio) = Platform::start().await;
    let rest = Rest::new(&twilio);
    platform.answer("/webhooks/twilio/voice", "<Pause length=\"60\"/>");
    let mut call = twilio.place_call(THEM, US);
    call.answered(DEADLINE).await.unwrap();
    call.say("Before.").await.unwrap();
    let recordings = format!("Calls/{}/Recordings.json", call.sid());
    let saved = platform.url("/recording");
    let events = "in-progress completed";
    let fields = [("RecordingStatusCallback", saved.as_str()), ("RecordingStatusCallbackEvent", events)];
    let (status, recording) = rest.post(&recordings, &fields).await;
    assert_eq!(
        (status, &recording["status"], &recording["duration"]),
        (201, &json!("in-progress"), &json!("-1"))
    );
    assert_eq!(recording["source"], "StartCallRecordingAPI");
    call.say("On the record.").await.unwrap();
    let sid = recording["sid"].as_str().unwrap();
    let one = format!("Calls/{}/Recordings/{sid}.json", call.sid());
    assert_eq!(rest.get(&format!("Recordings/{sid}.wav")).await.0, 404, "it is not complete");
    assert_eq!(rest.post(&one, &[("Status", "paused")]).await.1["status"], "paused");
    call.say("Off the record.").await.unwrap();
    let current = format!("Calls/{}/Recordings/Twilio.CURRENT.json", call.sid());
    assert_eq!(rest.post(&current, &[("Status", "in-progress")]).await.0, 200);
    assert_eq!(rest.post(&one, &[("Status", "stopped")]).await.1["status"], "completed");
    let (status, error) = rest.post(&one, &[("Status", "stopped")]).await;
    assert_eq!((status, &error["code"]), (400, &json!(21220)));
    call.say("After.").await.unwrap();

    platform.until("/recording", 2).await;
    assert_eq!(platform.fields("/recording", "RecordingStatus"), ["in-progress", "completed"]);
    let form = platform.until("/recording", 2).await;
    assert_eq!(field(&form, "CallSid"), call.sid());
    let wav = rest.fetch(field(&form, "RecordingUrl")).await.bytes().await.unwrap();
    assert_eq!(words(&wav, 0), "On the record.");
    let listed = rest.get(&recordings).await.1;
    assert_eq!(listed["recordings"][0]["sid"], sid);
    assert_eq!(rest.delete(&format!("Recordings/{sid}.json")).await, 204);
    assert_eq!(rest.fetch(field(&form, "RecordingUrl")).await.status().as_u16(), 404);

    call.hang_up().await;
    call.ended(DEADLINE).await.unwrap();
    let (status, error) = rest.post(&recordings, &[]).await;
    assert_eq!((status, &error["code"]), (400, &json!(21220)));
}

#[tokio::test]
async fn a_recording_can_be_had_after_the_carriers_delay() {
    let delay = Duration::from_secs(2);
    let (platform, twilio) = Platform::start_with(|config| config.recording_delay = delay).await;
    let rest = Rest::new(&twilio);
    let (status, saved) = (platform.url("/status"), platform.url("/recording"));
    rest.call(&[
        ("Twiml", "<Response><Say>Short.</Say></Response>"),
        ("Record", "true"),
        ("RecordingStatusCallback", &saved),
        ("StatusCallback", &status),
    ])
    .await;
    let completed = platform.until("/status", 1).await;
    let url = field(&completed, "RecordingUrl");
    let early = rest.fetch(url).await.status().as_u16();
    assert_eq!(
        (early, platform.seen("/recording").len()),
        (404, 0),
        "the carrier told of it before it was there"
    );
    platform.until("/recording", 1).await;
    assert_eq!(rest.fetch(url).await.status().as_u16(), 200);
}
