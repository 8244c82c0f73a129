//! What guests print, as log lines.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use bytes::Bytes;
use tokio::io::AsyncWrite;
use wasmtime_wasi::cli::{IsTerminal, StdoutStream};
use wasmtime_wasi::p2::{OutputStream, Pollable, StreamResult};

/// Bytes of one line that are logged; the rest of the line is dropped.
const MAX_LINE: usize = 8 << 10;
/// Lines that one instance may log, so that a flood of output does not become a flood of logs.
const MAX_LINES: usize = 1000;
/// What a guest may write in one call (the usual permit of a WASI stream).
const PERMIT: usize = 64 << 10;

/// Which of the two output streams.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Kind {
    Stdout,
    Stderr,
}

/// One output stream of one instance. Clones write to the same stream.
#[derive(Clone)]
pub(crate) struct Output(Arc<Mutex<Lines>>);

impl Output {
    pub(crate) fn new(component: Arc<str>, kind: Kind) -> Self {
        Self(Arc::new(Mutex::new(Lines { splitter: Splitter::default(), component, kind })))
    }

    fn push(&self, bytes: &[u8]) {
        let mut guard = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let lines = &mut *guard;
        let (component, kind) = (&lines.component, lines.kind);
        lines.splitter.push(bytes, |line| log(component, kind, line));
    }
}

struct Lines {
    splitter: Splitter,
    component: Arc<str>,
    kind: Kind,
}

/// A last line without an end is logged when the instance is gone.
impl Drop for Lines {
    fn drop(&mut self) {
        let (component, kind) = (&self.component, self.kind);
        self.splitter.finish(|line| log(component, kind, line));
    }
}

fn log(component: &str, kind: Kind, line: &str) {
    match kind {
        Kind::Stdout => tracing::info!(target: "edge::guest", component, "{line}"),
        Kind::Stderr => tracing::warn!(target: "edge::guest", component, "{line}"),
    }
}

#[derive(Default)]
struct Splitter {
    line: Vec<u8>,
    cut: bool,
    count: usize,
}

impl Splitter {
    fn push(&mut self, bytes: &[u8], mut emit: impl FnMut(&str)) {
        let mut pieces = bytes.split(|byte| *byte == b'\n').peekable();
        while let Some(piece) = pieces.next() {
            let room = MAX_LINE.saturating_sub(self.line.len());
            self.cut |= piece.len() > room;
            self.line.extend(piece.iter().take(room));
            if pieces.peek().is_some() {
                self.emit(&mut emit);
            }
        }
    }

    fn finish(&mut self, mut emit: impl FnMut(&str)) {
        if !self.line.is_empty() {
            self.emit(&mut emit);
        }
    }

    fn emit(&mut self, emit: &mut impl FnMut(&str)) {
        let line = std::mem::take(&mut self.line);
        let cut = std::mem::take(&mut self.cut);
        self.count += 1;
        if self.count > MAX_LINES + 1 {
            return;
        }
        if self.count > MAX_LINES {
            emit("(more output of this instance is not logged)");
            return;
        }
        let text = String::from_utf8_lossy(&line);
        let text = text.trim_end_matches('\r');
        match cut {
            true => emit(&format!("{text} (line cut)")),
            false => emit(text),
        }
    }
}

impl IsTerminal for Output {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdoutStream for Output {
    fn async_stream(&self) -> Box<dyn AsyncWrite + Send + Sync> {
        Box::new(self.clone())
    }

    fn p2_stream(&self) -> Box<dyn OutputStream> {
        Box::new(self.clone())
    }
}

impl AsyncWrite for Output {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.push(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

impl OutputStream for Output {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        self.push(&bytes);
        Ok(())
    }

    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        Ok(PERMIT)
    }
}

impl Pollable for Output {
    fn ready<'life0, 'async_trait>(
        &'life0 mut self,
    ) -> Pin<Box<dyn Future<Output = ()> + Send + 'async_trait>>
    where
        'life0: 'async_trait,
        Self: 'async_trait,
    {
        Box::pin(std::future::ready(()))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn output_is_split_at_line_ends_wherever_the_writes_fall() {
        assert_eq!(lines(&["one\ntw", "o\r\n", "\nthree"]), ["one", "two", "", "three"]);
    }

    #[test]
    fn a_long_line_is_cut_and_the_next_one_is_whole() {
        let long = "x".repeat(MAX_LINE + 100);

        let found = lines(&[&long, &long, "\nnext\n"]);

        assert_eq!(found[0].len(), MAX_LINE + " (line cut)".len());
        assert!(found[0].ends_with("x (line cut)"));
        assert_eq!(found[1], "next");
    }

    #[test]
    fn a_flood_of_lines_ends_with_one_notice() {
        let flood = "line\n".repeat(MAX_LINES + 50);

        let found = lines(&[&flood]);

        assert_eq!(found.len(), MAX_LINES + 1);
        assert!(found.last().unwrap().contains("not logged"));
    }

    #[test]
    fn bytes_that_are_not_utf8_do_not_end_the_output() {
        let mut splitter = Splitter::default();
        let mut found = Vec::new();

        splitter.push(b"a\xff\nb\n", |line| found.push(line.to_owned()));

        assert_eq!(found, ["a\u{fffd}", "b"]);
    }

    proptest! {
        #[test]
        fn lines_do_not_depend_on_how_the_output_is_written(text in "[a-c\n]{0,60}", cut in any::<prop::sample::Index>()) {
            let (one, other) = text.split_at(cut.index(text.len() + 1));

            prop_assert_eq!(lines(&[&text]), lines(&[one, other]));
            prop_assert_eq!(lines(&[&text]), text.lines().map(str::to_owned).collect::<Vec<_>>());
        }
    }

    fn lines(writes: &[&str]) -> Vec<String> {
        let mut splitter = Splitter::default();
        let mut found = Vec::new();
        for write in writes {
            splitter.push(write.as_bytes(), |line| found.push(line.to_owned()));
        }
        splitter.finish(|line| found.push(line.to_owned()));
        found
    }
}
