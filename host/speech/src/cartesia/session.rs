//! One stream to Cartesia: a task between a socket and two channels.

use std::collections::HashMap;
use std::pin::pin;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};
use tokio_tungstenite::tungstenite::Message;

use super::{Decoder, Received, Requests};
use crate::transport::{Frame, Socket, deliver};
use crate::{Error, Kind, Stage, TtsCommand, TtsEvent};

/// Contexts that may be open at once. A call has one or two.
const MAX_CONTEXTS: usize = 32;

/// Messages in a row that make no sense before the stream is given up.
const MAX_GARBAGE: u32 = 8;

/// Runs the stream to its end and reports how it ended.
pub(super) async fn run<S: AsyncRead + AsyncWrite + Unpin>(
    socket: Socket<S>,
    requests: Requests,
    stall: Duration,
    commands: mpsc::Receiver<TtsCommand>,
    events: mpsc::Sender<TtsEvent>,
) {
    let vendor = socket.vendor();
    let mut session = Session { socket, requests, stall, events, contexts: HashMap::new(), garbage: 0 };
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
    stall: Duration,
    events: mpsc::Sender<TtsEvent>,
    /// Contexts that may still be heard. A cancelled one is removed at once, and what still comes of it is dropped,
    /// because Cartesia finishes what it has begun to generate.
    contexts: HashMap<String, Context>,
    garbage: u32,
}

struct Context {
    /// Whether all text was sent: from then on silence is the vendor's fault.
    complete: bool,
    last_sign: Instant,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Session<S> {
    async fn drive(&mut self, mut commands: mpsc::Receiver<TtsCommand>) -> Result<(), Error> {
        let mut timer = pin!(sleep_until(Instant::now() + self.stall));
        loop {
            tokio::select! {
                command = commands.recv() => match command {
                    Some(TtsCommand::Speak { context, text, last }) => self.speak(context, &text, last).await?,
                    Some(TtsCommand::Cancel { context }) => self.cancel(&context).await?,
                    None => return Ok(()),
                },
                frame = self.socket.next() => match frame? {
                    Frame::Text(text) => self.message(&text).await?,
                    Frame::Close(error) => return Err(error),
                    Frame::Other => {}
                },
                () = timer.as_mut() => {
                    self.fail_stalled().await?;
                    timer.as_mut().reset(Instant::now() + self.stall / 2);
                }
            }
        }
    }

    async fn speak(&mut self, context: String, text: &str, last: bool) -> Result<(), Error> {
        let refused = |code| Error::new(super::NAME, Stage::Send, Kind::Rejected).with_code(code);
        let known = self.contexts.get(&context);
        if known.is_some_and(|known| known.complete) {
            return self.fail(context, refused("text_after_the_last")).await;
        }
        if known.is_none() && self.contexts.len() >= MAX_CONTEXTS {
            return self.fail(context, refused("too_many_contexts")).await;
        }
        if text.is_empty() && known.is_none() && last {
            // Nothing was ever said in this context: the vendor does not know it.
            return self.deliver(TtsEvent::Done { context }).await;
        }
        if text.is_empty() && !last {
            return Ok(());
        }
        let request = self.requests.speak(&context, text, last)?;
        self.contexts.insert(context, Context { complete: last, last_sign: Instant::now() });
        self.socket.send(Message::text(request)).await
    }

    async fn cancel(&mut self, context: &str) -> Result<(), Error> {
        if self.contexts.remove(context).is_none() {
            return Ok(());
        }
        let request = self.requests.cancel(context)?;
        self.socket.send(Message::text(request)).await
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
            Received::Audio { context, payload } if self.is_heard(&context) => {
                if payload.is_empty() {
                    return Ok(());
                }
                self.deliver(TtsEvent::Audio { context, payload }).await
            }
            Received::Words { context, words } if self.is_heard(&context) => {
                self.deliver(TtsEvent::Words { context, words }).await
            }
            Received::Done { context } if self.contexts.remove(&context).is_some() => {
                self.deliver(TtsEvent::Done { context }).await
            }
            Received::Failed { context: Some(context), error } => {
                if self.contexts.contains_key(&context) {
                    self.fail(context, error).await
                } else {
                    Ok(())
                }
            }
            Received::Failed { context: None, error } => Err(error),
            _ => Ok(()),
        }
    }

    fn is_heard(&mut self, context: &str) -> bool {
        match self.contexts.get_mut(context) {
            Some(context) => {
                context.last_sign = Instant::now();
                true
            }
            None => false,
        }
    }

    async fn fail_stalled(&mut self) -> Result<(), Error> {
        let now = Instant::now();
        let stalled: Vec<String> = self
            .contexts
            .iter()
            .filter(|(_, context)| context.complete && context.last_sign + self.stall <= now)
            .map(|(name, _)| name.clone())
            .collect();
        for context in stalled {
            let request = self.requests.cancel(&context)?;
            self.socket.send(Message::text(request)).await?;
            self.fail(context, Error::new(super::NAME, Stage::Receive, Kind::Timeout)).await?;
        }
        Ok(())
    }

    async fn fail(&mut self, context: String, error: Error) -> Result<(), Error> {
        self.contexts.remove(&context);
        self.deliver(TtsEvent::Failed { context: Some(context), error }).await
    }

    async fn deliver(&self, event: TtsEvent) -> Result<(), Error> {
        deliver(self.socket.vendor(), &self.events, event).await
    }
}

#[cfg(test)]
mod tests {
    use futures::{SinkExt, StreamExt};
    use tokio::io::DuplexStream;
    use tokio_tungstenite::WebSocketStream;
    use tokio_tungstenite::tungstenite::protocol::Role;

    use super::*;
    use crate::cartesia::Config;
    use crate::{Secret, TtsOptions};

    const STALL: Duration = Duration::from_secs(10);

    #[tokio::test(start_paused = true)]
    async fn a_context_with_all_its_text_that_stays_silent_fails_and_the_stream_lives() {
        let mut ends = Ends::open().await;
        ends.speak("slow", "Hello.", true).await;
        let begin = Instant::now();
        let Some(TtsEvent::Failed { context, error }) = ends.events.recv().await else { panic!("a failure") };
        assert_eq!(context.as_deref(), Some("slow"));
        assert_eq!(error.kind(), &Kind::Timeout);
        assert!(begin.elapsed() >= STALL && begin.elapsed() <= 2 * STALL, "{:?}", begin.elapsed());
        assert_eq!(ends.received().await["cancel"], true);

        ends.speak("next", "Hello again.", true).await;
        ends.server.send(Message::text(r#"{"type":"done","done":true,"context_id":"next"}"#)).await.unwrap();
        assert_eq!(ends.events.recv().await, Some(TtsEvent::Done { context: "next".into() }));
    }

    #[tokio::test(start_paused = true)]
    async fn a_context_that_waits_for_more_text_may_be_silent() {
        let mut ends = Ends::open().await;
        ends.speak("c", "Let me see. ", false).await;
        tokio::time::sleep(10 * STALL).await;
        assert!(ends.events.try_recv().is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_without_a_word_is_done_without_the_vendor() {
        let mut ends = Ends::open().await;
        let empty = TtsCommand::Speak { context: "c".into(), text: String::new(), last: true };
        ends.commands.send(empty).await.unwrap();
        assert_eq!(ends.events.recv().await, Some(TtsEvent::Done { context: "c".into() }));
    }

    #[tokio::test(start_paused = true)]
    async fn text_after_the_last_fails_its_context_only() {
        let mut ends = Ends::open().await;
        ends.speak("c", "One.", true).await;
        let more = TtsCommand::Speak { context: "c".into(), text: "Two.".into(), last: true };
        ends.commands.send(more).await.unwrap();
        let Some(TtsEvent::Failed { context, error }) = ends.events.recv().await else { panic!("a failure") };
        assert_eq!(context.as_deref(), Some("c"));
        assert_eq!(error.code(), Some("text_after_the_last"));
    }

    struct Ends {
        server: WebSocketStream<DuplexStream>,
        commands: mpsc::Sender<TtsCommand>,
        events: mpsc::Receiver<TtsEvent>,
    }

    impl Ends {
        async fn open() -> Self {
            let (near, far) = tokio::io::duplex(16 * 1024);
            let server = WebSocketStream::from_raw_socket(far, Role::Server, None).await;
            let socket = Socket::from_stream(near, "cartesia", Duration::from_secs(5)).await;
            let requests =
                Requests::new(&Config::new(Secret::new("k"), "v").unwrap(), &TtsOptions::default());
            let (commands, command_receiver) = mpsc::channel(8);
            let (event_sender, events) = mpsc::channel(8);
            tokio::spawn(run(socket, requests, STALL, command_receiver, event_sender));
            Self { server, commands, events }
        }

        async fn speak(&mut self, context: &str, text: &str, last: bool) {
            let command = TtsCommand::Speak { context: context.into(), text: text.into(), last };
            self.commands.send(command).await.unwrap();
            assert_eq!(self.received().await["transcript"], text);
        }

        async fn received(&mut self) -> serde_json::Value {
            serde_json::from_str(self.server.next().await.unwrap().unwrap().to_text().unwrap()).unwrap()
        }
    }
}
