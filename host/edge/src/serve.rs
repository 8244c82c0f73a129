//! A plain HTTP/1 server in front of an application.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};

use crate::app::Edge;
use crate::settings::{Origin, Scheme};

/// Connections open at one time; further ones wait in the system's queue.
const MAX_CONNECTIONS: usize = 4096;
/// How long a client may take to send the head of a request, and to stay idle between two.
const HEAD_TIMEOUT: Duration = Duration::from_secs(30);
/// How long the server waits when it cannot accept, which usually means that file descriptors have run out.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Serves an application until `shutdown` is done, then lets requests in progress finish within their deadline.
///
/// # Errors
///
/// Only if the listener has no local address.
pub async fn serve(edge: Edge, listener: TcpListener, shutdown: impl Future<Output = ()>) -> io::Result<()> {
    let local_addr = listener.local_addr()?;
    let places = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    let (stop, stopping) = watch::channel(());
    let mut shutdown = pin!(shutdown);
    loop {
        let accepted = tokio::select! {
            () = &mut shutdown => break,
            accepted = accept(&listener, &places) => accepted,
        };
        match accepted {
            Ok((stream, client_addr, place)) => {
                let origin = Origin { client_addr, local_addr, scheme: Scheme::Http };
                let (edge, stopping) = (edge.clone(), stopping.clone());
                tokio::spawn(async move {
                    connection(edge, stream, origin, stopping).await;
                    drop(place);
                });
            }
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    drop(listener);
    drop(stopping);
    let _ = stop.send(());
    // Connections hold a receiver each while they live.
    if tokio::time::timeout(edge.drain_time(), stop.closed()).await.is_err() {
        tracing::warn!("connections were still open at the end of the shutdown");
    }
    Ok(())
}

async fn accept(
    listener: &TcpListener,
    places: &Arc<Semaphore>,
) -> io::Result<(TcpStream, SocketAddr, tokio::sync::OwnedSemaphorePermit)> {
    let place = places.clone().acquire_owned().await.map_err(io::Error::other)?;
    let (stream, client_addr) = listener.accept().await?;
    stream.set_nodelay(true)?;
    Ok((stream, client_addr, place))
}

async fn connection(edge: Edge, stream: TcpStream, origin: Origin, mut stopping: watch::Receiver<()>) {
    let service = service_fn(move |request| {
        let edge = edge.clone();
        async move { Ok::<_, Infallible>(edge.handle(request, origin).await) }
    });
    let mut connection = pin!(
        http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEAD_TIMEOUT)
            .serve_connection(TokioIo::new(stream), service)
    );
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        _ = stopping.changed() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, client = %origin.client_addr, "a connection ended early");
    }
}
