//! Streams to a server that speaks Flux's protocol on a real socket.
#![cfg(test)]
#![allow(dead_code, reason = "each test file uses a part of the support module")]

mod support;

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use speech::deepgram::flux::{Config, Flux};
use speech::{Kind, Secret, SpeechToText, Stage, SttCommand, SttEvent, SttOptions, SttSession, Transport};
use support::{Peer, endpoint, impatient, listen, refuse, soon, transport};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;

const KEY: &str = "dg-secret-key";

#[tokio::test]
async fn a_turn_goes_from_its_start_over_an_eager_end_to_its_end() {
    let (address, _server) = listen(|_, stream| async {
        let mut peer = Peer::accept(stream).await;
        assert_eq!(peer.header("authorization"), "Token dg-secret-key");
        assert_eq!(peer.request.uri().path(), "/v2/listen");
        let query = peer.request.uri().query().unwrap().to_owned();
        let mut pairs: Vec<&str> = query.split('&').collect();
        pairs.sort_unstable();
        let expected = [
            "eager_eot_threshold=0.4",
            "encoding=mulaw",
            "eot_threshold=0.8",
            "eot_timeout_ms=3000",
            "keyterm=Voice+Hive",
            "keyterm=caf%C3%A9",
            "language_hint=de",
            "language_hint=en",
            "model=flux-general-multi",
            "sample_rate=8000",
        ];
        assert_eq!(pairs, expected);
        peer.send(r#"{"type":"Connected","request_id":"r1","sequence_id":0}"#).await;
        assert_eq!(peer.receive().await, Some(Message::Binary(Bytes::from_static(&[0x7F; 160]))));
        for (event, transcript) in [
            ("Update", ""),
            ("StartOfTurn", "book"),
            ("EagerEndOfTurn", "book"),
            ("TurnResumed", "book a"),
            ("Update", "book a table"),
            ("EagerEndOfTurn", "book a table"),
            ("EndOfTurn", "book a table"),
        ] {
            peer.send(turn(event, transcript)).await;
        }
        assert_eq!(peer.receive_json().await["type"], "CloseStream");
        peer.send(turn("Update", "and")).await;
        peer.send(Message::Close(None)).await;
    })
    .await;
    let mut config = config(address);
    config.model = "flux-general-multi".into();
    config.eot_threshold = 0.8;
    config.eager_eot_threshold = Some(0.4);
    config.eot_timeout = Duration::from_secs(3);
    config.keyterms = vec!["Voice Hive".into()];
    config.language_hints = vec!["de".into()];
    let options =
        SttOptions {
            language: Some("en-GB".into()), keyterms: vec!["café".into()], ..SttOptions::default()
        };
    let mut session = soon(Flux::new(config, transport()).open(options)).await.unwrap();
    send(&session, SttCommand::Audio(Bytes::new())).await;
    send(&session, SttCommand::Audio(Bytes::from_static(&[0x7F; 160]))).await;
    for expected in [
        SttEvent::SpeechStarted,
        interim("book"),
        SttEvent::EagerEndOfTurn { text: "book".into() },
        SttEvent::TurnResumed,
        interim("book a"),
        interim("book a table"),
        SttEvent::EagerEndOfTurn { text: "book a table".into() },
        SttEvent::EndOfTurn { text: "book a table".into() },
    ] {
        assert_eq!(next(&mut session).await, expected);
    }
    // A pause is no end of the turn: this goes no further than here.
    send(&session, SttCommand::Finalize).await;
    send(&session, SttCommand::Close).await;
    assert_eq!(next(&mut session).await, interim("and"));
    assert_eq!(next(&mut session).await, SttEvent::Closed);
    assert_eq!(soon(session.events.recv()).await, None);
}

#[tokio::test]
async fn a_wrong_value_is_refused_before_anything_is_sent() {
    let (address, _server) = listen(|_, _| async { panic!("somebody connected") }).await;
    let mut config = config(address);
    config.eager_eot_threshold = Some(0.9);
    let error = soon(Flux::new(config, transport()).open(SttOptions::default())).await.unwrap_err();
    assert_eq!((error.kind(), error.stage()), (&Kind::Rejected, Stage::Configure));
    assert_eq!(error.code(), Some("eager_eot_threshold_above_eot_threshold"));
}

#[tokio::test]
async fn a_wrong_key_is_an_auth_error_that_does_not_show_the_key() {
    let (address, _server) = listen(|_, stream| {
        refuse(stream, "HTTP/1.1 401 Unauthorized\r\ndg-error: INVALID_AUTH\r\ncontent-length: 0\r\n\r\n")
    })
    .await;
    let error = soon(flux(address, transport()).open(SttOptions::default())).await.unwrap_err();
    assert_eq!((error.kind(), error.code()), (&Kind::Auth, Some("INVALID_AUTH")));
    assert_eq!((error.vendor(), error.stage()), ("deepgram-flux", Stage::Open));
    assert!(!format!("{error} {error:?}").contains(KEY));
}

#[tokio::test]
async fn a_server_that_never_answers_the_upgrade_is_a_timeout() {
    let (address, _server) = listen(|_, stream| async move {
        let _held = stream;
        std::future::pending::<()>().await;
    })
    .await;
    let error = soon(flux(address, impatient()).open(SttOptions::default())).await.unwrap_err();
    assert_eq!((error.kind(), error.stage()), (&Kind::Timeout, Stage::Open));
}

#[tokio::test]
async fn a_fatal_error_ends_the_stream_with_its_code() {
    let (address, _server) = listen(|_, stream| async {
        let mut peer = Peer::accept(stream).await;
        peer.send(r#"{"type":"Warning","code":"SLOW_AUDIO","description":"quotes"}"#).await;
        peer.send(turn("StartOfTurn", "")).await;
        peer.send(
            r#"{"type":"Error","sequence_id":2,"code":"INTERNAL_SERVER_ERROR","description":"quotes"}"#,
        )
        .await;
        while peer.receive().await.is_some() {}
    })
    .await;
    let mut session = open(address).await;
    assert_eq!(next(&mut session).await, SttEvent::SpeechStarted);
    let SttEvent::Failed(error) = next(&mut session).await else { panic!("a failure") };
    assert_eq!((error.kind(), error.code()), (&Kind::Unavailable, Some("INTERNAL_SERVER_ERROR")));
    assert!(!format!("{error} {error:?}").contains("quotes"));
    assert_eq!(soon(session.events.recv()).await, None);
}

#[tokio::test]
async fn a_server_that_hangs_up_in_the_middle_fails_the_stream_with_its_reason() {
    let (address, _server) = listen(|_, stream| async {
        let mut peer = Peer::accept(stream).await;
        peer.send(turn("StartOfTurn", "hel")).await;
        let frame = CloseFrame { code: 1_011.into(), reason: "NET-0001".into() };
        peer.send(Message::Close(Some(frame))).await;
        while peer.receive().await.is_some() {}
    })
    .await;
    let mut session = open(address).await;
    assert_eq!(next(&mut session).await, SttEvent::SpeechStarted);
    assert_eq!(next(&mut session).await, interim("hel"));
    let SttEvent::Failed(error) = next(&mut session).await else { panic!("a failure") };
    assert_eq!((error.kind(), error.code()), (&Kind::Unavailable, Some("NET-0001")));
}

#[tokio::test]
async fn a_silent_stream_is_kept_open_by_pings_and_by_nothing_else() {
    let (address, _server) = listen(|_, stream| async {
        let mut peer = Peer::accept(stream).await;
        for _ in 0..2 {
            assert_eq!(peer.receive().await, Some(Message::Ping(Bytes::new())));
        }
        peer.send(turn("EndOfTurn", "still here")).await;
        while peer.receive().await.is_some() {}
    })
    .await;
    let mut config = config(address);
    config.keep_alive = Duration::from_millis(20);
    let mut session = soon(Flux::new(config, transport()).open(SttOptions::default())).await.unwrap();
    assert_eq!(next(&mut session).await, SttEvent::EndOfTurn { text: "still here".into() });
}

#[tokio::test]
async fn nothing_but_garbage_and_a_message_beyond_the_limit_fail_the_stream() {
    let (address, _server) = listen(|number, stream| async move {
        let mut peer = Peer::accept(stream).await;
        if number == 0 {
            for _ in 0..20 {
                peer.send(r#"{"type":"TurnInfo","transcript":[]}"#).await;
            }
        } else {
            peer.send("x".repeat(2 * 1024 * 1024)).await;
        }
        while peer.receive().await.is_some() {}
    })
    .await;
    for code in ["malformed_message", "message_too_long"] {
        let mut session = open(address).await;
        let SttEvent::Failed(error) = next(&mut session).await else { panic!("a failure") };
        assert_eq!((error.kind(), error.code()), (&Kind::Protocol, Some(code)));
    }
}

fn config(address: SocketAddr) -> Config {
    let mut config = Config::new(Secret::new(KEY)).unwrap();
    config.endpoint = endpoint(address);
    assert!(!format!("{config:?}").contains(KEY));
    config
}

fn flux(address: SocketAddr, transport: Transport) -> Flux {
    Flux::new(config(address), transport)
}

async fn open(address: SocketAddr) -> SttSession {
    soon(flux(address, transport()).open(SttOptions::default())).await.unwrap()
}

async fn send(session: &SttSession, command: SttCommand) {
    soon(session.commands.send(command)).await.unwrap();
}

async fn next(session: &mut SttSession) -> SttEvent {
    soon(session.events.recv()).await.unwrap()
}

fn interim(text: &str) -> SttEvent {
    SttEvent::Interim { text: text.into(), words: Vec::new() }
}

fn turn(event: &str, transcript: &str) -> String {
    format!(
        r#"{{"type":"TurnInfo","request_id":"r1","sequence_id":1,"event":"{event}","turn_index":0,"audio_window_start":0.0,"audio_window_end":0.5,"transcript":"{transcript}","words":[],"end_of_turn_confidence":0.5}}"#
    )
}
