//! One request and one response over one connection.

use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;

use bytes::Bytes;
use http_body_util::Full;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};

use crate::limits::Limits;
use crate::response::{Response, read};
use crate::secret::Mask;
use crate::send::Error;

/// The least that the HTTP library can be given for a head.
const LEAST_HEAD_BYTES: usize = 8 << 10;

/// Sends `request` and reads the whole response. The connection lives no longer than this future.
pub(crate) async fn exchange(
    stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
    request: http::Request<Full<Bytes>>,
    mask: &Mask,
    limits: &Limits,
) -> Result<Response, Error> {
    let (mut sender, connection) = http1::Builder::new()
        .max_buf_size(limits.head_bytes.max(LEAST_HEAD_BYTES))
        .max_headers(limits.headers)
        .handshake(TokioIo::new(stream))
        .await
        .map_err(|error| failure("sending the request", &error))?;
    let answered = async {
        let response =
            sender.send_request(request).await.map_err(|error| failure("sending the request", &error))?;
        read(response, mask, limits).await
    };

    let (mut answered, mut connection) = (pin!(answered), pin!(connection));
    let mut connected = true;
    poll_fn(|cx| {
        if connected && connection.as_mut().poll(cx).is_ready() {
            // Whatever ended it, the other side of the connection is told, and has what came before.
            connected = false;
        }
        match answered.as_mut().poll(cx) {
            Poll::Ready(result) => Poll::Ready(result),
            Poll::Pending => Poll::Pending,
        }
    })
    .await
}

/// What went wrong at `step`.
pub(crate) fn failure(step: &str, error: &hyper::Error) -> Error {
    if error.is_parse_too_large() {
        return Error::TooLarge;
    }
    let why = match error {
        _ if error.is_parse() => "the host does not speak HTTP/1.1 as it should",
        _ if error.is_incomplete_message() => "the host ended the connection early",
        _ => "the connection broke",
    };
    Error::Failed(format!("{step}: {why}"))
}
