//! Servers that play the vendors, on real sockets.

use std::future::Future;
use std::net::SocketAddr;
use std::time::Duration;

use futures::{SinkExt, StreamExt};
use speech::{Endpoint, Retry, Timeouts, Transport};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::server::{ErrorResponse, Request, Response};

/// No wait in these tests may take longer.
pub const PATIENCE: Duration = Duration::from_secs(10);

/// A transport with short retries, and deadlines that only tests of deadlines reach.
pub fn transport() -> Transport {
    Transport::with(Timeouts::default(), retry()).unwrap()
}

/// A transport whose deadlines are reached at once by a server that does not answer.
pub fn impatient() -> Transport {
    let short = Duration::from_millis(100);
    let timeouts = Timeouts {
        connect: PATIENCE,
        handshake: short,
        first_byte: short,
        idle: short,
        write: short,
        close: short,
    };
    Transport::with(timeouts, retry()).unwrap()
}

/// A transport that waits long for an answer to begin, and not long for it to go on.
pub fn bored() -> Transport {
    let timeouts = Timeouts { idle: Duration::from_millis(300), ..Timeouts::default() };
    Transport::with(timeouts, retry()).unwrap()
}

fn retry() -> Retry {
    Retry { attempts: 2, base: Duration::from_millis(1), longest: Duration::from_millis(50) }
}

pub fn endpoint(address: SocketAddr) -> Endpoint {
    Endpoint::parse(&format!("http://{address}")).unwrap()
}

/// Listens, and serves each connection with `serve`, which gets its number from 0.
pub async fn listen<F, Fut>(serve: F) -> (SocketAddr, JoinHandle<()>)
where
    F: Fn(usize, TcpStream) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let task = tokio::spawn(async move {
        let mut number = 0;
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            tokio::spawn(serve(number, stream));
            number += 1;
        }
    });
    (address, task)
}

/// The server's end of a WebSocket.
pub struct Peer {
    socket: WebSocketStream<TcpStream>,
    /// The request that opened it.
    pub request: Request,
}

impl Peer {
    /// Accepts the upgrade.
    #[allow(clippy::result_large_err, reason = "the callback's type is the library's")]
    pub async fn accept(stream: TcpStream) -> Self {
        let mut opened = None;
        let keep = |request: &Request, response: Response| {
            opened = Some(request.clone());
            Ok::<Response, ErrorResponse>(response)
        };
        let socket = tokio_tungstenite::accept_hdr_async(stream, keep).await.unwrap();
        Self { socket, request: opened.unwrap() }
    }

    /// The next message, or nothing when the client is gone.
    pub async fn receive(&mut self) -> Option<Message> {
        match tokio::time::timeout(PATIENCE, self.socket.next()).await.unwrap() {
            Some(Ok(message)) => Some(message),
            _ => None,
        }
    }

    /// The next message as JSON.
    pub async fn receive_json(&mut self) -> serde_json::Value {
        serde_json::from_str(self.receive().await.unwrap().to_text().unwrap()).unwrap()
    }

    pub async fn send(&mut self, message: impl Into<Message>) {
        self.socket.send(message.into()).await.unwrap();
    }

    /// A header of the request that opened the socket.
    pub fn header(&self, name: &str) -> &str {
        self.request.headers().get(name).map_or("", |value| value.to_str().unwrap())
    }
}

/// Reads one HTTP request off a stream and answers it with `response` as it stands, then hangs up.
pub async fn refuse(stream: TcpStream, response: &str) {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let mut stream = stream;
    let mut request = Vec::new();
    let mut buffer = [0; 4_096];
    while !request.windows(4).any(|window| window == b"\r\n\r\n") {
        let read = stream.read(&mut buffer).await.unwrap();
        assert_ne!(read, 0, "the request ends early");
        request.extend_from_slice(&buffer[..read]);
    }
    stream.write_all(response.as_bytes()).await.unwrap();
    stream.shutdown().await.unwrap();
}

/// Waits for something that must happen.
pub async fn soon<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, future).await.expect("it did not happen in time")
}
