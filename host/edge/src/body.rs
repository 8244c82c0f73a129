//! Bodies on their way in and out: size and silence of a request's are bounded, a response's holds its place in the queue.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Buf, Bytes};
use http_body::{Body, Frame, SizeHint};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full};
use tokio::time::{Instant, Sleep, sleep};
use wasmtime_wasi_http::WasiBody;

/// Any error of a body.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;
/// The body of a response of this runner.
pub type BoxBody = UnsyncBoxBody<Bytes, BoxError>;

/// A body with these bytes.
pub(crate) fn full(bytes: impl Into<Bytes>) -> BoxBody {
    Full::new(bytes.into()).map_err(|never| match never {}).boxed_unsync()
}

/// A guest's body that keeps `held` until it ends or is dropped. If the guest is cut off, the body ends with an error: what
/// has arrived by then must not look like the whole.
pub(crate) fn of_guest<H: Send + Unpin + 'static>(body: WasiBody, held: H, cut_off: CutOff) -> BoxBody {
    OfGuest { body, held: Some(held), cut_off }.boxed_unsync()
}

/// Whether the instance that answers a request was ended before its work was done.
#[derive(Clone, Debug, Default)]
pub(crate) struct CutOff(Arc<AtomicBool>);

impl CutOff {
    pub(crate) fn set(&self) {
        self.0.store(true, Ordering::Release);
    }

    /// Whether anyone else still looks at it.
    pub(crate) fn is_awaited(&self) -> bool {
        Arc::strong_count(&self.0) > 1
    }
}

/// Whether a request's body turned out larger than allowed.
#[derive(Clone, Debug, Default)]
pub(crate) struct Overflow(Arc<AtomicBool>);

impl Overflow {
    pub(crate) fn happened(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// A request's body that fails when it gets too large or falls silent.
pub(crate) struct Bounded<B> {
    inner: Pin<Box<B>>,
    left: u64,
    overflow: Overflow,
    silence: Duration,
    alarm: Option<Pin<Box<Sleep>>>,
}

impl<B> Bounded<B> {
    pub(crate) fn new(inner: B, max: u64, silence: Duration, overflow: Overflow) -> Self {
        Self { inner: Box::pin(inner), left: max, overflow, silence, alarm: None }
    }
}

impl<B> Body for Bounded<B>
where
    B: Body<Data = Bytes>,
    B::Error: Into<BoxError>,
{
    type Data = Bytes;
    type Error = wasmtime_wasi_http::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let Poll::Ready(next) = self.inner.as_mut().poll_frame(cx) else {
            let silence = self.silence;
            let alarm = self.alarm.get_or_insert_with(|| Box::pin(sleep(silence)));
            ready!(alarm.as_mut().poll(cx));
            return Poll::Ready(Some(Err(wasmtime_wasi_http::Error::ConnectionReadTimeout)));
        };
        let deadline = Instant::now() + self.silence;
        if let Some(alarm) = &mut self.alarm {
            alarm.as_mut().reset(deadline);
        }
        let Some(frame) = next else { return Poll::Ready(None) };
        let frame = frame.map_err(|error| from_box(error.into()))?;
        let length = frame.data_ref().map_or(0, |data| data.remaining() as u64);
        match self.left.checked_sub(length) {
            Some(left) => {
                self.left = left;
                Poll::Ready(Some(Ok(frame)))
            }
            None => {
                self.overflow.0.store(true, Ordering::Relaxed);
                Poll::Ready(Some(Err(wasmtime_wasi_http::Error::HttpRequestBodySize(None))))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

fn from_box(error: BoxError) -> wasmtime_wasi_http::Error {
    match error.downcast::<hyper::Error>() {
        Ok(error) => wasmtime_wasi_http::Error::Hyper(*error),
        Err(error) => wasmtime_wasi_http::Error::InternalError(Some(error.to_string())),
    }
}

struct OfGuest<H> {
    body: WasiBody,
    held: Option<H>,
    cut_off: CutOff,
}

impl<H: Unpin> Body for OfGuest<H> {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let next = ready!(Pin::new(&mut self.body).poll_frame(cx));
        if !matches!(next, Some(Ok(_))) {
            self.held = None;
        }
        match next {
            None if self.cut_off.0.load(Ordering::Acquire) => {
                Poll::Ready(Some(Err(wasmtime_wasi_http::Error::HttpResponseIncomplete.into())))
            }
            next => Poll::Ready(next.map(|frame| frame.map_err(Into::into))),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream() && !self.cut_off.0.load(Ordering::Acquire)
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use futures::stream;
    use http_body_util::StreamBody;

    use super::*;

    #[tokio::test]
    async fn a_body_of_exactly_the_limit_passes() {
        let overflow = Overflow::default();
        let body = Bounded::new(pieces(&["abc", "de"]), 5, Duration::from_secs(1), overflow.clone());

        assert_eq!(body.collect().await.unwrap().to_bytes(), "abcde");
        assert!(!overflow.happened());
    }

    #[tokio::test]
    async fn a_byte_more_than_the_limit_fails_and_is_remembered() {
        let overflow = Overflow::default();
        let body = Bounded::new(pieces(&["abc", "def"]), 5, Duration::from_secs(1), overflow.clone());

        let error = body.collect().await.unwrap_err();

        assert!(matches!(error, wasmtime_wasi_http::Error::HttpRequestBodySize(None)));
        assert!(overflow.happened());
    }

    #[tokio::test(start_paused = true)]
    async fn a_silent_body_fails_after_the_timeout() {
        let silent = StreamBody::new(stream::pending::<Result<Frame<Bytes>, Infallible>>());
        let body = Bounded::new(silent, 5, Duration::from_secs(7), Overflow::default());
        let started = Instant::now();

        let error = body.collect().await.unwrap_err();

        assert!(matches!(error, wasmtime_wasi_http::Error::ConnectionReadTimeout));
        assert_eq!(started.elapsed().as_secs(), 7);
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_but_steady_body_passes() {
        let steady = stream::unfold(0, |count| async move {
            sleep(Duration::from_secs(5)).await;
            (count < 4).then(|| (Ok::<_, Infallible>(Frame::data(Bytes::from_static(b"x"))), count + 1))
        });
        let body = Bounded::new(StreamBody::new(steady), 10, Duration::from_secs(6), Overflow::default());

        assert_eq!(body.collect().await.unwrap().to_bytes(), "xxxx");
    }

    #[tokio::test]
    async fn what_a_response_holds_is_released_at_its_end() {
        let held = Arc::new(());
        let mut body = of_guest(one_piece(), held.clone(), CutOff::default());

        body.frame().await.unwrap().unwrap();
        assert_eq!(Arc::strong_count(&held), 2);
        assert!(body.frame().await.is_none());
        assert_eq!(Arc::strong_count(&held), 1);
    }

    #[tokio::test]
    async fn the_response_of_a_guest_that_was_cut_off_does_not_look_complete() {
        let cut_off = CutOff::default();
        let mut body = of_guest(one_piece(), (), cut_off.clone());
        body.frame().await.unwrap().unwrap();

        cut_off.set();

        assert!(!body.is_end_stream());
        assert!(body.frame().await.unwrap().is_err());
    }

    fn one_piece() -> WasiBody {
        Full::new(Bytes::from_static(b"x")).map_err(|never| match never {}).boxed_unsync()
    }

    fn pieces(texts: &[&'static str]) -> impl Body<Data = Bytes, Error = Infallible> + use<> {
        let frames: Vec<_> =
            texts.iter().map(|text| Ok(Frame::data(Bytes::from_static(text.as_bytes())))).collect();
        StreamBody::new(stream::iter(frames))
    }
}
