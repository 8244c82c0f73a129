//! The carrier's media socket.

use std::time::Duration;

use axum::extract::ws::{Message as Frame, WebSocket};
use carriers::twilio;
use futures::stream::{SplitSink, SplitStream};
use futures::{SinkExt as _, StreamExt as _};

/// How long the carrier may take to accept a message before the socket counts as broken.
const SEND_TIMEOUT: Duration = Duration::from_secs(5);

/// How many unreadable messages are put up with before the socket counts as broken.
const MAX_UNREADABLE: u32 = 50;

/// The carrier takes no more messages.
#[derive(Debug, thiserror::Error)]
pub enum CarrierGone {
    /// The socket is broken.
    #[error("sending to the carrier")]
    Broken(#[source] axum::Error),
    /// The socket is full, and has been for too long.
    #[error("the carrier took no message for {SEND_TIMEOUT:?}")]
    Stuck,
}

/// The reading half.
pub struct CarrierReader {
    socket: SplitStream<WebSocket>,
    session: twilio::Session,
    unreadable: u32,
}

/// The writing half. Messages wait until [`CarrierWriter::flush`].
pub struct CarrierWriter {
    socket: SplitSink<WebSocket, Frame>,
    stream_sid: String,
    unsent: bool,
}

/// Splits a socket.
pub fn split(socket: WebSocket) -> (CarrierReader, CarrierWriter) {
    let (writer, reader) = socket.split();
    (
        CarrierReader { socket: reader, session: twilio::Session::new(), unreadable: 0 },
        CarrierWriter { socket: writer, stream_sid: String::new(), unsent: false },
    )
}

impl CarrierReader {
    /// The next message; `None` where the socket is closed or broken. Safe to
    /// drop at any time.
    pub async fn next(&mut self) -> Option<twilio::Message> {
        loop {
            let frame = match self.socket.next().await? {
                Ok(Frame::Text(text)) => text,
                // Twilio sends text only; pings are answered by the library.
                Ok(Frame::Binary(_) | Frame::Ping(_) | Frame::Pong(_)) => continue,
                Ok(Frame::Close(_)) => return None,
                Err(error) => {
                    tracing::debug!(%error, "the media socket broke");
                    return None;
                }
            };
            match self.session.handle(&frame) {
                Ok(message) => return Some(message),
                Err(error) => {
                    tracing::warn!(%error, "the carrier sent an unreadable message");
                    self.unreadable += 1;
                    if self.unreadable > MAX_UNREADABLE {
                        return None;
                    }
                }
            }
        }
    }

    /// How many messages never arrived.
    pub fn lost(&self) -> u64 {
        self.session.lost()
    }
}

impl CarrierWriter {
    /// Names the stream, without which nothing can be sent.
    pub fn start(&mut self, stream_sid: &str) {
        stream_sid.clone_into(&mut self.stream_sid);
    }

    /// Sends mu-law audio.
    ///
    /// # Errors
    /// Where the socket is broken.
    pub async fn audio(&mut self, payload: &[u8]) -> anyhow::Result<()> {
        self.feed(twilio::encode_media(&self.stream_sid, payload)).await
    }

    /// Sends a mark.
    ///
    /// # Errors
    /// Where the socket is broken.
    pub async fn mark(&mut self, name: &str) -> anyhow::Result<()> {
        self.feed(twilio::encode_mark(&self.stream_sid, name)).await
    }

    /// Makes the carrier forget what it has not played.
    ///
    /// # Errors
    /// Where the socket is broken.
    pub async fn clear(&mut self) -> anyhow::Result<()> {
        self.feed(twilio::encode_clear(&self.stream_sid)).await
    }

    /// Hands everything over to the network.
    ///
    /// # Errors
    /// Where the socket is broken.
    pub async fn flush(&mut self) -> anyhow::Result<()> {
        if !std::mem::take(&mut self.unsent) {
            return Ok(());
        }
        match tokio::time::timeout(SEND_TIMEOUT, self.socket.flush()).await {
            Ok(flushed) => Ok(flushed.map_err(CarrierGone::Broken)?),
            Err(_) => Err(CarrierGone::Stuck.into()),
        }
    }

    /// Closes the socket in good order.
    pub async fn close(&mut self) {
        let _broken = tokio::time::timeout(SEND_TIMEOUT, self.socket.close()).await;
    }

    async fn feed(&mut self, text: String) -> anyhow::Result<()> {
        self.unsent = true;
        match tokio::time::timeout(SEND_TIMEOUT, self.socket.feed(Frame::Text(text.into()))).await {
            Ok(fed) => Ok(fed.map_err(CarrierGone::Broken)?),
            Err(_) => Err(CarrierGone::Stuck.into()),
        }
    }
}
