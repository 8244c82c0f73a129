//! WebSockets with deadlines and bounded messages.

use std::time::{Duration, SystemTime};

use futures::{SinkExt, StreamExt};
use http::{HeaderName, HeaderValue, StatusCode};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout, timeout_at};
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Error as WsError, Message, Utf8Bytes};
use tokio_tungstenite::{Connector, MaybeTlsStream, WebSocketStream, client_async_tls_with_config};
use url::Url;

use super::Transport;
use super::retry::{jitter, may_retry, retry_after};
use crate::{Error, Kind, Stage};

/// Longest message of a vendor: 1 MiB, minutes of audio in base64.
const MAX_MESSAGE: usize = 1024 * 1024;

/// How long a reader of events may leave the channel full before its session ends.
const STALLED: Duration = Duration::from_secs(10);

/// An open WebSocket of a vendor.
pub(crate) struct Socket<S = MaybeTlsStream<TcpStream>> {
    stream: WebSocketStream<S>,
    vendor: &'static str,
    write: Duration,
}

/// What arrives on a socket.
#[derive(Debug)]
pub(crate) enum Frame {
    /// A text message.
    Text(Utf8Bytes),
    /// The vendor hangs up, with its code and the reason where that looks like a code.
    Close(Error),
    /// A ping, a pong or a binary message: none means anything to these protocols.
    Other,
}

impl Transport {
    /// Opens a WebSocket, again and again as [`super::Retry`] allows.
    pub(crate) async fn websocket(
        &self,
        vendor: &'static str,
        url: &Url,
        headers: &[(HeaderName, HeaderValue)],
    ) -> Result<Socket, Error> {
        let deadline = Instant::now() + self.timeouts.connect + self.timeouts.handshake;
        let mut retry = 0;
        loop {
            let refused = match timeout_at(deadline, self.websocket_once(vendor, url, headers)).await {
                Ok(Ok(socket)) => return Ok(socket),
                Ok(Err(refused)) => refused,
                Err(_) => return Err(Error::new(vendor, Stage::Open, Kind::Timeout)),
            };
            let delay = self.retry.delay(retry, refused.asked, jitter()).filter(|_| refused.may_retry);
            match delay {
                Some(delay) if Instant::now() + delay < deadline => tokio::time::sleep(delay).await,
                _ => return Err(refused.error),
            }
            tracing::debug!(vendor, retry, error = %refused.error, "trying again");
            retry += 1;
        }
    }

    async fn websocket_once(
        &self,
        vendor: &'static str,
        url: &Url,
        headers: &[(HeaderName, HeaderValue)],
    ) -> Result<Socket, Refused> {
        let refused = |stage, kind| Refused::from(Error::new(vendor, stage, kind));
        let mut request =
            url.as_str().into_client_request().map_err(|_| refused(Stage::Configure, Kind::Rejected))?;
        request.headers_mut().extend(headers.iter().cloned());

        // Brackets around an IPv6 address belong to the URL, not to the address.
        let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
        let port = url.port_or_known_default().unwrap_or(443);
        let tcp = timeout(self.timeouts.connect, TcpStream::connect((host, port)))
            .await
            .map_err(|_| refused(Stage::Connect, Kind::Timeout))?
            .map_err(|_| refused(Stage::Connect, Kind::Unavailable))?;
        tcp.set_nodelay(true).map_err(|_| refused(Stage::Connect, Kind::Unavailable))?;

        let connector = Connector::Rustls(self.tls.clone());
        let handshake = client_async_tls_with_config(request, tcp, Some(config()), Some(connector));
        let (stream, _) = timeout(self.timeouts.handshake, handshake)
            .await
            .map_err(|_| refused(Stage::Open, Kind::Timeout))?
            .map_err(|error| handshake_error(vendor, error))?;
        Ok(Socket { stream, vendor, write: self.timeouts.write })
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Socket<S> {
    /// Wraps a connected stream.
    #[cfg(test)]
    pub(crate) async fn from_stream(stream: S, vendor: &'static str, write: Duration) -> Self {
        use tokio_tungstenite::tungstenite::protocol::Role;
        let stream = WebSocketStream::from_raw_socket(stream, Role::Client, Some(config())).await;
        Self { stream, vendor, write }
    }

    pub(crate) fn vendor(&self) -> &'static str {
        self.vendor
    }

    /// Sends one message and flushes it.
    pub(crate) async fn send(&mut self, message: Message) -> Result<(), Error> {
        match timeout(self.write, self.stream.send(message)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(stream_error(self.vendor, Stage::Send, &error)),
            Err(_) => Err(Error::new(self.vendor, Stage::Send, Kind::Timeout)),
        }
    }

    /// Waits for one message. Safe to drop and call again.
    pub(crate) async fn next(&mut self) -> Result<Frame, Error> {
        match self.stream.next().await {
            Some(Ok(Message::Text(text))) => Ok(Frame::Text(text)),
            Some(Ok(Message::Close(frame))) => {
                let (code, reason) = match &frame {
                    Some(frame) => (u16::from(frame.code).to_string(), frame.reason.as_str()),
                    None => ("no_close_code".to_owned(), ""),
                };
                let error = Error::new(self.vendor, Stage::Receive, Kind::Unavailable);
                Ok(Frame::Close(error.with_code(&code).with_code(reason)))
            }
            Some(Ok(_)) => Ok(Frame::Other),
            Some(Err(error)) => Err(stream_error(self.vendor, Stage::Receive, &error)),
            None => {
                Err(Error::new(self.vendor, Stage::Receive, Kind::Unavailable).with_code("connection_lost"))
            }
        }
    }

    /// Says goodbye without waiting for an answer.
    pub(crate) async fn close(&mut self) {
        // The session is over either way; a vendor that cannot take a goodbye is gone.
        let _ = timeout(self.write, self.stream.close(None)).await;
    }
}

/// Puts an event into a session's channel, waiting a bounded time for room.
pub(crate) async fn deliver<T>(
    vendor: &'static str,
    events: &mpsc::Sender<T>,
    event: T,
) -> Result<(), Error> {
    let cancelled = || Error::new(vendor, Stage::Receive, Kind::Cancelled);
    match timeout(STALLED, events.send(event)).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(_)) => Err(cancelled()),
        Err(_) => Err(cancelled().with_code("reader_stalled")),
    }
}

fn config() -> WebSocketConfig {
    // The read buffer is zeroed on each read: the default 128 KiB took a call from 0.09 to 0.15 % of a core.
    WebSocketConfig::default()
        .read_buffer_size(8 * 1024)
        .write_buffer_size(8 * 1024)
        .max_write_buffer_size(256 * 1024)
        .max_message_size(Some(MAX_MESSAGE))
        .max_frame_size(Some(MAX_MESSAGE))
}

struct Refused {
    error: Error,
    may_retry: bool,
    asked: Option<Duration>,
}

impl From<Error> for Refused {
    fn from(error: Error) -> Self {
        Self { error, may_retry: false, asked: None }
    }
}

fn handshake_error(vendor: &'static str, error: WsError) -> Refused {
    let WsError::Http(response) = error else {
        return stream_error(vendor, Stage::Open, &error).into();
    };
    let status = response.status();
    let asked = retry_after(response.headers(), SystemTime::now());
    let error = match status {
        // A server that answers 200 or 404 speaks HTTP, but not this protocol at this address.
        status if status.is_success() || status == StatusCode::NOT_FOUND => {
            Error::new(vendor, Stage::Open, Kind::Protocol).with_code(status.as_str())
        }
        status => Error::from_status(vendor, Stage::Open, status, asked),
    };
    let named = response.headers().get("dg-error").and_then(|value| value.to_str().ok()).unwrap_or_default();
    Refused { error: error.with_code(named), may_retry: may_retry(status, response.headers()), asked }
}

fn stream_error(vendor: &'static str, stage: Stage, error: &WsError) -> Error {
    match error {
        WsError::Capacity(_) => Error::new(vendor, stage, Kind::Protocol).with_code("message_too_long"),
        // The library reports a vanished peer as a protocol violation.
        WsError::Protocol(problem) if problem.to_string().contains("closing handshake") => {
            Error::new(vendor, stage, Kind::Unavailable).with_code("connection_lost")
        }
        WsError::Protocol(_) | WsError::Utf8(_) | WsError::AttackAttempt => {
            Error::new(vendor, stage, Kind::Protocol)
        }
        WsError::Tls(_) => Error::new(vendor, stage, Kind::Unavailable).with_code("tls"),
        WsError::Url(_) | WsError::HttpFormat(_) => Error::new(vendor, stage, Kind::Rejected),
        _ => Error::new(vendor, stage, Kind::Unavailable).with_code("connection_lost"),
    }
}
