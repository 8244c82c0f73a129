//! The media socket: codecs, order, marks, keys and errors.

use std::time::Duration;

use carriers::Track;
use carriers::telnyx::Message;
use serde_json::json;
use sim::carrier::CarrierFaults;
use sim::telnyx::{Shuffle, StreamError, TelnyxFaults};
use sim::voice::Ending;

use crate::platform::{DEADLINE, Script, Seen, marks, set_up};

#[tokio::test]
async fn both_codecs_carry_both_directions() {
    for codec in ["PCMU", "PCMA"] {
        let fields = json!({ "stream_codec": codec, "stream_bidirectional_codec": codec });
        let (platform, telnyx) = set_up(Script::Answer(fields)).await;
        let mut call = telnyx.place_call("+12025550143", "+12025550199");
        call.wait_for("the greeting", |text| text == "Hello there.", DEADLINE).await.unwrap();
        call.say("This is another codec.").await.unwrap();
        platform.until(|seen| seen.heard == "This is another codec.").await;
        let seen = platform.seen();
        let Message::Start(start) = &seen.messages[1] else { panic!("{:?}", seen.messages[1]) };
        assert_eq!((start.format.encoding.as_str(), start.format.sample_rate), (codec, 8_000));
        assert_eq!(start.call_control_id, call.sid());
    }
}

#[tokio::test]
async fn media_out_of_order_is_bounded_and_loses_nothing() {
    let (platform, telnyx) = set_up(Script::Answer(json!({}))).await;
    let shuffle = Some(Shuffle { by: 3, seed: 11 });
    let faults = TelnyxFaults { shuffle, ..TelnyxFaults::default() };
    let mut call = telnyx.place_call_with("+12025550143", "+12025550199", faults);
    call.connected(DEADLINE).await.unwrap();
    let text = "Every single word of this counts, whatever the order.";
    call.say(text).await.unwrap();
    platform.until(|seen| seen.heard == text).await;
    call.hang_up().await;
    call.ended(DEADLINE).await.unwrap();
    platform.until(|seen| seen.messages.last() == Some(&Message::Stop)).await;
    let order = chunks(&platform.seen());
    let mut sorted = order.clone();
    sorted.sort_unstable();
    assert_eq!(sorted, (1..=order.len() as u64).collect::<Vec<_>>(), "nothing lost, nothing doubled");
    let overtaken = |place: usize| order[..place].iter().filter(|earlier| **earlier > order[place]).count();
    let worst = (0..order.len()).map(overtaken).max().unwrap();
    assert!((1..=3).contains(&worst), "overtaken by {worst}");
}

fn chunks(seen: &Seen) -> Vec<u64> {
    let chunk = |message: &Message| match message {
        Message::Media { track: Track::Inbound, chunk, .. } => Some(*chunk),
        _ => None,
    };
    seen.messages.iter().filter_map(chunk).collect()
}

#[tokio::test]
async fn both_tracks_are_numbered_each_by_itself() {
    let (platform, telnyx) = set_up(Script::Answer(json!({ "stream_track": "both_tracks" }))).await;
    let call = telnyx.place_call("+12025550143", "+12025550199");
    call.wait_for("the greeting", |text| text == "Hello there.", DEADLINE).await.unwrap();
    let seen = platform.seen();
    let of = |wanted: Track| -> Vec<u64> {
        let chunk = |message: &Message| match message {
            Message::Media { track, chunk, .. } if *track == wanted => Some(*chunk),
            _ => None,
        };
        seen.messages.iter().filter_map(chunk).collect()
    };
    for track in [Track::Inbound, Track::Outbound] {
        let chunks = of(track);
        assert_eq!(chunks, (1..=chunks.len() as u64).collect::<Vec<_>>());
        assert!(chunks.len() > 20);
    }
}

#[tokio::test]
async fn marks_come_back_when_they_are_reached_and_clear_returns_the_rest() {
    let (platform, telnyx) = set_up(Script::LongSpeech).await;
    let mut call = telnyx.place_call("+12025550143", "+12025550199");
    call.interrupt_after_words(2, "Stop!", DEADLINE).await.unwrap();
    platform.until(|seen| marks(seen).len() == 4).await;
    call.hang_up().await;
    let report = call.ended(DEADLINE).await.unwrap();
    assert_eq!(marks(&platform.seen()), ["one", "two", "three", "four"]);
    assert_eq!(report.clears.len(), 1);
    let heard: Vec<&str> = report.heard.iter().map(|word| word.text.as_str()).collect();
    assert_eq!(heard[..2], ["one", "two"]);
    assert!(!heard.contains(&"four"), "{heard:?}");
    assert!(report.heard.iter().all(|word| word.ending != Ending::Damaged));
}

#[tokio::test]
async fn a_key_comes_by_both_ways() {
    let (platform, telnyx) = set_up(Script::Answer(json!({}))).await;
    let call = telnyx.place_call("+12025550143", "+12025550199");
    call.connected(DEADLINE).await.unwrap();
    call.press('#').await.unwrap();
    assert_eq!(platform.told("call.dtmf.received").await["digit"], "#");
    let is_key = |message: &Message| matches!(message, Message::Dtmf { digit: '#', occurred_at: Some(_) });
    platform.until(|seen| seen.messages.iter().any(is_key)).await;
}

#[tokio::test]
async fn errors_are_reported_for_what_is_wrong_and_where_a_fault_says_so() {
    let frames = [
        "nonsense",
        r#"{"event":"hello"}"#,
        r#"{"event":"media","media":{"payload":"?"}}"#,
        r#"{"event":"media","media":{"payload":"/w=="}}"#,
    ];
    let (platform, telnyx) = set_up(Script::Send(frames.map(str::to_owned).to_vec())).await;
    let fault = |at, code| StreamError { at: Duration::from_millis(at), code };
    let stream_errors = vec![fault(300, 100_005), fault(200, 100_002)];
    let faults = TelnyxFaults { stream_errors, ..TelnyxFaults::default() };
    let call = telnyx.place_call_with("+12025550143", "+12025550199", faults);
    platform.until(|seen| errors(seen).len() == 5).await;
    let mut found = errors(&platform.seen());
    let injected: Vec<u64> = found.iter().copied().filter(|code| [100_002, 100_005].contains(code)).collect();
    assert_eq!(injected, [100_002, 100_005]);
    found.sort_unstable();
    assert_eq!(found, [100_002, 100_003, 100_003, 100_004, 100_005]);
    assert_eq!(call.problems().len(), 4, "{:?}", call.problems());
    assert!(call.problems()[3].contains("less than 20 ms"), "{:?}", call.problems());
    assert!(call.is_streaming());
}

fn errors(seen: &Seen) -> Vec<u64> {
    let code = |message: &Message| match message {
        Message::Error { code, .. } => Some(*code),
        _ => None,
    };
    seen.messages.iter().filter_map(code).collect()
}

#[tokio::test]
async fn without_rtp_mode_the_caller_hears_nothing() {
    let (platform, telnyx) = set_up(Script::Wait).await;
    let call = telnyx.place_call("+12025550143", "+12025550199");
    platform.told("call.initiated").await;
    platform.act(call.sid(), "answer", json!({ "stream_url": platform.stream_url() })).await;
    platform.until(|seen| marks(seen) == ["greeting"]).await;
    assert!(call.problems()[0].contains("rtp mode"), "{:?}", call.problems());
    assert!(call.heard().is_empty());
}

#[tokio::test]
async fn a_lost_socket_is_told_of_and_another_stream_can_be_started() {
    for line in [
        CarrierFaults { drop_connection_at: Some(Duration::from_millis(600)), ..CarrierFaults::default() },
        CarrierFaults { close_socket_at: Some(Duration::from_millis(600)), ..CarrierFaults::default() },
    ] {
        let (platform, telnyx) = set_up(Script::Answer(json!({}))).await;
        let faults = TelnyxFaults { line, ..TelnyxFaults::default() };
        let call = telnyx.place_call_with("+12025550143", "+12025550199", faults);
        let failed = platform.told("streaming.failed").await;
        assert_eq!(failed["failure_reason"], "connection_lost");
        assert!(!call.is_streaming());
        let mut stream = platform.stream("PCMU");
        stream["stream_auth_token"] = json!("a token");
        stream["custom_parameters"] = json!([{ "name": "call", "value": "c-1" }]);
        assert_eq!(platform.act(call.sid(), "streaming_start", stream.clone()).await.0, 200);
        call.wait_for("another greeting", |text| text.ends_with("Hello there."), DEADLINE).await.unwrap();
        assert_eq!(call.streams(), 2);
        assert_eq!(call.parameters(), [("call".to_owned(), "c-1".to_owned())]);
        assert_eq!(platform.seen().tokens, ["a token"]);
        assert_eq!(platform.act(call.sid(), "streaming_start", stream).await.0, 422, "one at a time");
    }
}

#[tokio::test]
async fn a_socket_that_cannot_be_opened_is_told_of_and_the_call_goes_on() {
    let (platform, telnyx) = set_up(Script::Wait).await;
    let call = telnyx.place_call("+12025550143", "+12025550199");
    platform.told("call.initiated").await;
    platform.act(call.sid(), "answer", json!({ "stream_url": "ws://127.0.0.1:9/x" })).await;
    assert_eq!(platform.told("streaming.failed").await["failure_reason"], "connection_failed");
    let speak = json!({ "payload": "One moment.", "voice": "female" });
    assert_eq!(platform.act(call.sid(), "speak", speak).await.0, 200);
    call.wait_for("the apology", |text| text == "One moment.", DEADLINE).await.unwrap();
}
