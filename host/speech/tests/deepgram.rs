//! Streams to a server that speaks Deepgram's protocol on a real socket.
#![cfg(test)]
#![allow(dead_code, reason = "each test file uses a part of the support module")]

mod support;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use speech::deepgram::{Config, Deepgram};
use speech::{
    Endpoint, Kind, Secret, SpeechToText, Stage, SttCommand, SttEvent, SttOptions, SttSession, Transport,
};
use support::{Peer, endpoint, impatient, listen, refuse, soon, transport};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;

const KEY: &str = "dg-secret-key";

#[tokio::test]
async fn audio_goes_out_and_results_come_back_until_both_say_goodbye() {
    let (address, _server) = listen(|_, stream| async {
        let mut peer = Peer::accept(stream).await;
        assert_eq!(peer.header("authorization"), "Token dg-secret-key");
        assert_eq!(peer.request.uri().path(), "/v1/listen");
        let query = peer.request.uri().query().unwrap().to_owned();
        for expected in [
            "model=nova-3",
            "encoding=mulaw",
            "sample_rate=8000",
            "channels=1",
            "interim_results=true",
            "endpointing=250",
            "language=en-GB",
            "keyterm=Voice+Hive",
            "keyterm=caf%C3%A9",
        ] {
            assert!(query.split('&').any(|pair| pair == expected), "{expected} in {query}");
        }
        assert_eq!(peer.receive().await, Some(Message::Binary(Bytes::from_static(&[0x7F; 160]))));
        peer.send(r#"{"type":"SpeechStarted","channel":[0,1],"timestamp":0.1}"#).await;
        peer.send(results("book", false, "")).await;
        peer.send(results("book a table", true, r#","speech_final":true"#)).await;
        assert_eq!(peer.receive_json().await["type"], "Finalize");
        peer.send(results("", true, r#","from_finalize":true"#)).await;
        assert_eq!(peer.receive_json().await["type"], "CloseStream");
        peer.send(r#"{"type":"Metadata","request_id":"r1"}"#).await;
        peer.send(close(1_000, "")).await;
    })
    .await;
    let options = SttOptions {
        language: Some("en-GB".into()),
        endpointing: Duration::from_millis(250),
        keyterms: vec!["Voice Hive".into(), "café".into()],
        ..SttOptions::default()
    };
    let mut session = soon(deepgram(address, transport()).open(options)).await.unwrap();
    send(&session, SttCommand::Audio(Bytes::new())).await;
    send(&session, SttCommand::Audio(Bytes::from_static(&[0x7F; 160]))).await;
    assert_eq!(next(&mut session).await, SttEvent::SpeechStarted);
    assert_eq!(next(&mut session).await, SttEvent::Interim { text: "book".into(), words: Vec::new() });
    assert_eq!(next(&mut session).await, final_result("book a table", true, false));
    send(&session, SttCommand::Finalize).await;
    assert_eq!(next(&mut session).await, final_result("", true, true));
    send(&session, SttCommand::Close).await;
    assert_eq!(next(&mut session).await, SttEvent::Closed);
    assert_eq!(soon(session.events.recv()).await, None);
}

#[tokio::test]
async fn a_wrong_key_is_an_auth_error_at_once_that_does_not_show_the_key() {
    let connections = Arc::new(AtomicUsize::new(0));
    let counter = connections.clone();
    let (address, _server) = listen(move |_, stream| {
        counter.fetch_add(1, Ordering::SeqCst);
        refuse(stream, "HTTP/1.1 401 Unauthorized\r\ndg-error: INVALID_AUTH\r\ncontent-length: 0\r\n\r\n")
    })
    .await;
    let error = soon(deepgram(address, transport()).open(SttOptions::default())).await.unwrap_err();
    assert_eq!((error.kind(), error.stage(), error.code()), (&Kind::Auth, Stage::Open, Some("INVALID_AUTH")));
    assert!(!format!("{error} {error:?}").contains(KEY));
    assert_eq!(connections.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn an_overloaded_server_is_tried_again_and_a_limit_ends_that() {
    let (address, _server) = listen(|number, stream| async move {
        match number {
            0 | 1 => refuse(stream, "HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n").await,
            _ => drop(Peer::accept(stream).await),
        }
    })
    .await;
    assert!(soon(deepgram(address, transport()).open(SttOptions::default())).await.is_ok());

    let response = "HTTP/1.1 429 Too Many Requests\r\nretry-after-ms: 20\r\ncontent-length: 0\r\n\r\n";
    let connections = Arc::new(AtomicUsize::new(0));
    let counter = connections.clone();
    let (address, _server) = listen(move |_, stream| {
        counter.fetch_add(1, Ordering::SeqCst);
        refuse(stream, response)
    })
    .await;
    let error = soon(deepgram(address, transport()).open(SttOptions::default())).await.unwrap_err();
    assert_eq!(error.kind(), &Kind::RateLimited { retry_after: Some(Duration::from_millis(20)) });
    assert_eq!(connections.load(Ordering::SeqCst), 3);
}

#[tokio::test]
async fn a_server_that_never_answers_the_upgrade_is_a_timeout() {
    let (address, _server) = listen(|_, stream| async move {
        let _held = stream;
        std::future::pending::<()>().await;
    })
    .await;
    let error = soon(deepgram(address, impatient()).open(SttOptions::default())).await.unwrap_err();
    assert_eq!((error.kind(), error.stage()), (&Kind::Timeout, Stage::Open));
}

#[tokio::test]
async fn nobody_listening_is_unavailable() {
    let (address, server) = listen(|_, _| async {}).await;
    server.abort();
    assert!(server.await.unwrap_err().is_cancelled());
    let error = soon(deepgram(address, transport()).open(SttOptions::default())).await.unwrap_err();
    assert_eq!((error.kind(), error.stage()), (&Kind::Unavailable, Stage::Connect));
}

#[tokio::test]
async fn a_server_that_hangs_up_fails_the_stream_with_its_reason() {
    let (address, _server) = listen(|_, stream| async {
        let mut peer = Peer::accept(stream).await;
        peer.send(results("hel", false, "")).await;
        peer.send(close(1_011, "NET-0001")).await;
        while peer.receive().await.is_some() {}
    })
    .await;
    let mut session = open(address).await;
    assert!(matches!(next(&mut session).await, SttEvent::Interim { .. }));
    let SttEvent::Failed(error) = next(&mut session).await else { panic!("a failure") };
    assert_eq!((error.kind(), error.code()), (&Kind::Unavailable, Some("NET-0001")));
    assert_eq!(soon(session.events.recv()).await, None);
}

#[tokio::test]
async fn a_connection_that_breaks_fails_the_stream() {
    let (address, _server) = listen(|_, stream| async { drop(Peer::accept(stream).await) }).await;
    let mut session = open(address).await;
    let SttEvent::Failed(error) = next(&mut session).await else { panic!("a failure") };
    assert_eq!((error.kind(), error.code()), (&Kind::Unavailable, Some("connection_lost")));
}

#[tokio::test]
async fn some_garbage_is_survived_and_nothing_but_garbage_is_not() {
    let (address, _server) = listen(|_, stream| async {
        let mut peer = Peer::accept(stream).await;
        for garbage in ["", "{", "null", "[1]", r#"{"type":5}"#] {
            peer.send(garbage).await;
        }
        peer.send(Bytes::from_static(b"\x00\x01")).await;
        peer.send(results("still here", true, "")).await;
        for _ in 0..20 {
            peer.send("garbage").await;
        }
        while peer.receive().await.is_some() {}
    })
    .await;
    let mut session = open(address).await;
    assert_eq!(next(&mut session).await, final_result("still here", false, false));
    let SttEvent::Failed(error) = next(&mut session).await else { panic!("a failure") };
    assert_eq!((error.kind(), error.code()), (&Kind::Protocol, Some("malformed_message")));
}

#[tokio::test]
async fn a_message_beyond_the_limit_fails_the_stream() {
    let (address, _server) = listen(|_, stream| async {
        let mut peer = Peer::accept(stream).await;
        peer.send("x".repeat(2 * 1024 * 1024)).await;
        while peer.receive().await.is_some() {}
    })
    .await;
    let mut session = open(address).await;
    let SttEvent::Failed(error) = next(&mut session).await else { panic!("a failure") };
    assert_eq!((error.kind(), error.code()), (&Kind::Protocol, Some("message_too_long")));
}

#[tokio::test]
async fn a_secure_address_is_never_spoken_to_in_the_clear() {
    let (sender, received) = tokio::sync::oneshot::channel();
    let sender = std::sync::Mutex::new(Some(sender));
    let (address, _server) = listen(move |_, mut stream| {
        let sender = sender.lock().unwrap().take().unwrap();
        async move {
            let mut first = [0; 6];
            tokio::io::AsyncReadExt::read_exact(&mut stream, &mut first).await.unwrap();
            sender.send(first).unwrap();
        }
    })
    .await;
    let mut config = Config::new(Secret::new(KEY)).unwrap();
    config.endpoint = Endpoint::parse(&format!("https://{address}")).unwrap();
    let error = soon(Deepgram::new(config, transport()).open(SttOptions::default())).await.unwrap_err();
    assert_eq!((error.kind(), error.stage()), (&Kind::Unavailable, Stage::Open));
    let [handshake, major, .., client_hello] = soon(received).await.unwrap();
    assert_eq!((handshake, major, client_hello), (0x16, 3, 1));
}

#[tokio::test]
async fn an_empty_key_is_refused_before_anything_is_sent() {
    let config = Config::new(Secret::new("")).unwrap();
    let error = Deepgram::new(config, transport()).open(SttOptions::default()).await.unwrap_err();
    assert_eq!((error.kind(), error.stage()), (&Kind::Auth, Stage::Configure));
}

fn deepgram(address: SocketAddr, transport: Transport) -> Deepgram {
    let mut config = Config::new(Secret::new(KEY)).unwrap();
    config.endpoint = endpoint(address);
    assert!(!format!("{config:?}").contains(KEY));
    Deepgram::new(config, transport)
}

async fn open(address: SocketAddr) -> SttSession {
    soon(deepgram(address, transport()).open(SttOptions::default())).await.unwrap()
}

async fn send(session: &SttSession, command: SttCommand) {
    soon(session.commands.send(command)).await.unwrap();
}

async fn next(session: &mut SttSession) -> SttEvent {
    soon(session.events.recv()).await.unwrap()
}

fn final_result(text: &str, speech_final: bool, from_finalize: bool) -> SttEvent {
    SttEvent::Final { text: text.into(), speech_final, from_finalize, words: Vec::new() }
}

fn results(text: &str, is_final: bool, more: &str) -> String {
    format!(
        r#"{{"type":"Results","is_final":{is_final}{more},"channel":{{"alternatives":[{{"transcript":"{text}","words":[]}}]}}}}"#
    )
}

fn close(code: u16, reason: &'static str) -> Message {
    Message::Close(Some(CloseFrame { code: code.into(), reason: reason.into() }))
}
