//! One WebSocket of the synthesiser: many contexts, each in its own order.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use axum::extract::ws::{Message, WebSocket};
use serde_json::Value;
use tokio::time::Instant;

use super::context::Context;
use super::request::{self, Speak};
use super::{Config, error};
use crate::server::{House, Schedule};
use crate::vendors::outbox::Outbox;

/// How many closed contexts are remembered, to refuse more text for them.
const REMEMBERED: usize = 256;

/// How many contexts may be open at once.
const MOST_CONTEXTS: usize = 64;

/// The service closes a socket on which nothing happens for this long.
const IDLE: Duration = Duration::from_secs(300);

pub(super) async fn run(mut socket: WebSocket, config: Config, schedule: Schedule, mut house: House) {
    let _open = house.counters.open();
    let broken = schedule.broken();
    tokio::pin!(broken);
    let mut session = Session {
        config,
        contexts: BTreeMap::new(),
        closed: VecDeque::new(),
        outbox: Outbox::new(schedule),
        house: house.clone(),
    };
    let mut idle_at = Instant::now() + IDLE;
    loop {
        let due = session.contexts.values().map(Context::due).min().unwrap_or(idle_at);
        let going_on = tokio::select! {
            () = house.stopped() => return,
            () = &mut broken => return,
            () = tokio::time::sleep_until(due) => due < idle_at && session.advance(),
            message = session.outbox.next() => socket.send(message).await.is_ok(),
            message = socket.recv() => {
                idle_at = Instant::now() + IDLE;
                session.handle(message)
            }
        };
        if !going_on {
            // The client may be gone already.
            let _told = socket.send(Message::Close(None)).await;
            return;
        }
    }
}

struct Session {
    config: Config,
    contexts: BTreeMap<String, Context>,
    closed: VecDeque<String>,
    outbox: Outbox,
    house: House,
}

impl Session {
    /// Lets every context do what is due. False when the socket must close.
    fn advance(&mut self) -> bool {
        let now = Instant::now();
        let due: Vec<String> = self
            .contexts
            .iter()
            .filter(|(_, context)| context.due() <= now)
            .map(|(id, _)| id.clone())
            .collect();
        due.iter().all(|id| self.advance_one(id))
    }

    fn advance_one(&mut self, id: &str) -> bool {
        let Some(context) = self.contexts.get_mut(id) else { return true };
        let (messages, over) = context.advance(&self.config);
        if over {
            self.contexts.remove(id);
            self.closed.push_back(id.to_owned());
            if self.closed.len() > REMEMBERED {
                self.closed.pop_front();
            }
        }
        messages.iter().all(|message| {
            if message.get("data").is_some() {
                self.house.counters.count_work();
            }
            self.outbox.push_json(Duration::ZERO, message)
        })
    }

    /// False when the socket must close.
    fn handle(&mut self, message: Option<Result<Message, axum::Error>>) -> bool {
        let text = match message {
            None | Some(Err(_) | Ok(Message::Close(_))) => return false,
            Some(Ok(Message::Ping(_) | Message::Pong(_))) => return true,
            Some(Ok(Message::Binary(_))) => {
                return self.complain(None, 400, "Binary messages are not understood.", "invalid_request");
            }
            Some(Ok(Message::Text(text))) => text,
        };
        match request::parse(&text) {
            Ok(request::Message::Cancel { context_id }) => {
                if let Some(context) = self.contexts.get_mut(&context_id) {
                    context.cancel();
                }
                true
            }
            Ok(request::Message::Speak(speak)) => self.speak(&speak),
            Err(mistake) => {
                let id = serde_json::from_str::<Value>(&text)
                    .ok()
                    .and_then(|value| Some(value.get("context_id")?.as_str()?.to_owned()));
                let message = format!("The request does not fit: {mistake}");
                self.complain(id.as_deref(), 400, &message, "invalid_request")
            }
        }
    }

    fn speak(&mut self, speak: &Speak) -> bool {
        let id = speak.context_id.as_str();
        if let Some(mistake) = speak.mistake() {
            return self.complain(Some(id), 400, &mistake, "invalid_request");
        }
        if self.closed.iter().any(|closed| closed == id) {
            let message = "The context has expired or was closed; begin a new one.";
            return self.complain(Some(id), 400, message, "context_expired");
        }
        if self.contexts.len() >= MOST_CONTEXTS && !self.contexts.contains_key(id) {
            return self.complain(Some(id), 429, "Too many open contexts.", "concurrency_limit");
        }
        let context = self.contexts.entry(id.to_owned()).or_insert_with(|| Context::new(speak));
        if context.settings() != &speak.settings() {
            let message =
                "All fields but transcript, continue and flush must stay the same within a context.";
            return self.complain(Some(id), 400, message, "context_mismatch");
        }
        if context.is_closing() {
            return self.complain(Some(id), 400, "The context takes no more text.", "context_closed");
        }
        context.add(speak, &self.config);
        true
    }

    fn complain(&mut self, id: Option<&str>, status: u16, message: &str, code: &str) -> bool {
        self.outbox.push_json(Duration::ZERO, &error(id, status, "Bad Request", message, code))
    }
}
