//! Streams to a server that speaks ElevenLabs' protocol on a real socket.
#![cfg(test)]
#![allow(dead_code, reason = "each test file uses a part of the support module")]

mod support;

use std::net::SocketAddr;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde_json::{Value, json};
use speech::elevenlabs::{Config, ElevenLabs, VoiceSettings};
use speech::{Encoding, Kind, Secret, Stage, TextToSpeech, TtsCommand, TtsEvent, TtsOptions, TtsSession};
use support::{Peer, endpoint, impatient, listen, refuse, soon, transport};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;

const KEY: &str = "xi-secret-key";

#[tokio::test]
async fn text_goes_out_word_by_word_and_audio_and_words_come_back() {
    let (address, _server) = listen(|_, stream| async {
        let mut peer = Peer::accept(stream).await;
        assert_eq!(peer.request.uri().path(), "/v1/text-to-speech/voice2/multi-stream-input");
        assert_eq!(peer.header("xi-api-key"), KEY);
        let query = peer.request.uri().query().unwrap().to_owned();
        let mut pairs: Vec<&str> = query.split('&').collect();
        pairs.sort_unstable();
        let expected = [
            "auto_mode=true",
            "inactivity_timeout=180",
            "language_code=en",
            "model_id=eleven_flash_v2_5",
            "output_format=ulaw_8000",
            "sync_alignment=true",
        ];
        assert_eq!(pairs, expected);
        for expected in [
            json!({ "text": " ", "context_id": "t1", "voice_settings": { "speed": 1.0 } }),
            json!({ "text": "Good ", "context_id": "t1" }),
            json!({ "text": "morning. ", "context_id": "t1", "flush": true }),
            json!({ "context_id": "t1", "close_context": true }),
        ] {
            assert_eq!(peer.receive_json().await, expected);
        }
        peer.send(chunk("t1", &[1; 800], " Good mor")).await;
        peer.send(chunk("t1", &[], "")).await;
        peer.send(chunk("t1", &[2; 400], "ning.")).await;
        peer.send(last("t1")).await;
        while peer.receive().await.is_some() {}
    })
    .await;
    let mut config = config(address);
    config.settings = VoiceSettings { speed: Some(1.0), ..VoiceSettings::default() };
    let options =
        TtsOptions { voice: Some("voice2".into()), language: Some("en-GB".into()), ..TtsOptions::default() };
    let mut session = soon(ElevenLabs::new(config, transport()).open(options)).await.unwrap();
    speak(&session, "t1", "Good mor", false).await;
    speak(&session, "t1", "ning.", true).await;
    assert_eq!(next(&mut session).await, audio("t1", &[1; 800]));
    assert_eq!(words(&mut session).await, [("Good".into(), 10, 50)]);
    assert_eq!(next(&mut session).await, audio("t1", &[2; 400]));
    // The second message's audio begins 800 samples, or 100 ms, after the first's.
    assert_eq!(words(&mut session).await, [("morning.".into(), 60, 150)]);
    assert_eq!(next(&mut session).await, TtsEvent::Done { context: "t1".into() });
}

#[tokio::test]
async fn a_cancelled_context_is_closed_and_what_comes_late_of_it_is_not_heard() {
    let (address, _server) = listen(|_, stream| async {
        let mut peer = Peer::accept(stream).await;
        assert_eq!(peer.receive_json().await["context_id"], "old");
        assert_eq!(peer.receive_json().await["text"], "A long story. ");
        peer.send(chunk("old", &[1; 160], "A ")).await;
        assert_eq!(peer.receive_json().await, json!({ "context_id": "old", "close_context": true }));
        peer.send(chunk("old", &[2; 160], "long ")).await;
        assert_eq!(peer.receive_json().await["context_id"], "new");
        peer.send(chunk("old", &[3; 160], "story.")).await;
        peer.send(last("old")).await;
        peer.send(r#"{"message":"m","error":"quota_exceeded","code":1008,"contextId":"old"}"#).await;
        peer.send(chunk("new", &[4; 160], "")).await;
        while peer.receive().await.is_some() {}
    })
    .await;
    let mut session = open(address).await;
    speak(&session, "old", "A long story. ", false).await;
    assert_eq!(next(&mut session).await, audio("old", &[1; 160]));
    assert_eq!(words(&mut session).await, [("A".into(), 0, 10)]);
    soon(session.commands.send(TtsCommand::Cancel { context: "old".into() })).await.unwrap();
    speak(&session, "new", "Yes?", true).await;
    assert_eq!(next(&mut session).await, audio("new", &[4; 160]));
}

#[tokio::test]
async fn the_failure_of_one_context_leaves_the_others_and_one_of_the_connection_ends_all() {
    let (address, _server) = listen(|_, stream| async {
        let mut peer = Peer::accept(stream).await;
        for _ in 0..6 {
            peer.receive_json().await;
        }
        peer.send(r#"{"message":"m","error":"voice_not_found","code":1008,"contextId":"a"}"#).await;
        peer.send(chunk("a", &[1; 160], "")).await;
        peer.send(chunk("b", &[2; 160], "")).await;
        peer.send(r#"{"message":"quotes","error":"quota_exceeded","code":1008}"#).await;
        while peer.receive().await.is_some() {}
    })
    .await;
    let mut session = open(address).await;
    speak(&session, "a", "One.", true).await;
    speak(&session, "b", "Two.", true).await;
    let (context, error) = failed(&mut session).await;
    assert_eq!((context.as_deref(), error.kind()), (Some("a"), &Kind::Rejected));
    assert_eq!(next(&mut session).await, audio("b", &[2; 160]));
    let (context, error) = failed(&mut session).await;
    assert_eq!((context, error.kind(), error.code()), (None, &Kind::Auth, Some("quota_exceeded")));
    assert!(!format!("{error} {error:?}").contains("quotes"));
    assert_eq!(soon(session.events.recv()).await, None);
}

#[tokio::test]
async fn a_goodbye_for_policy_and_one_in_the_middle_are_told_apart() {
    let (address, _server) = listen(|number, stream| async move {
        let mut peer = Peer::accept(stream).await;
        if number == 0 {
            let reason = "This request exceeds what your plan allows.".into();
            peer.send(Message::Close(Some(CloseFrame { code: 1_008.into(), reason }))).await;
            while peer.receive().await.is_some() {}
        }
    })
    .await;
    let (_, error) = failed(&mut open(address).await).await;
    assert_eq!((error.kind(), error.code()), (&Kind::Rejected, Some("1008")));
    let (_, error) = failed(&mut open(address).await).await;
    assert_eq!((error.kind(), error.code()), (&Kind::Unavailable, Some("connection_lost")));
    assert_eq!(error.stage(), Stage::Receive);
}

#[tokio::test]
async fn a_silent_stream_is_kept_alive_before_the_vendor_loses_patience() {
    let (address, _server) = listen(|_, stream| async {
        let mut peer = Peer::accept(stream).await;
        assert!(peer.request.uri().query().unwrap().contains("inactivity_timeout=2"));
        assert_eq!(peer.receive_json().await, json!({ "text": "" }));
        peer.send(r#"{"message":"enough","error":"input_timeout_exceeded","code":1008}"#).await;
        while peer.receive().await.is_some() {}
    })
    .await;
    let mut config = config(address);
    config.inactivity = Duration::from_secs(2);
    config.keep_alive = Duration::from_millis(20);
    let mut session = soon(ElevenLabs::new(config, transport()).open(TtsOptions::default())).await.unwrap();
    let (_, error) = failed(&mut session).await;
    assert_eq!(error.kind(), &Kind::Timeout);
}

#[tokio::test]
async fn some_garbage_is_survived_and_nothing_but_garbage_is_not() {
    let (address, _server) = listen(|_, stream| async {
        let mut peer = Peer::accept(stream).await;
        for _ in 0..3 {
            peer.receive_json().await;
        }
        for garbage in ["", "{", "null", "[1]", r#"{"audio":5}"#] {
            peer.send(garbage).await;
        }
        peer.send(chunk("a", &[1; 160], "")).await;
        for _ in 0..20 {
            peer.send(r#"{"audio":"not base64","contextId":"a"}"#).await;
        }
        while peer.receive().await.is_some() {}
    })
    .await;
    let mut session = open(address).await;
    speak(&session, "a", "One.", true).await;
    assert_eq!(next(&mut session).await, audio("a", &[1; 160]));
    let (context, error) = failed(&mut session).await;
    assert_eq!(context, None);
    assert_eq!((error.kind(), error.code()), (&Kind::Protocol, Some("audio_not_base64")));
}

#[tokio::test]
async fn a_message_beyond_the_limit_fails_the_stream() {
    let (address, _server) = listen(|_, stream| async {
        let mut peer = Peer::accept(stream).await;
        peer.send("x".repeat(2 * 1024 * 1024)).await;
        while peer.receive().await.is_some() {}
    })
    .await;
    let (_, error) = failed(&mut open(address).await).await;
    assert_eq!((error.kind(), error.code()), (&Kind::Protocol, Some("message_too_long")));
}

#[tokio::test]
async fn a_wrong_key_and_a_silent_server_are_told_apart() {
    let (address, _server) =
        listen(|_, stream| refuse(stream, "HTTP/1.1 401 Unauthorized\r\ncontent-length: 0\r\n\r\n")).await;
    let client = ElevenLabs::new(config(address), transport());
    let error = soon(client.open(TtsOptions::default())).await.unwrap_err();
    assert_eq!((error.kind(), error.stage()), (&Kind::Auth, Stage::Open));
    assert!(!format!("{error} {error:?}").contains(KEY));

    let (address, _server) = listen(|_, stream| async move {
        let _held = stream;
        std::future::pending::<()>().await;
    })
    .await;
    let client = ElevenLabs::new(config(address), impatient());
    let error = soon(client.open(TtsOptions::default())).await.unwrap_err();
    assert_eq!((error.kind(), error.stage()), (&Kind::Timeout, Stage::Open));
}

#[tokio::test]
async fn what_the_vendor_does_not_make_is_refused_before_anything_is_sent() {
    let client = ElevenLabs::new(config(([127, 0, 0, 1], 1).into()), transport());
    let wide = TtsOptions { encoding: Encoding::Mulaw, sample_rate: 16_000, ..TtsOptions::default() };
    let elsewhere = TtsOptions { voice: Some("../user".into()), ..TtsOptions::default() };
    for (options, code) in [(wide, "sample_rate_not_offered"), (elsewhere, "voice_is_no_id")] {
        let error = soon(client.open(options)).await.unwrap_err();
        assert_eq!((error.stage(), error.kind()), (Stage::Configure, &Kind::Rejected));
        assert_eq!(error.code(), Some(code));
    }
}

fn config(address: SocketAddr) -> Config {
    let mut config = Config::new(Secret::new(KEY), "voice1").unwrap();
    config.endpoint = endpoint(address);
    assert!(!format!("{config:?}").contains(KEY));
    config
}

async fn open(address: SocketAddr) -> TtsSession {
    soon(ElevenLabs::new(config(address), transport()).open(TtsOptions::default())).await.unwrap()
}

async fn speak(session: &TtsSession, context: &str, text: &str, last: bool) {
    let command = TtsCommand::Speak { context: context.into(), text: text.into(), last };
    soon(session.commands.send(command)).await.unwrap();
}

async fn next(session: &mut TtsSession) -> TtsEvent {
    soon(session.events.recv()).await.unwrap()
}

async fn failed(session: &mut TtsSession) -> (Option<String>, speech::Error) {
    match next(session).await {
        TtsEvent::Failed { context, error } => (context, error),
        other => panic!("{other:?}"),
    }
}

/// The words of the next event, with their times in milliseconds.
async fn words(session: &mut TtsSession) -> Vec<(String, u128, u128)> {
    let TtsEvent::Words { words, .. } = next(session).await else { panic!("words") };
    words.into_iter().map(|word| (word.text, word.start.as_millis(), word.end.as_millis())).collect()
}

fn audio(context: &str, payload: &[u8]) -> TtsEvent {
    TtsEvent::Audio { context: context.into(), payload: Bytes::copy_from_slice(payload) }
}

/// A message in which each character takes 10 ms.
fn chunk(context: &str, payload: &[u8], text: &str) -> String {
    let chars: Vec<String> = text.chars().map(String::from).collect();
    let starts: Vec<usize> = (0..chars.len()).map(|index| 10 * index).collect();
    let durations = vec![10; chars.len()];
    let alignment = match text {
        "" => Value::Null,
        _ => json!({ "chars": chars, "charStartTimesMs": starts, "charDurationsMs": durations }),
    };
    json!({
        "audio": STANDARD.encode(payload), "isFinal": null, "contextId": context,
        "alignment": alignment, "normalizedAlignment": alignment,
    })
    .to_string()
}

fn last(context: &str) -> String {
    json!({ "isFinal": true, "contextId": context }).to_string()
}
