//! A call to the platform, from its first ring to its cost.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use call_state::{CallState, EndReason, EventKind};
use serde_json::{Value, json};
use sim::carrier::End;
use sim::exchange::Exchange;
use sim::telnyx::{Hangup, TelnyxFaults};

use crate::platform::{DEADLINE, Script, set_up};

#[tokio::test]
async fn a_call_is_offered_answered_streamed_and_told_of_to_its_end() {
    let state = STANDARD.encode(r#"{"call":"c-1"}"#);
    let (platform, telnyx) = set_up(Script::Answer(json!({ "client_state": state }))).await;
    let mut call = telnyx.place_call("+12025550143", "+12025550199");
    call.connected(DEADLINE).await.unwrap();
    call.wait_for("the greeting", |text| text == "Hello there.", DEADLINE).await.unwrap();
    call.say("Can you hear me?").await.unwrap();
    platform.until(|seen| seen.heard == "Can you hear me?").await;
    call.hang_up().await;
    let report = call.ended(DEADLINE).await.unwrap();
    assert_eq!((report.end, report.streams), (End::CallerHungUp, 1));
    assert_eq!(report.problems, Vec::<String>::new());
    assert_eq!(
        platform.events(),
        [
            "call.initiated",
            "call.answered",
            "streaming.started",
            "streaming.stopped",
            "call.hangup",
            "call.cost"
        ]
    );
    let hangup = Hangup { cause: "normal_clearing", source: "caller", sip: "200" };
    assert_eq!(telnyx.hangup_of(call.sid()), Some(hangup));
    check_webhooks(&platform.seen().webhooks, call.sid(), &state);
    assert_eq!(platform.seen().bad_signatures, 0);
    assert_eq!(Exchange::Telnyx(telnyx).platform_id(&call).as_deref(), Some("c-1"));
}

/// What the platform makes of webhooks is what they are meant to say.
#[tokio::test]
async fn the_products_own_reader_understands_the_events() {
    let (platform, telnyx) = set_up(Script::Answer(json!({}))).await;
    let mut call = telnyx.place_call("+12025550143", "+12025550199");
    call.connected(DEADLINE).await.unwrap();
    let start = json!({ "format": "wav", "channels": "single" });
    platform.act(call.sid(), "record_start", start).await;
    call.press('5').await.unwrap();
    call.say("Goodbye.").await.unwrap();
    call.hang_up().await;
    call.ended(DEADLINE).await.unwrap();
    let now = call_state::Moment::from_millis(0);
    let mut state = None;
    let mut kinds = Vec::new();
    for told in platform.seen().webhooks {
        let webhook = serde_json::from_value(told).unwrap();
        let event = call_state::telnyx::event(&webhook, now).unwrap().expect("an event of the call's course");
        assert!(event.occurred_at.is_some());
        kinds.push(event.kind.clone());
        state.get_or_insert_with(|| CallState::new(event.carrier, event.ids.clone())).apply(&event);
    }
    let state = state.unwrap();
    assert_eq!((state.facts().status(), state.contradictions().count()), ("completed", 0));
    assert_eq!(
        (state.facts().recordings().len(), state.facts().cost().map(|cost| cost.micros)),
        (1, Some(5_000))
    );
    assert!(kinds.iter().any(|kind| matches!(kind, EventKind::Key { digit: '5' })));
    let recorded = |kind: &EventKind| match kind {
        EventKind::RecordingSaved(recording) => recording.duration,
        _ => None,
    };
    let length = kinds.iter().find_map(recorded).expect("a recording with a length");
    assert!(length > Duration::from_millis(300), "{length:?}");
    assert!(kinds.iter().any(|kind| matches!(kind, EventKind::Billed { duration: Some(_), .. })));
    let ending = kinds.iter().find_map(|kind| match kind {
        EventKind::Ended(ending) => Some(ending.reason),
        _ => None,
    });
    assert_eq!(ending, Some(EndReason::CallerHangup));
}

fn check_webhooks(webhooks: &[Value], call: &str, state: &str) {
    let first = &webhooks[0]["data"]["payload"];
    assert_eq!((&first["direction"], &first["state"]), (&json!("incoming"), &json!("parked")));
    assert_eq!((&first["from"], &first["to"]), (&json!("+12025550143"), &json!("+12025550199")));
    assert_eq!(first["client_state"], Value::Null);
    let mut ids = Vec::new();
    for webhook in webhooks {
        let (data, meta) = (&webhook["data"], &webhook["meta"]);
        assert_eq!((&data["record_type"], &meta["attempt"]), (&json!("event"), &json!(1)));
        assert_eq!(data["payload"]["call_control_id"], call);
        assert!(data["occurred_at"].as_str().unwrap().ends_with('Z'));
        ids.push(data["id"].to_string());
    }
    for webhook in &webhooks[1..] {
        assert_eq!(webhook["data"]["payload"]["client_state"], state, "echoed from the answer on");
    }
    let hangup = &webhooks[4]["data"]["payload"];
    assert_eq!((&hangup["hangup_cause"], &hangup["state"]), (&json!("normal_clearing"), &json!("hangup")));
    let cost = &webhooks[5]["data"]["payload"];
    assert_eq!((&cost["total_cost"], &cost["billed_duration_secs"]), (&json!("0.0050"), &json!(60)));
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), webhooks.len());
}

#[tokio::test]
async fn the_platform_turns_calls_down_for_its_reasons() {
    for (body, cause, sip) in [
        (json!({ "cause": "USER_BUSY" }), "user_busy", "486"),
        (json!({ "cause": "CALL_REJECTED" }), "call_rejected", "603"),
        (json!({ "cause": "NOT_FOUND" }), "not_found", "404"),
    ] {
        let (platform, telnyx) = set_up(Script::Wait).await;
        let call = telnyx.place_call("+12025550143", "+12025550199");
        platform.told("call.initiated").await;
        assert_eq!(platform.act(call.sid(), "reject", body).await.0, 200);
        assert_eq!(call.ended(DEADLINE).await.unwrap().end, End::Rejected);
        let hangup = platform.told("call.hangup").await;
        assert_eq!((&hangup["hangup_cause"], &hangup["sip_hangup_cause"]), (&json!(cause), &json!(sip)));
        assert_eq!(hangup["hangup_source"], "callee");
    }
}

#[tokio::test]
async fn a_caller_who_gives_up_before_the_answer_cancels() {
    let (platform, telnyx) = set_up(Script::Wait).await;
    let call = telnyx.place_call("+12025550143", "+12025550199");
    platform.told("call.initiated").await;
    call.hang_up().await;
    call.ended(DEADLINE).await.unwrap();
    assert_eq!(platform.told("call.hangup").await["hangup_cause"], "originator_cancel");
    assert_eq!(platform.events(), ["call.initiated", "call.hangup"]);
    let (status, body) = platform.act(call.sid(), "answer", json!({})).await;
    assert_eq!((status, &body["errors"][0]["code"]), (422, &json!("90018")));
}

#[tokio::test]
async fn speech_and_playback_are_heard_and_told_of() {
    let (platform, telnyx) = set_up(Script::Wait).await;
    let call = telnyx.place_call("+12025550143", "+12025550199");
    platform.told("call.initiated").await;
    let speak =
        json!({ "payload": "<speak>We are closed.</speak>", "voice": "female", "payload_type": "ssml" });
    let (status, body) = platform.act(call.sid(), "speak", speak.clone()).await;
    assert_eq!((status, &body["errors"][0]["code"]), (422, &json!("90034")), "not answered yet");
    platform.act(call.sid(), "answer", json!({})).await;
    assert_eq!(platform.act(call.sid(), "speak", speak).await.0, 200);
    call.wait_for("the announcement", |text| text == "We are closed.", DEADLINE).await.unwrap();
    assert_eq!(platform.told("call.speak.ended").await["status"], "completed");
    let content = json!({ "playback_content": STANDARD.encode(wav("Good bye.")) });
    platform.act(call.sid(), "playback_start", content).await;
    call.wait_for("the sound", |text| text.ends_with("Good bye."), DEADLINE).await.unwrap();
    assert_eq!(platform.told("call.playback.ended").await["status"], "completed");
    platform.act(call.sid(), "playback_start", json!({ "audio_url": "http://127.0.0.1:9/x.wav" })).await;
    platform
        .until(|seen| seen.webhooks.iter().any(|told| told["data"]["payload"]["status"] == "failed"))
        .await;
    platform.act(call.sid(), "hangup", json!({})).await;
    let report = call.ended(DEADLINE).await.unwrap();
    assert_eq!((report.end, report.streams), (End::PlatformHungUp, 0));
    assert_eq!(platform.told("call.hangup").await["hangup_source"], "callee");
}

fn wav(text: &str) -> Vec<u8> {
    let mut file = std::io::Cursor::new(Vec::new());
    let spec = hound::WavSpec {
        channels: 1,
        sample_rate: 8_000,
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };
    let mut writer = hound::WavWriter::new(&mut file, spec).unwrap();
    for byte in sim::voice::speak(sim::voice::Speaker::High, text).mulaw() {
        writer.write_sample(audio::g711::ulaw_decode(byte)).unwrap();
    }
    writer.finalize().unwrap();
    file.into_inner()
}

#[tokio::test]
async fn a_recording_is_fetched_until_its_address_dies() {
    let (platform, telnyx) = set_up(Script::Answer(json!({}))).await;
    let mut call = telnyx.place_call("+12025550143", "+12025550199");
    call.connected(DEADLINE).await.unwrap();
    let (status, body) = platform.act(call.sid(), "record_start", json!({ "format": "wav" })).await;
    assert_eq!((status, &body["errors"][0]["source"]["pointer"]), (422, &json!("/channels")));
    let start = json!({ "format": "wav", "channels": "dual", "play_beep": true });
    assert_eq!(platform.act(call.sid(), "record_start", start).await.0, 200);
    call.say("Please call me back.").await.unwrap();
    assert_eq!(platform.act(call.sid(), "record_stop", json!({})).await.0, 200);
    let saved = platform.told("call.recording.saved").await;
    assert_eq!((&saved["call_control_id"], &saved["channels"]), (&Value::Null, &json!("dual")));
    assert!(saved["call_leg_id"].is_string() && saved["call_session_id"].is_string());
    let url = saved["recording_urls"]["wav"].as_str().unwrap();
    assert_eq!(words_of(&fetch(url).await.unwrap()), "Please call me back.");
    let (bare, _) = url.split_once('?').unwrap();
    assert_eq!(fetch(bare).await.unwrap_err(), 403, "an address without its signature opens nothing");
    telnyx.advance(Duration::from_secs(540));
    assert!(fetch(url).await.is_ok());
    telnyx.advance(Duration::from_secs(61));
    assert_eq!(fetch(url).await.unwrap_err(), 403);
}

async fn fetch(url: &str) -> Result<Vec<u8>, u16> {
    let response = reqwest::get(url).await.unwrap();
    let status = response.status();
    if !status.is_success() {
        return Err(status.as_u16());
    }
    assert_eq!(response.headers()["content-type"], "audio/wav");
    Ok(response.bytes().await.unwrap().to_vec())
}

/// The words on the left channel.
fn words_of(wav: &[u8]) -> String {
    let mut reader = hound::WavReader::new(wav).unwrap();
    assert_eq!(reader.spec().channels, 2);
    let left: Vec<i16> = reader.samples::<i16>().step_by(2).map(Result::unwrap).collect();
    let mut ear = sim::voice::Decoder::new();
    let mulaw: Vec<u8> = left.into_iter().map(audio::g711::ulaw_encode).collect();
    let mut heard = ear.push(&mulaw);
    heard.extend(ear.finish());
    heard.into_iter().map(|word| word.text).collect::<Vec<_>>().join(" ")
}

#[tokio::test]
async fn a_call_ends_at_its_callers_hour() {
    let (platform, telnyx) = set_up(Script::Answer(json!({ "record": "record-from-answer",
        "record_format": "wav", "record_channels": "single" })))
    .await;
    let line = sim::carrier::CarrierFaults {
        hang_up_at: Some(Duration::from_millis(400)),
        ..sim::carrier::CarrierFaults::default()
    };
    let faults = TelnyxFaults { line, ..TelnyxFaults::default() };
    let call = telnyx.place_call_with("+12025550143", "+12025550199", faults);
    let report = call.ended(DEADLINE).await.unwrap();
    assert_eq!((report.end, report.duration), (End::CallerHungUp, Duration::from_millis(400)));
    let place = |event: &str| platform.events().iter().position(|told| told == event).unwrap();
    let (hangup, saved) = (place("call.hangup"), place("call.recording.saved"));
    assert!(hangup < saved, "a recording is saved after the call: {:?}", platform.events());
}
