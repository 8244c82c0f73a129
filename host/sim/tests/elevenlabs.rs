//! The simulated ElevenLabs keeps to its protocol, and the real client understands it.
#![cfg(test)]

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use sim::faults::Faults;
use sim::server::Handle;
use sim::vendors::{KEY, elevenlabs};
use sim::voice::{Decoder, Heard, Speaker, speak};
use speech::elevenlabs::{Config, ElevenLabs};
use speech::{
    Endpoint, Kind, Secret, TextToSpeech as _, Transport, TtsCommand, TtsEvent, TtsOptions, TtsSession,
};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

const DEADLINE: Duration = Duration::from_secs(20);
const QUERY: &str = "model_id=eleven_flash_v2_5&output_format=ulaw_8000&auto_mode=true&sync_alignment=true";

#[tokio::test]
async fn the_real_client_hears_every_word_at_its_time() {
    let vendor = start().await;
    let mut session = open(&vendor, KEY).await.unwrap();
    for (text, last) in [("Good mor", false), ("ning. How ", false), ("are you?", true)] {
        say(&session, "c1", text, last).await;
    }
    let (mut audio, mut words) = (Vec::new(), Vec::new());
    loop {
        match event(&mut session).await {
            TtsEvent::Audio { context, payload } if context == "c1" => audio.extend(payload),
            TtsEvent::Words { context, words: more } if context == "c1" => words.extend(more),
            TtsEvent::Done { context } if context == "c1" => break,
            other => panic!("{other:?}"),
        }
    }
    let heard = hear(&audio);
    let texts: Vec<&str> = heard.iter().map(|word| word.text.as_str()).collect();
    assert_eq!(texts, ["Good", "morning.", "How", "are", "you?"]);
    assert!(heard.iter().all(Heard::is_intact));
    assert_eq!(words.len(), heard.len());
    for (word, heard) in words.iter().zip(&heard) {
        assert_eq!(word.text, heard.text);
        let (start, end) = (heard.start as f64 / 8_000.0, heard.end as f64 / 8_000.0);
        assert!((word.start.as_secs_f64() - start).abs() < 0.004, "{word:?} at {start}");
        assert!((word.end.as_secs_f64() - end).abs() < 0.01, "{word:?} until {end}");
    }
}

#[tokio::test]
async fn the_real_client_speaks_many_answers_in_turn_and_stops_one() {
    let vendor = start().await;
    let mut session = open(&vendor, KEY).await.unwrap();
    let long = "This is a long story that nobody wants to hear to its very end, and so on.";
    say(&session, "stopped", long, false).await;
    assert!(matches!(event(&mut session).await, TtsEvent::Audio { .. }));
    session.commands.send(TtsCommand::Cancel { context: "stopped".into() }).await.unwrap();
    // More answers than the vendor bears at a time.
    for number in 0..8 {
        let name = format!("c{number}");
        say(&session, &name, "Yes.", true).await;
        let mut audio = Vec::new();
        loop {
            match event(&mut session).await {
                TtsEvent::Audio { context, payload } if context == name => audio.extend(payload),
                TtsEvent::Done { context } if context == name => break,
                // What was in the channel before the cancel.
                TtsEvent::Audio { context, .. } | TtsEvent::Words { context, .. } => {
                    assert!(context == name || (number == 0 && context == "stopped"), "{context}");
                }
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(hear(&audio)[0].text, "Yes.");
    }
    let all = speak(Speaker::Middle, long).samples.len() / 800;
    let sent = usize::try_from(vendor.counters().work()).unwrap();
    assert!(sent < all, "{sent} pieces were sent, and the stopped answer alone has {all}");
}

#[tokio::test]
async fn faults_reach_the_real_client_as_what_they_are() {
    let vendor = start().await;
    let wrong = open(&vendor, "wrong").await.unwrap_err();
    assert_eq!(wrong.kind(), &Kind::Auth);
    vendor.set_faults(Faults { close_after: Some(Duration::from_millis(100)), ..Faults::default() });
    let mut session = open(&vendor, KEY).await.unwrap();
    let TtsEvent::Failed { context: None, error } = event(&mut session).await else { panic!("a failure") };
    assert_eq!(error.kind(), &Kind::Unavailable);
    vendor.set_faults(Faults { refuse: Some(429), ..Faults::default() });
    let busy = open(&vendor, KEY).await.unwrap_err();
    assert!(matches!(busy.kind(), Kind::RateLimited { .. }));
}

#[tokio::test]
async fn without_auto_mode_text_waits_for_a_flush_and_all_characters_come_with_the_first_audio() {
    let vendor = start().await;
    let query = "output_format=ulaw_8000";
    let mut socket = connect(&vendor, query, KEY).await.unwrap();
    for message in [
        json!({ "text": " ", "context_id": "c", "voice_settings": { "speed": 1.0 } }),
        json!({ "text": "Hello ", "context_id": "c" }),
        json!({ "text": "you. ", "context_id": "c", "flush": true }),
        json!({ "context_id": "c", "close_context": true }),
    ] {
        send(&mut socket, &message).await;
    }
    let (mut letters, mut messages) = (Vec::new(), 0);
    loop {
        let message = next(&mut socket).await;
        assert_eq!(message["contextId"], "c");
        if message["isFinal"] == true {
            break;
        }
        messages += 1;
        if let Some(chars) = message["alignment"]["chars"].as_array() {
            letters.push(chars.iter().map(|c| c.as_str().unwrap()).collect::<String>());
        }
    }
    assert_eq!(letters, ["Hello you. "]);
    assert!(messages > 3);
}

#[tokio::test]
async fn a_context_that_is_closed_without_a_flush_is_over_at_once() {
    let vendor = start().await;
    let mut socket = connect(&vendor, QUERY, KEY).await.unwrap();
    send(&mut socket, &json!({ "text": "A long story that is to be stopped. ", "context_id": "c" })).await;
    assert!(next(&mut socket).await["audio"].is_string());
    send(&mut socket, &json!({ "context_id": "c", "close_context": true })).await;
    while next(&mut socket).await["isFinal"] != true {}
    let all = speak(Speaker::Middle, "A long story that is to be stopped.").samples.len() / 800;
    assert!(vendor.counters().work() < all as u64);
}

#[tokio::test]
async fn the_sixth_context_late_settings_and_silence_end_the_socket_by_policy() {
    let vendor = start().await;
    let mut socket = connect(&vendor, QUERY, KEY).await.unwrap();
    for number in 0..6 {
        send(&mut socket, &json!({ "text": "Hm, ", "context_id": format!("c{number}") })).await;
    }
    assert_eq!(ended(&mut socket).await, (Some("max_active_conversations".into()), Some(CloseCode::Policy)));

    let mut socket = connect(&vendor, QUERY, KEY).await.unwrap();
    send(&mut socket, &json!({ "text": " ", "context_id": "c" })).await;
    send(&mut socket, &json!({ "text": " ", "context_id": "c", "voice_settings": {} })).await;
    assert_eq!(ended(&mut socket).await, (Some("invalid_input_message".into()), Some(CloseCode::Policy)));

    let mut socket = connect(&vendor, &format!("{QUERY}&inactivity_timeout=1"), KEY).await.unwrap();
    assert_eq!(ended(&mut socket).await, (Some("input_timeout_exceeded".into()), Some(CloseCode::Policy)));
}

#[tokio::test]
async fn a_wrong_key_and_a_wrong_format_are_refused_with_a_reason() {
    let vendor = start().await;
    let refused = connect(&vendor, QUERY, "wrong").await.unwrap_err();
    assert_eq!(refused.status(), 401);
    let body: Value = serde_json::from_slice(refused.body().as_deref().unwrap()).unwrap();
    assert_eq!(body["detail"]["status"], "invalid_api_key");
    assert_eq!(connect(&vendor, "output_format=mp3_44100_128", KEY).await.unwrap_err().status(), 400);
}

async fn start() -> Handle {
    elevenlabs::start(elevenlabs::Config::default(), Faults::default()).await.unwrap()
}

async fn open(vendor: &Handle, key: &str) -> Result<TtsSession, speech::Error> {
    let mut config = Config::new(Secret::new(key), elevenlabs::VOICE).unwrap();
    config.endpoint = Endpoint::parse(&vendor.ws_url()).unwrap();
    ElevenLabs::new(config, Transport::new().unwrap()).open(TtsOptions::default()).await
}

async fn say(session: &TtsSession, context: &str, text: &str, last: bool) {
    let command = TtsCommand::Speak { context: context.into(), text: text.into(), last };
    session.commands.send(command).await.unwrap();
}

async fn event(session: &mut TtsSession) -> TtsEvent {
    timeout(DEADLINE, session.events.recv()).await.expect("in time").expect("open")
}

fn hear(audio: &[u8]) -> Vec<Heard> {
    let mut decoder = Decoder::new();
    let mut heard = decoder.push(audio);
    heard.extend(decoder.finish());
    heard
}

async fn connect(
    vendor: &Handle,
    query: &str,
    key: &str,
) -> Result<Socket, Box<http::Response<Option<Vec<u8>>>>> {
    let path = format!("/v1/text-to-speech/{}/multi-stream-input?{query}", elevenlabs::VOICE);
    let mut request = format!("{}{path}", vendor.ws_url()).into_client_request().unwrap();
    request.headers_mut().insert("xi-api-key", key.parse().unwrap());
    match connect_async(request).await {
        Ok((socket, _)) => Ok(socket),
        Err(Error::Http(response)) => Err(response),
        Err(error) => panic!("{error}"),
    }
}

async fn send(socket: &mut Socket, message: &Value) {
    socket.send(Message::text(message.to_string())).await.unwrap();
}

async fn next(socket: &mut Socket) -> Value {
    let message = timeout(DEADLINE, socket.next()).await.expect("in time").expect("open").expect("sound");
    let message: Value = serde_json::from_str(message.to_text().unwrap()).unwrap();
    if let Some(audio) = message["audio"].as_str() {
        assert!(!STANDARD.decode(audio).unwrap().is_empty());
    }
    message
}

/// The name of the error that ends a socket, and the close code.
async fn ended(socket: &mut Socket) -> (Option<String>, Option<CloseCode>) {
    let mut name = None;
    loop {
        match timeout(DEADLINE, socket.next()).await.expect("in time") {
            Some(Ok(Message::Text(text))) => {
                let message: Value = serde_json::from_str(&text).unwrap();
                name = message["error"].as_str().map(str::to_owned).or(name);
            }
            Some(Ok(Message::Close(frame))) => return (name, frame.map(|frame| frame.code)),
            Some(Ok(_)) => {}
            None | Some(Err(_)) => return (name, None),
        }
    }
}
