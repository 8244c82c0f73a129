//! One WebSocket of the recogniser.

use std::time::Duration;

use axum::extract::ws::{CloseFrame, Message, WebSocket};
use serde_json::{Value, json};
use tokio::time::Instant;
use uuid::Uuid;

use super::query::Options;
use super::transcript::Recognition;
use crate::server::{House, Schedule};
use crate::vendors::outbox::Outbox;

/// Without audio or KeepAlive for this long, the service closes the stream.
const IDLE: Duration = Duration::from_secs(10);

/// WebSocket close codes.
const NORMAL: u16 = 1000;
const POLICY: u16 = 1008;
const INTERNAL: u16 = 1011;

/// What a client's message leads to.
enum Then {
    Continue,
    Close(u16, &'static str),
    Gone,
}

pub(super) async fn run(
    mut socket: WebSocket,
    options: Options,
    request_id: Uuid,
    latency: Duration,
    schedule: Schedule,
    mut house: House,
) {
    let _open = house.counters.open();
    let broken = schedule.broken();
    tokio::pin!(broken);
    let mut session = Session {
        recognition: Recognition::new(options, request_id),
        outbox: Outbox::new(schedule),
        latency,
    };
    let mut idle_at = Instant::now() + IDLE;
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
                idle_at = Instant::now() + IDLE;
                session.handle(message, &house)
            }
        };
        match then {
            Then::Continue => {}
            Then::Gone => return,
            Then::Close(code, reason) => return session.close(&mut socket, code, reason).await,
        }
    }
}

struct Session {
    recognition: Recognition,
    outbox: Outbox,
    latency: Duration,
}

impl Session {
    fn handle(&mut self, message: Option<Result<Message, axum::Error>>, house: &House) -> Then {
        match message {
            None | Some(Err(_) | Ok(Message::Close(_))) => Then::Gone,
            Some(Ok(Message::Binary(audio))) if audio.is_empty() => Then::Close(NORMAL, ""),
            Some(Ok(Message::Binary(audio))) => {
                let (messages, words) = self.recognition.hear(&audio);
                (0..words).for_each(|_| house.counters.count_work());
                self.send(&messages)
            }
            Some(Ok(Message::Text(text))) => self.control(&text),
            Some(Ok(Message::Ping(_) | Message::Pong(_))) => Then::Continue,
        }
    }

    fn control(&mut self, text: &str) -> Then {
        let kind = serde_json::from_str::<Value>(text)
            .ok()
            .and_then(|value| Some(value.get("type")?.as_str()?.to_owned()));
        match kind.as_deref() {
            Some("KeepAlive") => Then::Continue,
            Some("Finalize") => {
                let result = self.recognition.finalize(true);
                self.send(result.as_slice())
            }
            Some("CloseStream") => Then::Close(NORMAL, ""),
            _ => {
                let error = json!({
                    "type": "Error",
                    "variant": "SchemaError",
                    "description": "Could not deserialize last text message.",
                    "message": text,
                });
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

    async fn close(mut self, socket: &mut WebSocket, code: u16, reason: &'static str) {
        if code == NORMAL {
            let last = self.recognition.close();
            let _sent = self.send(&last);
        }
        for message in self.outbox.drain() {
            if socket.send(message).await.is_err() {
                return;
            }
        }
        // The client may be gone already.
        let _told = socket.send(Message::Close(Some(CloseFrame { code, reason: reason.into() }))).await;
    }
}
