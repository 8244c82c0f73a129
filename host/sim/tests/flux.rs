//! The simulated Flux hears turns as the real one does, and the real client understands it.
#![cfg(test)]

use std::time::Duration;

use bytes::Bytes;
use futures::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use sim::faults::Faults;
use sim::server::Handle;
use sim::vendors::{KEY, deepgram};
use sim::voice::{Speaker, speak};
use speech::deepgram::flux;
use speech::{
    Endpoint, Kind, Secret, SpeechToText as _, SttCommand, SttEvent, SttOptions, SttSession, Transport,
};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

const DEADLINE: Duration = Duration::from_secs(20);
const LISTEN: &str =
    "/v2/listen?model=flux-general-en&encoding=mulaw&sample_rate=8000&eager_eot_threshold=0.4";

/// Milliseconds of silence.
fn silence(ms: usize) -> Vec<u8> {
    vec![0xFF; 8 * ms]
}

fn said(text: &str) -> Vec<u8> {
    speak(Speaker::Low, text).mulaw()
}

#[tokio::test]
async fn a_turn_is_told_from_its_start_to_its_end_with_its_words_and_times() {
    let vendor = start().await;
    let mut socket = connect(&vendor, LISTEN).await.unwrap();
    let hello = speak(Speaker::Low, "Hello, I need help.");
    send(&mut socket, &[silence(500), hello.mulaw(), silence(2_000)].concat()).await;
    send(&mut socket, &[said("Really?"), silence(1_000)].concat()).await;
    socket.send(Message::text(r#"{"type":"CloseStream"}"#)).await.unwrap();
    let messages = collect(&mut socket).await;

    assert_eq!(messages[0]["type"], "Connected");
    for (number, message) in messages.iter().enumerate() {
        assert_eq!(message["sequence_id"], number);
    }
    let turns = &messages[1..];
    let events: Vec<&str> = turns.iter().map(event).filter(|event| *event != "Update").collect();
    let turn = ["StartOfTurn", "EagerEndOfTurn", "EndOfTurn"];
    assert_eq!(events, [turn, turn].concat());
    for (message, next) in turns.iter().zip(&turns[1..]) {
        let step = u64::from(event(message) == "EndOfTurn");
        assert_eq!(next["turn_index"].as_u64(), message["turn_index"].as_u64().map(|turn| turn + step));
        let gap = seconds(next, "audio_window_end") - seconds(message, "audio_window_end");
        assert!((0.0..=0.26).contains(&gap), "{gap}");
    }
    assert!(turns.iter().filter(|message| event(message) == "Update").count() > 10);

    let end = turns.iter().find(|message| event(message) == "EndOfTurn").unwrap();
    assert_eq!((&end["transcript"], &end["trigger"]), (&json!("Hello, I need help."), &json!("model")));
    assert!(end["end_of_turn_confidence"].as_f64().unwrap() >= 0.7);
    assert_eq!(end["audio_window_start"], 0.0);
    let words = end["words"].as_array().unwrap();
    assert_eq!(words.len(), hello.words.len());
    for (word, span) in words.iter().zip(&hello.words) {
        assert_eq!(word["word"], span.text);
        assert!((seconds(word, "start") - (span.start + 4_000) as f64 / 8_000.0).abs() < 0.01, "{word}");
        assert!(word["confidence"].as_f64().unwrap() > 0.9);
    }
    let second = turns.iter().rfind(|message| event(message) == "EndOfTurn").unwrap();
    assert_eq!(second["transcript"], "Really?");
    assert_eq!(second["audio_window_start"], end["audio_window_end"]);
    assert_eq!(event(turns.last().unwrap()), "Update");
    assert_eq!(vendor.counters().work(), 5);
}

#[tokio::test]
async fn a_pause_in_the_middle_is_an_eager_end_at_most_and_no_eager_end_comes_unasked() {
    let vendor = start().await;
    let audio = [said("I want"), silence(800), said("to book."), silence(600)].concat();
    let without = LISTEN.replace("&eager_eot_threshold=0.4", "");
    for (path, expected) in [
        (LISTEN, &["StartOfTurn", "EagerEndOfTurn", "TurnResumed", "EagerEndOfTurn", "EndOfTurn"][..]),
        (without.as_str(), &["StartOfTurn", "EndOfTurn"]),
    ] {
        let mut socket = connect(&vendor, path).await.unwrap();
        send(&mut socket, &audio).await;
        let mut events = Vec::new();
        while events.last().is_none_or(|event| event != "EndOfTurn") {
            let message = next(&mut socket).await;
            if message["type"] == "TurnInfo" && event(&message) != "Update" {
                events.push(event(&message).to_owned());
            }
        }
        assert_eq!(events, expected);
    }
}

#[tokio::test]
async fn a_turn_ends_by_timeout_or_by_force_where_the_model_is_told_to_stay_out() {
    let vendor = start().await;
    let path = format!("{LISTEN}&eot_threshold=1.0&eot_timeout_ms=500");
    let mut socket = connect(&vendor, &path).await.unwrap();
    send(&mut socket, &[said("Yes."), silence(600)].concat()).await;
    let end = until(&mut socket, "EndOfTurn").await;
    assert_eq!((&end["trigger"], &end["turn_index"]), (&json!("timeout"), &json!(0)));
    send(&mut socket, &[said("No."), silence(100)].concat()).await;
    socket.send(Message::text(r#"{"type":"ForceEndTurn"}"#)).await.unwrap();
    let end = until(&mut socket, "EndOfTurn").await;
    assert_eq!((&end["trigger"], &end["transcript"]), (&json!("manual"), &json!("No.")));
    socket.send(Message::text(r#"{"type":"Configure","thresholds":{"eot_threshold":7}}"#)).await.unwrap();
    assert_eq!(next(&mut socket).await["type"], "ConfigureFailure");
    socket.send(Message::text(r#"{"type":"Configure","thresholds":{"eot_threshold":0.9}}"#)).await.unwrap();
    assert_eq!(next(&mut socket).await["thresholds"]["eot_threshold"], 0.9);
}

#[tokio::test]
async fn what_belongs_to_version_one_is_refused() {
    let vendor = start().await;
    for (path, status) in [
        ("/v2/listen?model=nova-3&encoding=mulaw&sample_rate=8000".to_owned(), 400),
        (format!("{LISTEN}&interim_results=true"), 400),
        (format!("{LISTEN}&eot_threshold=0.2"), 400),
    ] {
        let refused = connect(&vendor, &path).await.unwrap_err();
        assert_eq!(refused.status(), status);
        assert!(refused.headers().contains_key("dg-request-id"));
    }
    let mut socket = connect(&vendor, LISTEN).await.unwrap();
    socket.send(Message::text(r#"{"type":"KeepAlive"}"#)).await.unwrap();
    let messages = collect(&mut socket).await;
    assert_eq!(messages.last().unwrap()["code"], "UNPARSABLE_CLIENT_MESSAGE");
}

#[tokio::test]
async fn the_real_client_hears_turns() {
    let vendor = start().await;
    let mut session = open(&vendor, |config| config.eager_eot_threshold = Some(0.4)).await.unwrap();
    let audio = [said("I want"), silence(800), said("to book."), silence(600)].concat();
    tell(&session, &audio).await;
    let mut heard = Vec::new();
    let mut last = String::new();
    loop {
        match event_of(&mut session).await {
            SttEvent::Interim { text, words } => {
                assert_eq!(words.len(), text.split(' ').count());
                last = text;
            }
            SttEvent::EndOfTurn { text } => {
                heard.push(format!("end: {text}"));
                break;
            }
            SttEvent::EagerEndOfTurn { text } => heard.push(format!("eager: {text}")),
            SttEvent::SpeechStarted => heard.push("started".into()),
            SttEvent::TurnResumed => heard.push("resumed".into()),
            other => panic!("{other:?}"),
        }
    }
    let expected = ["started", "eager: I want", "resumed", "eager: I want to book.", "end: I want to book."];
    assert_eq!(heard, expected);
    assert!("I want to book.".starts_with(&last), "{last}");
    session.commands.send(SttCommand::Finalize).await.unwrap();
    session.commands.send(SttCommand::Close).await.unwrap();
    while event_of(&mut session).await != SttEvent::Closed {}
}

#[tokio::test]
async fn faults_reach_the_real_client_as_what_they_are() {
    let vendor = start().await;
    vendor.set_faults(Faults { close_after: Some(Duration::from_millis(100)), ..Faults::default() });
    let mut session = open(&vendor, |_| {}).await.unwrap();
    let SttEvent::Failed(error) = event_of(&mut session).await else { panic!("a failure") };
    assert_eq!(error.kind(), &Kind::Unavailable);
    vendor.set_faults(Faults { stall_after: Some(Duration::ZERO), ..Faults::default() });
    let mut session = open(&vendor, |config| config.stall = Duration::from_millis(200)).await.unwrap();
    let error = loop {
        tell(&session, &silence(20)).await;
        match timeout(Duration::from_millis(20), session.events.recv()).await {
            Ok(Some(SttEvent::Failed(error))) => break error,
            Ok(other) => panic!("{other:?}"),
            Err(_) => {}
        }
    };
    assert_eq!((error.kind(), error.code()), (&Kind::Timeout, Some("vendor_stalled")));
    vendor.set_faults(Faults { refuse: Some(401), ..Faults::default() });
    assert_eq!(open(&vendor, |_| {}).await.unwrap_err().kind(), &Kind::Auth);
    vendor.set_faults(Faults::default());
    let wrong = open(&vendor, |config| config.api_key = Secret::new("wrong")).await.unwrap_err();
    assert_eq!(wrong.kind(), &Kind::Auth);
}

async fn start() -> Handle {
    deepgram::start(deepgram::Config::default(), Faults::default()).await.unwrap()
}

async fn open(vendor: &Handle, change: impl FnOnce(&mut flux::Config)) -> Result<SttSession, speech::Error> {
    let mut config = flux::Config::new(Secret::new(KEY)).unwrap();
    config.endpoint = Endpoint::parse(&vendor.ws_url()).unwrap();
    change(&mut config);
    flux::Flux::new(config, Transport::new().unwrap()).open(SttOptions::default()).await
}

async fn tell(session: &SttSession, mulaw: &[u8]) {
    for frame in mulaw.chunks(160) {
        session.commands.send(SttCommand::Audio(Bytes::copy_from_slice(frame))).await.unwrap();
    }
}

async fn event_of(session: &mut SttSession) -> SttEvent {
    timeout(DEADLINE, session.events.recv()).await.expect("in time").expect("open")
}

async fn connect(vendor: &Handle, path: &str) -> Result<Socket, Box<http::Response<Option<Vec<u8>>>>> {
    let mut request = format!("{}{path}", vendor.ws_url()).into_client_request().unwrap();
    request.headers_mut().insert("authorization", format!("Token {KEY}").parse().unwrap());
    match connect_async(request).await {
        Ok((socket, _)) => Ok(socket),
        Err(Error::Http(response)) => Err(response),
        Err(error) => panic!("{error}"),
    }
}

async fn send(socket: &mut Socket, mulaw: &[u8]) {
    for frame in mulaw.chunks(160) {
        socket.send(Message::binary(frame.to_vec())).await.unwrap();
    }
}

async fn next(socket: &mut Socket) -> Value {
    let message = timeout(DEADLINE, socket.next()).await.expect("in time").expect("open").expect("sound");
    serde_json::from_str(message.to_text().unwrap()).unwrap()
}

async fn until(socket: &mut Socket, wanted: &str) -> Value {
    loop {
        let message = next(socket).await;
        if message["event"] == wanted {
            return message;
        }
    }
}

/// All messages up to the end.
async fn collect(socket: &mut Socket) -> Vec<Value> {
    let mut messages = Vec::new();
    while let Some(Ok(message)) = timeout(DEADLINE, socket.next()).await.expect("in time") {
        if let Message::Text(text) = message {
            messages.push(serde_json::from_str(&text).unwrap());
        }
    }
    messages
}

fn event(message: &Value) -> &str {
    message["event"].as_str().unwrap_or_default()
}

fn seconds(message: &Value, name: &str) -> f64 {
    message[name].as_f64().unwrap()
}
