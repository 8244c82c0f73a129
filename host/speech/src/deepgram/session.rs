//! One stream to Deepgram, of either version: a task between a socket and two channels.

use std::pin::pin;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};
use tokio_tungstenite::tungstenite::Message;

use crate::transport::{Frame, Socket, deliver};
use crate::{CHANNEL_CAPACITY, Error, Kind, Stage, SttCommand, SttEvent, SttSession};

/// Messages in a row that make no sense before the stream is given up.
const MAX_GARBAGE: u32 = 8;

const CLOSE_STREAM: &str = r#"{"type":"CloseStream"}"#;

/// Where the versions of the protocol differ.
pub(super) trait Dialect: Send + 'static {
    /// Reads one text frame: the events to pass on, in order.
    fn read(&mut self, text: &str) -> Result<Vec<SttEvent>, Error>;

    /// What keeps a silent stream open.
    fn keep_alive(&self) -> Message;

    /// The request for a final of all audio so far, where the protocol has one.
    fn finalize(&self) -> Option<Message>;
}

/// The session's own deadlines.
pub(super) struct Timing {
    /// Silence on our side after which a keep-alive goes out.
    pub(super) keep_alive: Duration,
    /// Longest wait for the answer to a finalize.
    pub(super) finalize: Duration,
    /// Longest wait for the vendor's goodbye.
    pub(super) close: Duration,
    /// How long audio may flow without a word from the vendor, where it speaks all the time.
    pub(super) stall: Option<Duration>,
}

/// Starts the stream's task.
pub(super) fn start<S: AsyncRead + AsyncWrite + Unpin + Send + 'static>(
    socket: Socket<S>,
    dialect: impl Dialect,
    timing: Timing,
) -> SttSession {
    let (commands, command_receiver) = mpsc::channel(CHANNEL_CAPACITY);
    let (event_sender, events) = mpsc::channel(CHANNEL_CAPACITY);
    tokio::spawn(run(socket, dialect, timing, command_receiver, event_sender));
    SttSession { commands, events }
}

/// Runs the stream to its end and reports how it ended.
async fn run<S: AsyncRead + AsyncWrite + Unpin, D: Dialect>(
    socket: Socket<S>,
    dialect: D,
    timing: Timing,
    commands: mpsc::Receiver<SttCommand>,
    events: mpsc::Sender<SttEvent>,
) {
    let vendor = socket.vendor();
    let mut session = Session {
        socket,
        timing,
        events,
        dialect,
        last_sent: Instant::now(),
        finalize_due: None,
        close_due: None,
        unanswered: None,
        garbage: 0,
    };
    let last = match session.drive(commands).await {
        Ok(()) => SttEvent::Closed,
        Err(error) => SttEvent::Failed(error),
    };
    session.socket.close().await;
    // A reader that left does not want to know.
    let _ = deliver(vendor, &session.events, last).await;
}

struct Session<S, D> {
    socket: Socket<S>,
    dialect: D,
    timing: Timing,
    events: mpsc::Sender<SttEvent>,
    last_sent: Instant,
    finalize_due: Option<Instant>,
    close_due: Option<Instant>,
    /// The first and the last audio that went out since the vendor last spoke.
    unanswered: Option<(Instant, Instant)>,
    garbage: u32,
}

impl<S: AsyncRead + AsyncWrite + Unpin, D: Dialect> Session<S, D> {
    async fn drive(&mut self, mut commands: mpsc::Receiver<SttCommand>) -> Result<(), Error> {
        // One timer for all deadlines, moved only when one comes nearer: audio goes out fifty times a second.
        let mut timer = pin!(sleep_until(self.next_deadline()));
        loop {
            tokio::select! {
                command = commands.recv(), if self.close_due.is_none() => {
                    self.command(command.unwrap_or(SttCommand::Close)).await?;
                    let next = self.next_deadline();
                    if next < timer.deadline() {
                        timer.as_mut().reset(next);
                    }
                }
                frame = self.socket.next() => match frame {
                    Ok(Frame::Text(text)) => self.message(&text).await?,
                    Ok(Frame::Close(_)) if self.close_due.is_some() => return Ok(()),
                    Ok(Frame::Close(error)) => return Err(error),
                    Ok(Frame::Other) => {}
                    Err(_) if self.close_due.is_some() => return Ok(()),
                    Err(error) => return Err(error),
                },
                () = timer.as_mut() => {
                    if self.deadlines().await? {
                        return Ok(());
                    }
                    timer.as_mut().reset(self.next_deadline());
                }
            }
        }
    }

    async fn command(&mut self, command: SttCommand) -> Result<(), Error> {
        let now = Instant::now();
        let message = match command {
            // Deepgram takes an empty binary frame for the end of the stream.
            SttCommand::Audio(audio) if audio.is_empty() => return Ok(()),
            SttCommand::Audio(audio) => {
                let first = self.unanswered.map_or(now, |(first, _)| first);
                self.unanswered = Some((first, now));
                Message::Binary(audio)
            }
            SttCommand::Finalize => {
                let Some(request) = self.dialect.finalize() else { return Ok(()) };
                self.finalize_due.get_or_insert(now + self.timing.finalize);
                request
            }
            SttCommand::Close => {
                self.close_due = Some(now + self.timing.close);
                Message::text(CLOSE_STREAM)
            }
        };
        self.last_sent = now;
        self.socket.send(message).await
    }

    async fn message(&mut self, text: &str) -> Result<(), Error> {
        self.unanswered = None;
        let events = match self.dialect.read(text) {
            Ok(events) => events,
            Err(error) => {
                self.garbage += 1;
                tracing::debug!(%error, count = self.garbage, "message not understood");
                return if self.garbage < MAX_GARBAGE { Ok(()) } else { Err(error) };
            }
        };
        self.garbage = 0;
        for event in events {
            match event {
                SttEvent::Failed(error) => return Err(error),
                SttEvent::Final { from_finalize: true, .. } => self.finalize_due = None,
                _ => {}
            }
            deliver(self.socket.vendor(), &self.events, event).await?;
        }
        Ok(())
    }

    fn next_deadline(&self) -> Instant {
        let regular = self.close_due.unwrap_or(self.last_sent + self.timing.keep_alive);
        [self.finalize_due, self.stalled_at()].into_iter().flatten().fold(regular, Instant::min)
    }

    /// When the vendor has been silent for too long.
    fn stalled_at(&self) -> Option<Instant> {
        let (first, _) = self.unanswered?;
        Some(first + self.timing.stall?)
    }

    /// Whether audio flowed all the while; a frame or two need no answer.
    fn has_flowed(&self) -> bool {
        let Some((first, last)) = self.unanswered else { return false };
        self.timing.stall.is_some_and(|stall| last.duration_since(first) >= stall / 2)
    }

    /// Acts on the deadlines that have passed; true when the stream is over.
    async fn deadlines(&mut self) -> Result<bool, Error> {
        let now = Instant::now();
        if self.finalize_due.is_some_and(|due| due <= now) {
            self.finalize_due = None;
            let nothing = SttEvent::Final {
                text: String::new(),
                speech_final: false,
                from_finalize: true,
                words: Vec::new(),
            };
            deliver(self.socket.vendor(), &self.events, nothing).await?;
        }
        if let Some(due) = self.close_due {
            return Ok(due <= now);
        }
        if self.events.is_closed() {
            return Err(Error::new(self.socket.vendor(), Stage::Receive, Kind::Cancelled));
        }
        if self.stalled_at().is_some_and(|at| at <= now) {
            if self.has_flowed() {
                let error = Error::new(self.socket.vendor(), Stage::Receive, Kind::Timeout);
                return Err(error.with_code("vendor_stalled"));
            }
            self.unanswered = None;
        }
        if self.last_sent + self.timing.keep_alive <= now {
            self.last_sent = now;
            self.socket.send(self.dialect.keep_alive()).await?;
        }
        Ok(false)
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use futures::StreamExt;
    use tokio::io::DuplexStream;
    use tokio_tungstenite::WebSocketStream;
    use tokio_tungstenite::tungstenite::protocol::Role;

    use super::*;
    use crate::deepgram::{Decoder, FINALIZE, KEEP_ALIVE};

    const TIMING: Timing = Timing {
        keep_alive: Duration::from_secs(4),
        finalize: Duration::from_secs(1),
        close: Duration::from_secs(5),
        stall: None,
    };

    #[tokio::test(start_paused = true)]
    async fn silence_on_our_side_is_bridged_every_four_seconds() {
        let mut ends = Ends::open().await;
        let begin = Instant::now();
        for round in 1..=3 {
            assert_eq!(ends.received().await, Message::text(KEEP_ALIVE));
            assert_eq!(begin.elapsed().as_secs(), 4 * round);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn no_keep_alive_goes_out_while_audio_flows_and_empty_audio_never_does() {
        let mut ends = Ends::open().await;
        let commands = ends.commands.clone();
        let caller = tokio::spawn(async move {
            for _ in 0..500 {
                commands.send(SttCommand::Audio(Bytes::new())).await.unwrap();
                commands.send(SttCommand::Audio(Bytes::from_static(&[0xFF; 160]))).await.unwrap();
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        });
        for _ in 0..500 {
            assert_eq!(ends.received().await, Message::Binary(Bytes::from_static(&[0xFF; 160])));
        }
        caller.await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn a_finalize_without_an_answer_is_answered_empty_after_a_second() {
        let mut ends = Ends::open().await;
        let begin = Instant::now();
        ends.commands.send(SttCommand::Finalize).await.unwrap();
        assert_eq!(ends.received().await, Message::text(FINALIZE));
        let expected = SttEvent::Final {
            text: String::new(),
            speech_final: false,
            from_finalize: true,
            words: Vec::new(),
        };
        assert_eq!(ends.events.recv().await, Some(expected));
        assert_eq!(begin.elapsed(), Duration::from_secs(1));
    }

    #[tokio::test(start_paused = true)]
    async fn a_vendor_that_always_speaks_and_falls_silent_while_audio_flows_fails_the_stream() {
        let timing = Timing { stall: Some(Duration::from_secs(3)), ..TIMING };
        let mut ends = Ends::with(timing).await;
        // A frame alone asks for nothing.
        ends.commands.send(SttCommand::Audio(Bytes::from_static(&[0xFF; 160]))).await.unwrap();
        ends.received().await;
        assert_eq!(ends.received().await, Message::text(KEEP_ALIVE));
        assert!(ends.events.try_recv().is_err());
        let begin = Instant::now();
        let failed = loop {
            ends.commands.send(SttCommand::Audio(Bytes::from_static(&[0xFF; 160]))).await.unwrap();
            ends.received().await;
            match tokio::time::timeout(Duration::from_millis(20), ends.events.recv()).await {
                Ok(event) => break event,
                Err(_) => continue,
            }
        };
        let Some(SttEvent::Failed(error)) = failed else { panic!("{failed:?}") };
        assert_eq!((error.kind(), error.code()), (&Kind::Timeout, Some("vendor_stalled")));
        assert_eq!(begin.elapsed(), Duration::from_secs(3));
    }

    #[tokio::test(start_paused = true)]
    async fn a_vendor_that_never_says_goodbye_is_left_after_five_seconds() {
        let mut ends = Ends::open().await;
        let begin = Instant::now();
        ends.commands.send(SttCommand::Close).await.unwrap();
        assert_eq!(ends.received().await, Message::text(CLOSE_STREAM));
        assert_eq!(ends.events.recv().await, Some(SttEvent::Closed));
        assert_eq!(begin.elapsed(), Duration::from_secs(5));
    }

    #[tokio::test(start_paused = true)]
    async fn a_vendor_that_stops_reading_fails_the_stream_by_the_write_deadline() {
        let mut ends = Ends::open().await;
        let mut refused = 0;
        let failed = loop {
            if ends.commands.try_send(SttCommand::Audio(Bytes::from_static(&[0xFF; 160]))).is_err() {
                refused += 1;
            }
            match ends.events.try_recv() {
                Ok(event) => break event,
                Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
            }
        };
        let SttEvent::Failed(error) = failed else { panic!("{failed:?}") };
        assert_eq!((error.stage(), error.kind()), (Stage::Send, &Kind::Timeout));
        assert!(refused > 0, "the channel is bounded");
    }

    #[tokio::test(start_paused = true)]
    async fn dropping_the_session_closes_the_stream() {
        let Ends { mut server, commands, events, .. } = Ends::open().await;
        drop((commands, events));
        assert_eq!(server.next().await.unwrap().unwrap(), Message::text(CLOSE_STREAM));
    }

    struct Ends {
        server: WebSocketStream<DuplexStream>,
        commands: mpsc::Sender<SttCommand>,
        events: mpsc::Receiver<SttEvent>,
    }

    impl Ends {
        async fn open() -> Self {
            Self::with(TIMING).await
        }

        async fn with(timing: Timing) -> Self {
            let (near, far) = tokio::io::duplex(16 * 1024);
            let server = WebSocketStream::from_raw_socket(far, Role::Server, None).await;
            let socket = Socket::from_stream(near, "deepgram", Duration::from_secs(5)).await;
            let SttSession { commands, events } = start(socket, Decoder::new(), timing);
            Self { server, commands, events }
        }

        async fn received(&mut self) -> Message {
            self.server.next().await.unwrap().unwrap()
        }
    }
}
