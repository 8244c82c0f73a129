//! One WebSocket of the recogniser, of either version.

use std::time::Duration;

use axum::extract::ws::{CloseFrame, Message, WebSocket};
use serde_json::Value;
use tokio::time::Instant;

use crate::server::{House, Schedule};
use crate::vendors::outbox::Outbox;

/// Where the versions of the protocol differ.
pub(super) trait Engine: Send {
    /// Without a message for this long, the service closes the stream.
    const IDLE: Duration;

    /// The close code of a stream that ended as it should, if it says one.
    const FAREWELL: Option<u16>;

    /// What it says when the stream opens.
    fn greet(&mut self) -> Vec<Value>;

    /// Takes audio and returns the messages that it gives rise to, and how many words were in it.
    fn hear(&mut self, audio: &[u8]) -> (Vec<Value>, usize);

    /// Answers a control message other than `CloseStream`; `None` where the protocol has no such message.
    fn control(&mut self, kind: &str, message: &Value) -> Option<Vec<Value>>;

    /// What it says of a message that it does not understand, before it closes the stream.
    fn complain(&mut self, text: &str) -> Value;

    /// Ends the stream: the last messages.
    fn close(&mut self) -> Vec<Value>;
}

/// WebSocket close codes.
pub(super) const NORMAL: u16 = 1000;
const POLICY: u16 = 1008;
const INTERNAL: u16 = 1011;

/// What a client's message leads to.
enum Then {
    Continue,
    Farewell,
    Close(u16, &'static str),
    Gone,
}

pub(super) async fn run<E: Engine>(
    mut socket: WebSocket,
    engine: E,
    latency: Duration,
    schedule: Schedule,
    mut house: House,
) {
    let _open = house.counters.open();
    let broken = schedule.broken();
    tokio::pin!(broken);
    let mut session = Session { engine, outbox: Outbox::new(schedule), latency };
    for message in session.engine.greet() {
        if !session.outbox.push_json(Duration::ZERO, &message) {
            return;
        }
    }
    let mut idle_at = Instant::now() + E::IDLE;
    loop {
        let then = tokio::select! {
            () = house.stopped() => return,
            () = &mut broken => return,
            () = tokio::time::sleep_until(idle_at) => Then::Close(INTERNAL, "NET-0001"),
            message = session.outbox.next() => match socket.send(message).await {
                Ok(()) => Then::Continue,
                Err(_) => Then::Gone,
            },
            message = socket.recv() => {
                idle_at = Instant::now() + E::IDLE;
                session.handle(message, &house)
            }
        };
        match then {
            Then::Continue => {}
            Then::Gone => return,
            Then::Farewell => return session.farewell(&mut socket).await,
            Then::Close(code, reason) => return session.close(&mut socket, code, reason).await,
        }
    }
}

struct Session<E> {
    engine: E,
    outbox: Outbox,
    latency: Duration,
}

impl<E: Engine> Session<E> {
    fn handle(&mut self, message: Option<Result<Message, axum::Error>>, house: &House) -> Then {
        match message {
            None | Some(Err(_) | Ok(Message::Close(_))) => Then::Gone,
            Some(Ok(Message::Binary(audio))) if audio.is_empty() => Then::Farewell,
            Some(Ok(Message::Binary(audio))) => {
                let (messages, words) = self.engine.hear(&audio);
                (0..words).for_each(|_| house.counters.count_work());
                self.send(&messages)
            }
            Some(Ok(Message::Text(text))) => self.control(&text),
            Some(Ok(Message::Ping(_) | Message::Pong(_))) => Then::Continue,
        }
    }

    fn control(&mut self, text: &str) -> Then {
        let message: Value = serde_json::from_str(text).unwrap_or_default();
        let kind = message.get("type").and_then(Value::as_str).unwrap_or_default();
        if kind == "CloseStream" {
            return Then::Farewell;
        }
        match self.engine.control(kind, &message) {
            Some(answers) => self.send(&answers),
            None => {
                let error = self.engine.complain(text);
                let _sent = self.send(&[error]);
                Then::Close(POLICY, "DATA-0000")
            }
        }
    }

    fn send(&mut self, messages: &[Value]) -> Then {
        for message in messages {
            if !self.outbox.push_json(self.latency, message) {
                return Then::Gone;
            }
        }
        Then::Continue
    }

    async fn farewell(mut self, socket: &mut WebSocket) {
        let last = self.engine.close();
        let _sent = self.send(&last);
        let frame = E::FAREWELL.map(|code| CloseFrame { code, reason: "".into() });
        self.leave(socket, frame).await;
    }

    async fn close(self, socket: &mut WebSocket, code: u16, reason: &'static str) {
        self.leave(socket, Some(CloseFrame { code, reason: reason.into() })).await;
    }

    async fn leave(mut self, socket: &mut WebSocket, frame: Option<CloseFrame>) {
        for message in self.outbox.drain() {
            if socket.send(message).await.is_err() {
                return;
            }
        }
        // The client may be gone already.
        let _told = socket.send(Message::Close(frame)).await;
    }
}
