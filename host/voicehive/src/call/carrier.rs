//! The carrier's media socket.

mod wire;

use std::time::Duration;

use axum::extract::ws::{Message as Frame, WebSocket};
use carriers::telnyx::Codec;
use futures::stream::{SplitSink, SplitStream};
use futures::{SinkExt as _, StreamExt as _};
use tokio::time::Instant;

pub use wire::{Dialect, Said};
use wire::{Hearing, Speaking};

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
    opened: Instant,
    hearing: Hearing,
    unreadable: u32,
}

/// The writing half. Messages wait until [`CarrierWriter::flush`].
pub struct CarrierWriter {
    socket: SplitSink<WebSocket, Frame>,
    speaking: Speaking,
    unsent: bool,
}

/// Splits a socket on which a carrier speaks its dialect.
pub fn split(socket: WebSocket, dialect: Dialect) -> (CarrierReader, CarrierWriter) {
    let (writer, reader) = socket.split();
    let hearing = Hearing::new(dialect);
    (
        CarrierReader { socket: reader, opened: Instant::now(), hearing, unreadable: 0 },
        CarrierWriter { socket: writer, speaking: Speaking::new(dialect), unsent: false },
    )
}

impl CarrierReader {
    /// What the carrier says next; `None` where the socket is closed or broken. Safe to
    /// drop at any time.
    pub async fn next(&mut self) -> Option<Said> {
        loop {
            if let Some(said) = self.hearing.due(self.opened.elapsed()) {
                return Some(said);
            }
            let deadline = self.hearing.deadline().map(|deadline| self.opened + deadline);
            let frame = tokio::select! {
                biased;
                frame = self.socket.next() => frame?,
                () = super::driver::sleep_until(deadline) => continue,
            };
            let frame = match frame {
                Ok(Frame::Text(text)) => text,
                // Carriers send text only; pings are answered by the library.
                Ok(Frame::Binary(_) | Frame::Ping(_) | Frame::Pong(_)) => continue,
                Ok(Frame::Close(_)) => return None,
                Err(error) => {
                    tracing::debug!(%error, "the media socket broke");
                    return None;
                }
            };
            if let Err(error) = self.hearing.hear(&frame, self.opened.elapsed()) {
                tracing::warn!(%error, "the carrier sent an unreadable message");
                self.unreadable += 1;
                if self.unreadable > MAX_UNREADABLE {
                    return None;
                }
            }
        }
    }

    /// How the announced stream is coded.
    pub fn codec(&self) -> Codec {
        self.hearing.codec()
    }

    /// How many messages never arrived.
    pub fn lost(&self) -> u64 {
        self.hearing.lost()
    }
}

impl CarrierWriter {
    /// Names the stream, without which nothing can be sent, and how it is coded.
    pub fn start(&mut self, stream: &str, codec: Codec) {
        self.speaking.start(stream, codec);
    }

    /// Sends mu-law audio.
    ///
    /// # Errors
    /// Where the socket is broken.
    pub async fn audio(&mut self, payload: &[u8]) -> anyhow::Result<()> {
        let text = self.speaking.audio(payload);
        self.feed(text).await
    }

    /// Sends a mark.
    ///
    /// # Errors
    /// Where the socket is broken.
    pub async fn mark(&mut self, name: &str) -> anyhow::Result<()> {
        self.feed(self.speaking.mark(name)).await
    }

    /// Makes the carrier forget what it has not played.
    ///
    /// # Errors
    /// Where the socket is broken.
    pub async fn clear(&mut self) -> anyhow::Result<()> {
        self.feed(self.speaking.clear()).await
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
