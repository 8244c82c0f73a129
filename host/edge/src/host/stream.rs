//! Items that a blocking thread produces in batches, as a component-model stream.

use std::collections::VecDeque;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::sync::mpsc::Receiver;
use wasmtime::StoreContextMut;
use wasmtime::component::{Destination, StreamProducer, StreamResult, VecBuffer};

/// A first batch that is there already, and later ones that may come.
pub(super) struct Batches<T> {
    ready: VecDeque<Vec<T>>,
    later: Option<Receiver<Vec<T>>>,
}

impl<T> Batches<T> {
    pub(super) fn new(first: Vec<T>, later: Option<Receiver<Vec<T>>>) -> Self {
        let ready = if first.is_empty() { VecDeque::new() } else { [first].into() };
        Self { ready, later }
    }
}

impl<D, T: Send + Sync + Unpin + 'static> StreamProducer<D> for Batches<T> {
    type Item = T;
    type Buffer = VecBuffer<T>;

    fn poll_produce<'a>(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        store: StoreContextMut<'a, D>,
        mut destination: Destination<'a, T, VecBuffer<T>>,
        finish: bool,
    ) -> Poll<wasmtime::Result<StreamResult>> {
        if destination.remaining(store) == Some(0) {
            return Poll::Ready(Ok(StreamResult::Completed));
        }
        if let Some(batch) = self.ready.pop_front() {
            destination.set_buffer(batch.into());
            return Poll::Ready(Ok(StreamResult::Completed));
        }
        let Some(later) = &mut self.later else { return Poll::Ready(Ok(StreamResult::Dropped)) };
        match later.poll_recv(cx) {
            Poll::Ready(Some(batch)) => {
                destination.set_buffer(batch.into());
                Poll::Ready(Ok(StreamResult::Completed))
            }
            Poll::Ready(None) => Poll::Ready(Ok(StreamResult::Dropped)),
            Poll::Pending if finish => Poll::Ready(Ok(StreamResult::Cancelled)),
            Poll::Pending => Poll::Pending,
        }
    }
}
