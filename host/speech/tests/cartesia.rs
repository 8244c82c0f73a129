//! Streams to a server that speaks Cartesia's protocol on a real socket.
#![cfg(test)]
#![allow(dead_code, reason = "each test file uses a part of the support module")]

mod support;

use std::net::SocketAddr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use speech::cartesia::{Cartesia, Config};
use speech::{Kind, Secret, Stage, TextToSpeech, TtsCommand, TtsEvent, TtsOptions, TtsSession};
use support::{Peer, endpoint, impatient, listen, refuse, soon, transport};

const KEY: &str = "cartesia-secret-key";

#[tokio::test]
async fn text_goes_out_piece_by_piece_and_audio_and_words_come_back() {
    let (address, _server) = listen(|_, stream| async {
        let mut peer = Peer::accept(stream).await;
        assert_eq!(peer.request.uri().path(), "/tts/websocket");
        assert_eq!(peer.header("x-api-key"), KEY);
        assert_eq!(peer.header("cartesia-version"), "2026-03-01");
        let first = peer.receive_json().await;
        assert_eq!((&first["transcript"], &first["continue"]), (&"Good ".into(), &true.into()));
        assert_eq!(first["voice"]["id"], "voice-of-the-call");
        assert_eq!(first["language"], "en");
        assert_eq!(first["max_buffer_delay_ms"], 0);
        let second = peer.receive_json().await;
        assert_eq!((&second["transcript"], &second["continue"]), (&"morning.".into(), &false.into()));
        assert_eq!(second["output_format"], first["output_format"]);
        peer.send(chunk("t1", &[1; 800])).await;
        peer.send(chunk("t1", &[])).await;
        peer.send(r#"{"type":"timestamps","context_id":"t1","word_timestamps":{"words":["Good"],"start":[0.0],"end":[0.25]}}"#).await;
        peer.send(chunk("t1", &[2; 7])).await;
        peer.send(done("t1")).await;
        while peer.receive().await.is_some() {}
    })
    .await;
    let options = TtsOptions {
        voice: Some("voice-of-the-call".into()),
        language: Some("en".into()),
        ..TtsOptions::default()
    };
    let mut session = soon(cartesia(address).open(options)).await.unwrap();
    speak(&session, "t1", "Good ", false).await;
    speak(&session, "t1", "morning.", true).await;
    assert_eq!(next(&mut session).await, audio("t1", &[1; 800]));
    let TtsEvent::Words { words, .. } = next(&mut session).await else { panic!("words") };
    assert_eq!((words[0].text.as_str(), words[0].end.as_millis()), ("Good", 250));
    assert_eq!(next(&mut session).await, audio("t1", &[2; 7]));
    assert_eq!(next(&mut session).await, TtsEvent::Done { context: "t1".into() });
}

#[tokio::test]
async fn what_comes_late_of_a_cancelled_context_is_not_heard() {
    let (address, _server) = listen(|_, stream| async {
        let mut peer = Peer::accept(stream).await;
        assert_eq!(peer.receive_json().await["context_id"], "old");
        peer.send(chunk("old", &[1; 160])).await;
        let cancel = peer.receive_json().await;
        assert_eq!((&cancel["context_id"], &cancel["cancel"]), (&"old".into(), &true.into()));
        peer.send(chunk("old", &[2; 160])).await;
        assert_eq!(peer.receive_json().await["context_id"], "new");
        peer.send(chunk("old", &[3; 160])).await;
        peer.send(done("old")).await;
        peer.send(r#"{"type":"error","context_id":"old","status_code":400,"done":true}"#).await;
        peer.send(chunk("new", &[4; 160])).await;
        while peer.receive().await.is_some() {}
    })
    .await;
    let mut session = open(address).await;
    speak(&session, "old", "A long story.", true).await;
    assert_eq!(next(&mut session).await, audio("old", &[1; 160]));
    soon(session.commands.send(TtsCommand::Cancel { context: "old".into() })).await.unwrap();
    speak(&session, "new", "Yes?", true).await;
    assert_eq!(next(&mut session).await, audio("new", &[4; 160]));
}

#[tokio::test]
async fn the_failure_of_one_context_leaves_the_others_and_one_of_the_connection_ends_all() {
    let (address, _server) = listen(|_, stream| async {
        let mut peer = Peer::accept(stream).await;
        peer.receive_json().await;
        peer.receive_json().await;
        peer.send(r#"{"type":"error","context_id":"a","status_code":402,"error_code":"quota_exceeded","done":true}"#).await;
        peer.send(chunk("a", &[1; 160])).await;
        peer.send(chunk("b", &[2; 160])).await;
        peer.send(r#"{"type":"error","status_code":500,"message":"internal","done":true}"#).await;
        while peer.receive().await.is_some() {}
    })
    .await;
    let mut session = open(address).await;
    speak(&session, "a", "One.", true).await;
    speak(&session, "b", "Two.", true).await;
    let TtsEvent::Failed { context: Some(context), error } = next(&mut session).await else {
        panic!("a failure")
    };
    assert_eq!((context.as_str(), error.kind(), error.code()), ("a", &Kind::Auth, Some("quota_exceeded")));
    assert_eq!(next(&mut session).await, audio("b", &[2; 160]));
    let TtsEvent::Failed { context: None, error } = next(&mut session).await else { panic!("a failure") };
    assert_eq!((error.kind(), error.code()), (&Kind::Unavailable, Some("500")));
    assert_eq!(soon(session.events.recv()).await, None);
}

#[tokio::test]
async fn a_server_that_hangs_up_in_the_middle_fails_the_stream() {
    let (address, _server) = listen(|_, stream| async {
        let mut peer = Peer::accept(stream).await;
        peer.receive_json().await;
        peer.send(chunk("a", &[1; 160])).await;
    })
    .await;
    let mut session = open(address).await;
    speak(&session, "a", "One.", true).await;
    assert_eq!(next(&mut session).await, audio("a", &[1; 160]));
    let TtsEvent::Failed { context: None, error } = next(&mut session).await else { panic!("a failure") };
    assert_eq!((error.kind(), error.stage()), (&Kind::Unavailable, Stage::Receive));
}

#[tokio::test]
async fn nothing_but_garbage_fails_the_stream() {
    let (address, _server) = listen(|_, stream| async {
        let mut peer = Peer::accept(stream).await;
        for _ in 0..20 {
            peer.send(r#"{"type":"chunk","data":"not base64","context_id":"a"}"#).await;
        }
        while peer.receive().await.is_some() {}
    })
    .await;
    let mut session = open(address).await;
    let TtsEvent::Failed { context: None, error } = next(&mut session).await else { panic!("a failure") };
    assert_eq!((error.kind(), error.code()), (&Kind::Protocol, Some("audio_not_base64")));
}

#[tokio::test]
async fn a_wrong_key_and_a_silent_server_are_told_apart() {
    let (address, _server) =
        listen(|_, stream| refuse(stream, "HTTP/1.1 401 Unauthorized\r\ncontent-length: 0\r\n\r\n")).await;
    let error = soon(cartesia(address).open(TtsOptions::default())).await.unwrap_err();
    assert_eq!(error.kind(), &Kind::Auth);
    assert!(!format!("{error} {error:?}").contains(KEY));

    let (address, _server) = listen(|_, stream| async move {
        let _held = stream;
        std::future::pending::<()>().await;
    })
    .await;
    let patient = Cartesia::new(config(address), impatient());
    let error = soon(patient.open(TtsOptions::default())).await.unwrap_err();
    assert_eq!(error.kind(), &Kind::Timeout);
}

#[tokio::test]
async fn dropping_the_session_closes_the_socket() {
    let (closed, wait) = tokio::sync::oneshot::channel();
    let closed = std::sync::Mutex::new(Some(closed));
    let (address, _server) = listen(move |_, stream| {
        let closed = closed.lock().unwrap().take().unwrap();
        async move {
            let mut peer = Peer::accept(stream).await;
            while peer.receive().await.is_some_and(|message| !message.is_close()) {}
            closed.send(()).unwrap();
        }
    })
    .await;
    drop(open(address).await);
    soon(wait).await.unwrap();
}

fn config(address: SocketAddr) -> Config {
    let mut config = Config::new(Secret::new(KEY), "v1").unwrap();
    config.endpoint = endpoint(address);
    config
}

fn cartesia(address: SocketAddr) -> Cartesia {
    Cartesia::new(config(address), transport())
}

async fn open(address: SocketAddr) -> TtsSession {
    soon(cartesia(address).open(TtsOptions::default())).await.unwrap()
}

async fn speak(session: &TtsSession, context: &str, text: &str, last: bool) {
    let command = TtsCommand::Speak { context: context.into(), text: text.into(), last };
    soon(session.commands.send(command)).await.unwrap();
}

async fn next(session: &mut TtsSession) -> TtsEvent {
    soon(session.events.recv()).await.unwrap()
}

fn audio(context: &str, payload: &[u8]) -> TtsEvent {
    TtsEvent::Audio { context: context.into(), payload: Bytes::copy_from_slice(payload) }
}

fn chunk(context: &str, payload: &[u8]) -> String {
    let data = STANDARD.encode(payload);
    format!(
        r#"{{"type":"chunk","data":"{data}","done":false,"status_code":206,"step_time":1.5,"context_id":"{context}"}}"#
    )
}

fn done(context: &str) -> String {
    format!(r#"{{"type":"done","done":true,"status_code":206,"context_id":"{context}"}}"#)
}
