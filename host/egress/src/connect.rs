//! Connections to addresses that were checked, and the bytes that pass.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};

use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::host::Host;
use crate::send::Error;

/// Connects to one of `addresses`, which are used as they are: nothing is resolved any more.
pub(crate) async fn connect(
    host: &Host,
    addresses: &[IpAddr],
    tls: &TlsConnector,
    wire: &Arc<Wire>,
    deadline: Instant,
) -> Result<TlsStream<Metered>, Error> {
    let stream = connect_to_one(host, addresses, deadline).await?;
    let name = ServerName::try_from(host.name().to_owned())
        .map_err(|_| Error::Failed("setting up TLS: the name cannot be verified".to_owned()))?;
    let metered = Metered { stream, wire: wire.clone() };
    match timeout_at(deadline, tls.connect(name, metered)).await {
        Ok(Ok(stream)) => Ok(stream),
        Ok(Err(_)) => Err(Error::Failed("setting up TLS: no trusted certificate for this host".to_owned())),
        Err(_) => Err(Error::Failed("setting up TLS: the host does not answer in time".to_owned())),
    }
}

/// Tries one address after the other, each for its share of the time: one that swallows packets must not hide the next.
async fn connect_to_one(host: &Host, addresses: &[IpAddr], deadline: Instant) -> Result<TcpStream, Error> {
    let mut remaining = u32::try_from(addresses.len()).unwrap_or(u32::MAX);
    for &address in addresses {
        let now = Instant::now();
        let share = deadline.saturating_duration_since(now) / remaining.max(1);
        remaining = remaining.saturating_sub(1);
        let connected = timeout_at(now + share, TcpStream::connect(SocketAddr::new(address, host.port())));
        if let Ok(Ok(stream)) = connected.await {
            // Small requests go out at once or not at all; a socket that cannot be told so still works.
            let _ = stream.set_nodelay(true);
            return Ok(stream);
        }
    }
    Err(Error::Failed("connecting: the host does not answer".to_owned()))
}

/// How many bytes a connection has moved, and how many it may.
#[derive(Debug)]
pub(crate) struct Wire {
    moved: AtomicU64,
    most: u64,
}

impl Wire {
    pub(crate) fn new(most: u64) -> Self {
        Self { moved: AtomicU64::new(0), most }
    }

    pub(crate) fn moved(&self) -> u64 {
        self.moved.load(Ordering::Relaxed)
    }

    pub(crate) fn is_used_up(&self) -> bool {
        self.moved() >= self.most
    }

    fn add(&self, bytes: usize) {
        self.moved.fetch_add(bytes.try_into().unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    fn check(&self) -> io::Result<()> {
        match self.is_used_up() {
            true => Err(io::Error::other("the bytes of this request are used up")),
            false => Ok(()),
        }
    }
}

/// A connection that ends once its bytes are used up.
#[derive(Debug)]
pub(crate) struct Metered {
    stream: TcpStream,
    wire: Arc<Wire>,
}

impl AsyncRead for Metered {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.wire.check()?;
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(cx, buffer))?;
        self.wire.add(buffer.filled().len().saturating_sub(before));
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Metered {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.wire.check()?;
        let written = ready!(Pin::new(&mut self.stream).poll_write(cx, bytes))?;
        self.wire.add(written);
        Poll::Ready(Ok(written))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
