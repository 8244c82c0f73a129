#![cfg(test)]
//! What can be known of a request where the way to the carrier breaks.

use std::time::Duration;

use telephony::twilio::{Account, Instructions, NewCall, RecordingId, Rest};
use telephony::{Cause, Fault, FetchError, Secret, Timeouts};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use url::Url;

fn rest(port: u16, request: Duration) -> Rest {
    let sid = "ACaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa".to_owned();
    let account = Account { sid, api_key: None, secret: Secret::new("token") };
    let base = Url::parse(&format!("http://127.0.0.1:{port}")).unwrap();
    Rest::new(account, Some(base), Timeouts { request, ..Timeouts::default() }).unwrap()
}

fn call() -> NewCall {
    NewCall::new("+15550100000", "+34600000000", Instructions::Url("https://a.example".into()))
}

/// A listener, and the first connection to it once its whole request has come.
async fn listener() -> (TcpListener, u16) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    (listener, port)
}

async fn request(listener: &TcpListener) -> TcpStream {
    let (mut stream, _) = listener.accept().await.unwrap();
    let mut head = Vec::new();
    while !head.windows(4).any(|end| end == b"\r\n\r\n") {
        head.push(stream.read_u8().await.unwrap());
    }
    let head = String::from_utf8(head).unwrap().to_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    let mut body = vec![0; length.map_or(0, |length| length.parse().unwrap())];
    stream.read_exact(&mut body).await.unwrap();
    stream
}

#[tokio::test]
async fn without_a_connection_nothing_was_done() {
    let (listener, port) = listener().await;
    drop(listener);
    let fault = rest(port, Duration::from_secs(10)).place(&call()).await.unwrap_err();
    assert_eq!(fault, Fault::NotDone { cause: Cause::Unreachable, retry_after: None });
}

#[tokio::test]
async fn a_connection_that_is_lost_after_the_request_leaves_it_unknown_and_is_not_tried_again() {
    let (listener, port) = listener().await;
    let asking = tokio::spawn(async move { rest(port, Duration::from_secs(10)).place(&call()).await });
    drop(request(&listener).await);
    assert_eq!(asking.await.unwrap().unwrap_err(), Fault::Unknown { cause: Cause::Lost });
    // Whoever tried again has connected by now.
    let again =
        std::future::poll_fn(|context| std::task::Poll::Ready(listener.poll_accept(context).is_ready()));
    assert!(!again.await, "it was asked twice");
}

#[tokio::test]
async fn an_answer_that_breaks_off_leaves_it_unknown() {
    let (listener, port) = listener().await;
    let asking = tokio::spawn(async move { rest(port, Duration::from_secs(10)).place(&call()).await });
    let mut stream = request(&listener).await;
    stream.write_all(b"HTTP/1.1 201 Created\r\ncontent-length: 100\r\n\r\n{\"sid\":").await.unwrap();
    drop(stream);
    assert_eq!(asking.await.unwrap().unwrap_err(), Fault::Unknown { cause: Cause::Lost });
}

#[tokio::test]
async fn a_refusal_that_breaks_off_is_one() {
    let (listener, port) = listener().await;
    let asking = tokio::spawn(async move { rest(port, Duration::from_secs(10)).place(&call()).await });
    let mut stream = request(&listener).await;
    stream.write_all(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 100\r\n\r\n{").await.unwrap();
    drop(stream);
    assert!(matches!(asking.await.unwrap(), Err(Fault::Refused { refusal }) if refusal.status == 400));
}

#[tokio::test]
async fn silence_after_the_request_ends_at_the_deadline_and_leaves_it_unknown() {
    let (listener, port) = listener().await;
    let asking = tokio::spawn(async move { rest(port, Duration::from_secs(1)).place(&call()).await });
    let silent = request(&listener).await;
    assert_eq!(asking.await.unwrap().unwrap_err(), Fault::Unknown { cause: Cause::TimedOut });
    drop(silent);
}

#[tokio::test]
async fn a_body_that_trickles_ends_at_the_deadline() {
    let (listener, port) = listener().await;
    let asking = tokio::spawn(async move { rest(port, Duration::from_secs(1)).place(&call()).await });
    let mut stream = request(&listener).await;
    stream.write_all(b"HTTP/1.1 201 Created\r\ncontent-length: 100\r\n\r\n{").await.unwrap();
    assert_eq!(asking.await.unwrap().unwrap_err(), Fault::Unknown { cause: Cause::TimedOut });
    drop(stream);
}

#[tokio::test]
async fn a_body_without_end_is_not_read_for_ever() {
    let (listener, port) = listener().await;
    let asking = tokio::spawn(async move { rest(port, Duration::from_secs(30)).place(&call()).await });
    let mut stream = request(&listener).await;
    stream.write_all(b"HTTP/1.1 201 Created\r\n\r\n").await.unwrap();
    let (over, done) = oneshot::channel();
    tokio::spawn(async move {
        while stream.write_all(&[b' '; 65536]).await.is_ok() {}
        over.send(()).unwrap();
    });
    assert_eq!(asking.await.unwrap().unwrap_err(), Fault::Unknown { cause: Cause::Unreadable });
    done.await.unwrap();
}

#[tokio::test]
async fn a_recording_that_breaks_off_is_no_recording() {
    let (listener, port) = listener().await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a.wav");
    let asking = tokio::spawn(async move {
        let id = RecordingId::parse("RE0123456789abcdef0123456789abcdef").unwrap();
        rest(port, Duration::from_secs(10)).fetch_recording(&id, &file, 1000).await
    });
    let mut stream = request(&listener).await;
    stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nRIFF").await.unwrap();
    drop(stream);
    let fault = asking.await.unwrap().unwrap_err();
    assert!(matches!(fault, FetchError::Carrier(Fault::Unknown { cause: Cause::Lost })), "{fault:?}");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}
