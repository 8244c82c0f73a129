//! One stream to ElevenLabs: a task between a socket and two channels.

mod context;

use std::collections::HashMap;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};
use tokio_tungstenite::tungstenite::Message;

use self::context::Context;
use super::{Chunk, Decoder, Received, Requests};
use crate::transport::{Frame, Socket, deliver};
use crate::{Error, Kind, Stage, TtsCommand, TtsEvent};

/// Contexts that the vendor bears on one socket; at the next it closes the socket.
const MAX_CONTEXTS: usize = 5;

/// Messages in a row that make no sense before the stream is given up.
const MAX_GARBAGE: u32 = 8;

/// The session's own deadlines.
#[derive(Debug, Clone, Copy)]
pub(super) struct Timing {
    /// Silence on our side, of a context or the socket, after which a keep-alive goes out.
    pub(super) keep_alive: Duration,
    /// Longest silence of a context whose text is complete.
    pub(super) stall: Duration,
}

/// Runs the stream to its end and reports how it ended. `pace` is the audio's bytes per second.
pub(super) async fn run<S: AsyncRead + AsyncWrite + Unpin>(
    socket: Socket<S>,
    requests: Requests,
    pace: u32,
    timing: Timing,
    commands: mpsc::Receiver<TtsCommand>,
    events: mpsc::Sender<TtsEvent>,
) {
    let vendor = socket.vendor();
    let mut session = Session {
        socket,
        requests,
        pace,
        timing,
        events,
        contexts: HashMap::new(),
        leaving: HashMap::new(),
        last_sent: Instant::now(),
        garbage: 0,
    };
    let last = match session.drive(commands).await {
        Ok(()) => TtsEvent::Closed,
        Err(error) => TtsEvent::Failed { context: None, error },
    };
    session.socket.close().await;
    // A reader that left does not want to know.
    let _ = deliver(vendor, &session.events, last).await;
}

struct Session<S> {
    socket: Socket<S>,
    requests: Requests,
    pace: u32,
    timing: Timing,
    events: mpsc::Sender<TtsEvent>,
    /// Contexts that may still be heard.
    contexts: HashMap<String, Context>,
    /// Contexts that were closed unheard, and when. The vendor counts them until it says that they are over.
    leaving: HashMap<String, Instant>,
    last_sent: Instant,
    garbage: u32,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Session<S> {
    async fn drive(&mut self, mut commands: mpsc::Receiver<TtsCommand>) -> Result<(), Error> {
        loop {
            let deadline = self.next_deadline();
            tokio::select! {
                command = commands.recv() => match command {
                    Some(TtsCommand::Speak { context, text, last }) => self.speak(context, &text, last).await?,
                    Some(TtsCommand::Cancel { context }) => self.cancel(&context).await?,
                    None => return self.send(self.requests.close_socket()).await,
                },
                frame = self.socket.next() => match frame? {
                    Frame::Text(text) => self.message(&text).await?,
                    Frame::Close(error) => return Err(Decoder.closed(&error)),
                    Frame::Other => {}
                },
                () = sleep_until(deadline) => self.deadlines().await?,
            }
        }
    }

    async fn speak(&mut self, name: String, text: &str, last: bool) -> Result<(), Error> {
        let refused = |code| Error::new(super::NAME, Stage::Send, Kind::Rejected).with_code(code);
        if self.contexts.get(&name).is_some_and(Context::is_complete) {
            return self.fail(name, refused("text_after_the_last")).await;
        }
        if !self.contexts.contains_key(&name) {
            if text.trim().is_empty() {
                // Nothing was ever said in this context: the vendor does not know it.
                return if last { self.deliver(TtsEvent::Done { context: name }).await } else { Ok(()) };
            }
            if self.contexts.len() + self.leaving.len() >= MAX_CONTEXTS {
                let busy = Error::new(super::NAME, Stage::Send, Kind::RateLimited { retry_after: None });
                return self.fail(name, busy.with_code("too_many_contexts")).await;
            }
            self.contexts.insert(name.clone(), Context::new(Instant::now()));
            self.send(self.requests.open(&name)).await?;
        }
        let Some(context) = self.contexts.get_mut(&name) else { return Ok(()) };
        let ready = context.say(text, last, Instant::now());
        if last {
            self.send(self.requests.flush(&name, ready.as_deref())).await?;
            return self.send(self.requests.close(&name)).await;
        }
        match ready {
            Some(ready) => self.send(self.requests.speak(&name, &ready)).await,
            None => Ok(()),
        }
    }

    async fn cancel(&mut self, name: &str) -> Result<(), Error> {
        match self.contexts.remove(name) {
            Some(context) => self.leave(name, &context).await,
            None => Ok(()),
        }
    }

    /// Closes a context that is not heard any more.
    async fn leave(&mut self, name: &str, context: &Context) -> Result<(), Error> {
        self.leaving.insert(name.to_owned(), Instant::now());
        if context.is_complete() {
            // It was closed with its last text.
            return Ok(());
        }
        self.send(self.requests.close(name)).await
    }

    async fn message(&mut self, text: &str) -> Result<(), Error> {
        let received = match Decoder.decode(text) {
            Ok(received) => received,
            Err(error) => {
                self.garbage += 1;
                tracing::debug!(%error, count = self.garbage, "message not understood");
                return if self.garbage < MAX_GARBAGE { Ok(()) } else { Err(error) };
            }
        };
        self.garbage = 0;
        match received {
            Received::Chunk(chunk) => self.chunk(chunk).await,
            Received::Failed { context: Some(context), error } => {
                self.leaving.remove(&context);
                if self.contexts.contains_key(&context) { self.fail(context, error).await } else { Ok(()) }
            }
            Received::Failed { context: None, error } => Err(error),
            Received::Other => Ok(()),
        }
    }

    async fn chunk(&mut self, chunk: Chunk) -> Result<(), Error> {
        let Chunk { context: name, payload, characters, last } = chunk;
        let Some(context) = self.contexts.get_mut(&name) else {
            if last {
                self.leaving.remove(&name);
            }
            return Ok(());
        };
        let mut words = context.hear(payload.len(), characters, self.pace, Instant::now());
        let complete = context.is_complete();
        if last {
            words.extend(context.last_word());
            self.contexts.remove(&name);
        }
        if !payload.is_empty() {
            self.deliver(TtsEvent::Audio { context: name.clone(), payload }).await?;
        }
        if !words.is_empty() {
            self.deliver(TtsEvent::Words { context: name.clone(), words }).await?;
        }
        match (last, complete) {
            (false, _) => Ok(()),
            (true, true) => self.deliver(TtsEvent::Done { context: name }).await,
            (true, false) => {
                let error = Error::new(super::NAME, Stage::Receive, Kind::Unavailable);
                self.fail(name, error.with_code("context_closed_early")).await
            }
        }
    }

    fn next_deadline(&self) -> Instant {
        let contexts = self.contexts.values().map(|context| context.deadline(&self.timing));
        let leaving = self.leaving.values().map(|since| *since + self.timing.stall);
        let silence = self.last_sent + self.timing.keep_alive;
        contexts.chain(leaving).fold(silence, Instant::min)
    }

    /// Acts on the deadlines that have passed.
    async fn deadlines(&mut self) -> Result<(), Error> {
        let now = Instant::now();
        let stall = self.timing.stall;
        self.leaving.retain(|_, since| *since + stall > now);
        let due: Vec<(String, bool)> = self
            .contexts
            .iter()
            .filter(|(_, context)| context.deadline(&self.timing) <= now)
            .map(|(name, context)| (name.clone(), context.is_complete()))
            .collect();
        for (name, complete) in due {
            if complete {
                self.fail(name, Error::new(super::NAME, Stage::Receive, Kind::Timeout)).await?;
            } else {
                if let Some(context) = self.contexts.get_mut(&name) {
                    context.touch(now);
                }
                self.send(self.requests.keep_alive(Some(&name))).await?;
            }
        }
        if self.last_sent + self.timing.keep_alive <= now {
            self.send(self.requests.keep_alive(None)).await?;
        }
        Ok(())
    }

    /// Reports the failure of a context, and hears no more of it.
    async fn fail(&mut self, name: String, error: Error) -> Result<(), Error> {
        if let Some(context) = self.contexts.remove(&name) {
            self.leave(&name, &context).await?;
        }
        self.deliver(TtsEvent::Failed { context: Some(name), error }).await
    }

    async fn send(&mut self, request: Result<String, Error>) -> Result<(), Error> {
        self.last_sent = Instant::now();
        self.socket.send(Message::text(request?)).await
    }

    async fn deliver(&self, event: TtsEvent) -> Result<(), Error> {
        deliver(self.socket.vendor(), &self.events, event).await
    }
}

#[cfg(test)]
mod tests;
