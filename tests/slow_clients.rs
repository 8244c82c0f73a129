//! Clients that are slow on purpose must not keep others waiting.
#![cfg(test)]

mod harness;

use harness::{PATIENCE, Server, Webhook, new_call_sid};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// More than the edge serves at one time.
const SLOW: usize = 200;

#[tokio::test(flavor = "multi_thread")]
async fn bodies_that_never_come_take_no_place_from_others() {
    let server = Server::voicehive(&[]).await;
    let mut slow = Vec::new();
    for _ in 0..SLOW {
        let mut socket = TcpStream::connect(server.address()).await.unwrap();
        let head = "POST /webhooks/twilio/voice HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\nabc";
        socket.write_all(head.as_bytes()).await.unwrap();
        slow.push(socket);
    }
    assert_eq!(server.get("/health/live").await.status, 200);
    assert_eq!(server.deliver(&Webhook::voice(&new_call_sid())).await.status, 200);
    for socket in &mut slow {
        let mut answer = Vec::new();
        timeout(PATIENCE, socket.read_to_end(&mut answer)).await.expect("the connection stays open").unwrap();
        assert!(answer.starts_with(b"HTTP/1.1 408"), "{}", String::from_utf8_lossy(&answer));
    }
}
